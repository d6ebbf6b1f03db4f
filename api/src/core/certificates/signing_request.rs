use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::super::fields::{
    at, forbidden, invalid, items, items_mut, keep, not_supported, or_set, required, set, text,
};
use crate::{Change, FieldError, FieldErrorKind, Hooks, Request};

pub(super) const HOOKS: Hooks = Hooks {
    prepare: Some(prepare),
    stamp: Some(stamp),
    validate: Some(validate),
    ..Hooks::NONE
};

/// Nothing of what was asked for changes, and only an approval approves.
fn prepare(object: &mut Value, change: Change<'_>) {
    match change {
        Change::Create => set(object, "status", json!({})),
        Change::Update { old, subresource } => {
            keep(object, old, "spec");
            match subresource {
                None => keep(object, old, "status"),
                Some("status") => keep_decisions(object, old),
                Some(_) => {}
            }
        }
    }
}

/// Whoever writes the status has no say in what was decided.
fn keep_decisions(object: &mut Value, old: &Value) {
    let decided = |condition: &Value| matches!(text(condition, "/type"), "Approved" | "Denied");
    let before = items(old, "/status/conditions").iter();
    let mut before = before.filter(|of| decided(of));
    // Where there were none, those that are new are refused later on.
    for condition in items_mut(object, "/status/conditions") {
        if decided(condition)
            && let Some(as_it_was) = before.find(|of| of["type"] == condition["type"])
        {
            *condition = as_it_was.clone();
        }
    }
}

fn stamp(object: &mut Value, change: Change<'_>, request: &Request<'_>) {
    let Change::Update { old, subresource } = change else {
        return requester(object, request);
    };
    if subresource.is_none() {
        return;
    }
    let mut times = BTreeMap::new();
    for of in items(old, "/status/conditions") {
        let alike = (text(of, "/type"), text(of, "/status"));
        times
            .entry(alike)
            .or_insert_with(|| text(of, "/lastTransitionTime"));
    }
    for condition in items_mut(object, "/status/conditions") {
        or_set(condition, "lastUpdateTime", request.now);
        let alike = (text(condition, "/type"), text(condition, "/status"));
        let since = times.get(&alike).copied().unwrap_or_default();
        let since = if since.is_empty() { request.now } else { since };
        or_set(condition, "lastTransitionTime", since);
    }
}

/// Who asks is for the server to say.
fn requester(object: &mut Value, request: &Request<'_>) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, value) in [
        ("username", json!(request.user)),
        ("uid", json!(request.uid)),
        ("groups", json!(request.groups)),
        ("extra", json!(request.extra)),
    ] {
        let empty = value == "" || value == json!([]) || value == json!({});
        if empty {
            spec.remove(name);
        } else {
            spec.insert(name.to_owned(), value);
        }
    }
}

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let mut wrong = spec(at(object, "/spec"));
    conditions(object, &mut wrong);
    if let Change::Update { old, subresource } = change {
        history(object, old, subresource, &mut wrong);
    }
    wrong
}

fn spec(spec: &Value) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let request = text(spec, "/request");
    let pem = BASE64_STANDARD.decode(request).unwrap_or_default();
    if !pem
        .trim_ascii_start()
        .starts_with(b"-----BEGIN CERTIFICATE REQUEST-----")
    {
        let detail = "PEM block type must be CERTIFICATE REQUEST";
        wrong.push(invalid("spec.request", request, detail));
    }
    let usages = items(spec, "/usages");
    if usages.is_empty() {
        wrong.push(required("spec.usages", ""));
    }
    let mut seen = BTreeSet::new();
    for (i, usage) in usages.iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let name = usage.as_str().unwrap_or_default();
        let field = format!("spec.usages[{i}]");
        if !USAGES.contains(&name) {
            wrong.push(not_supported(field.clone(), name, USAGES));
        }
        if !seen.insert(name) {
            let kind = FieldErrorKind::Duplicate(usage.to_string());
            wrong.push(FieldError::new(field, kind, ""));
        }
    }
    wrong.extend(signer(text(spec, "/signerName")));
    let seconds = at(spec, "/expirationSeconds");
    if seconds.as_i64().is_some_and(|seconds| seconds < 600) {
        let detail = "may not specify a duration less than 600 seconds (10 minutes)";
        wrong.push(invalid("spec.expirationSeconds", seconds.clone(), detail));
    }
    wrong
}

