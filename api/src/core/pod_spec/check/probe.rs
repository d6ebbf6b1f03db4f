use serde_json::Value;

use super::super::super::fields::{forbidden, invalid, items, required, text};
use super::super::super::values::{naturals, one_of, port};
use crate::FieldError;

/// What is wrong with a container's probes.
pub(super) fn all(field: &str, container: &Value) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    for (name, once) in [
        ("livenessProbe", true),
        ("readinessProbe", false),
        ("startupProbe", true),
    ] {
        let probe = &container[name];
        if !probe.is_object() {
            continue;
        }
        let field = format!("{field}.{name}");
        wrong.extend(handler(&field, probe));
        wrong.extend(naturals(&field, probe, COUNTS));
        if once && probe["successThreshold"] != 1 {
            let value = probe["successThreshold"].clone();
            let field = format!("{field}.successThreshold");
            wrong.push(invalid(field, value, "must be 1"));
        }
    }
    wrong
}

/// Exactly one thing is done to find out.
fn handler(field: &str, probe: &Value) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut found = false;
    for name in ["exec", "httpGet", "tcpSocket", "grpc"] {
        let action = &probe[name];
        if !action.is_object() {
            continue;
        }
        let field = format!("{field}.{name}");
        if found {
            wrong.push(forbidden(field, "may not specify more than 1 handler type"));
            continue;
        }
        found = true;
        if name == "exec" {
            if items(action, "/command").is_empty() {
                wrong.push(required(format!("{field}.command"), ""));
            }
            continue;
        }
        if name == "httpGet" && text(action, "/path").is_empty() {
            wrong.push(required(format!("{field}.path"), ""));
        }
        wrong.extend(port(&format!("{field}.port"), &action["port"]));
        if name == "httpGet" {
            let scheme = format!("{field}.scheme");
            wrong.extend(one_of(scheme, &action["scheme"], &["HTTP", "HTTPS"]));
        }
    }
    if !found {
        wrong.push(required(field, "must specify a handler type"));
    }
    wrong
}

const COUNTS: &[&str] = &[
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
];
