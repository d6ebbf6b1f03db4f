use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::Value;

use super::super::addresses;
use super::super::fields::{at, immutable, invalid, items, items_mut, or_set, required, text};
use super::super::values::{PROTOCOLS, one_of, text_if_any};
use crate::{Change, FieldError, FieldErrorKind, Hooks, names};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    prepare: Some(prepare),
    validate: Some(validate),
    ..Hooks::NONE
};

/// Other labels count as another generation, as proxies select by them.
fn prepare(object: &mut Value, change: Change<'_>) {
    let Change::Update { old, .. } = change else {
        return;
    };
    let generation = at(old, "/metadata/generation").as_i64();
    if at(object, "/metadata/labels") != at(old, "/metadata/labels")
        && let (Some(generation), Some(metadata)) = (generation, object.get_mut("metadata"))
    {
        metadata["generation"] = (generation + 1).into();
    }
}

fn default(object: &mut Value) {
    for port in items_mut(object, "/ports") {
        or_set(port, "name", "");
        or_set(port, "protocol", "TCP");
    }
}

/// Endpoints that were there before are not looked at again.
fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let kinds = ["FQDN", "IPv4", "IPv6"];
    let kind = &object["addressType"];
    let mut wrong: Vec<_> = one_of("addressType".to_owned(), kind, &kinds)
        .into_iter()
        .collect();
    wrong.extend(ports(items(object, "/ports")));
    let old = match change {
        Change::Update { old, .. } => Some(old),
        Change::Create => None,
    };
    if old.is_none_or(|old| old["endpoints"] != object["endpoints"]) {
        for (i, of) in items(object, "/endpoints").iter().enumerate() {
            if FieldError::enough(&wrong) {
                break;
            }
            wrong.extend(endpoint(&format!("endpoints[{i}]"), of, kind));
        }
    }
    wrong.extend(old.and_then(|old| immutable("addressType", object, old, "/addressType")));
    wrong
}

fn ports(ports: &[Value]) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut taken = HashSet::new();
    for (i, port) in ports.iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let child = |name: &str| format!("ports[{i}].{name}");
        let name = text(port, "/name");
        wrong.extend(text_if_any(child("name"), &port["name"], names::dns_label));
        if !taken.insert(name) {
            let kind = FieldErrorKind::Duplicate(Value::from(name).to_string());
            wrong.push(FieldError::new(child("name"), kind, ""));
        }
        wrong.extend(one_of(child("protocol"), &port["protocol"], PROTOCOLS));
        let application = &port["appProtocol"];
        wrong.extend(text_if_any(
            child("appProtocol"),
            application,
            names::label_key,
        ));
    }
    wrong
}

fn endpoint(field: &str, of: &Value, kind: &Value) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let list = items(of, "/addresses");
    let place = format!("{field}.addresses");
    if list.is_empty() {
        let detail = "must contain at least 1 address";
        wrong.push(required(place.as_str(), detail));
    }
    for (i, address) in list.iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let text = address.as_str().unwrap_or_default();
        let v4 = match kind.as_str() {
            Some("IPv4") => true,
            Some("IPv6") => false,
            _ => continue,
        };
        let field = format!("{place}[{i}]");
        let bad = addresses::ip(&field, address);
        if bad.is_none() {
            if text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4() != v4) {
                let family = if v4 { "IPv4" } else { "IPv6" };
                let detail = format!("must be an {family} address");
                wrong.push(invalid(place.as_str(), text, detail));
            }
            wrong.extend(addresses::endpoint(&field, text));
        }
        wrong.extend(bad);
    }
    for (name, form) in [
        ("nodeName", names::dns_subdomain as fn(&str) -> _),
        ("hostname", names::dns_label),
    ] {
        wrong.extend(text_if_any(format!("{field}.{name}"), &of[name], form));
    }
    wrong
}