fn signer(name: &str) -> Option<FieldError> {
    const FIELD: &str = "spec.signerName";
    if name.is_empty() {
        return Some(required(FIELD, ""));
    }
    if name == "kubernetes.io/legacy-unknown" {
        let detail = "the legacy signerName is not allowed via this API version";
        return Some(invalid(FIELD, name, detail));
    }
    let parts: Vec<&str> = name.split('/').collect();
    if parts.len() == 2 && parts[0].contains('.') && !parts[1].is_empty() {
        return None;
    }
    let detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    Some(invalid(FIELD, name, detail))
}

fn conditions(object: &Value, wrong: &mut Vec<FieldError>) {
    let conditions = items(object, "/status/conditions");
    let mut seen = BTreeSet::new();
    for (i, condition) in conditions.iter().enumerate() {
        if FieldError::enough(wrong) {
            break;
        }
        let field = |name: &str| format!("status.conditions[{i}].{name}");
        let (kind, status) = (text(condition, "/type"), text(condition, "/status"));
        if kind.is_empty() {
            wrong.push(required(field("type"), ""));
        }
        let allowed: &[&str] = match kind {
            "Approved" | "Denied" | "Failed" => &["True"],
            _ => &["False", "True", "Unknown"],
        };
        if status.is_empty() {
            wrong.push(required(field("status"), ""));
        } else if !allowed.contains(&status) {
            wrong.push(not_supported(field("status"), status, allowed));
        }
        let other = match kind {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => "",
        };
        if !other.is_empty() && seen.contains(other) {
            let detail = "Approved and Denied conditions are mutually exclusive";
            wrong.push(invalid("status.conditions", kind, detail));
        }
        if !seen.insert(kind) {
            let kind = FieldErrorKind::Duplicate(Value::from(kind).to_string());
            wrong.push(FieldError::new(field("type"), kind, ""));
        }
    }
}

/// What may not become of a request that has been decided.
fn history(object: &Value, old: &Value, subresource: Option<&str>, wrong: &mut Vec<FieldError>) {
    const FIELD: &str = "status.conditions";
    for kind in ["Approved", "Denied", "Failed"] {
        let of = |object: &Value| -> Vec<Value> {
            let conditions = items(object, "/status/conditions").iter();
            conditions
                .filter(|of| of["type"] == kind)
                .cloned()
                .collect()
        };
        let (before, now) = (of(old), of(object));
        if now.len() < before.len() {
            let detail = format!("updates may not remove a condition of type {kind:?}");
            wrong.push(forbidden(FIELD, detail));
        } else if kind != "Failed" && subresource != Some("approval") {
            if now.len() > before.len() {
                let detail = format!("updates may not add a condition of type {kind:?}");
                wrong.push(forbidden(FIELD, detail));
            } else if now != before {
                let detail = format!("updates may not modify a condition of type {kind:?}");
                wrong.push(forbidden(FIELD, detail));
            }
        }
    }
    let (before, now) = (
        text(old, "/status/certificate"),
        text(object, "/status/certificate"),
    );
    if now != before {
        let field = "status.certificate";
        if subresource != Some("status") {
            wrong.push(forbidden(field, "updates may not set certificate content"));
        } else if !before.is_empty() {
            let detail = "updates may not modify existing certificate content";
            wrong.push(forbidden(field, detail));
        }
    }
}

/// In the order in which the real server names them.
const USAGES: &[&str] = &[
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];
