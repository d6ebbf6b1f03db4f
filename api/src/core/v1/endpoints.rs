use serde_json::Value;

use super::super::addresses;
use super::super::fields::{items, items_mut, or_set, required, text};
use super::super::values::{PROTOCOLS, one_of, port_number, text_if_any};
use crate::{Change, FieldError, Hooks, names};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    validate: Some(validate),
    ..Hooks::NONE
};

fn default(object: &mut Value) {
    for subset in items_mut(object, "/subsets") {
        items_mut(subset, "/ports").for_each(|port| or_set(port, "protocol", "TCP"));
    }
}

/// What was there before is not looked at again.
fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    if let Change::Update { old, .. } = change
        && object["subsets"] == old["subsets"]
    {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for (i, subset) in items(object, "/subsets").iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let field = format!("subsets[{i}]");
        let lists = ["addresses", "notReadyAddresses"];
        let all = |list: &str| items(subset, &format!("/{list}")).iter().enumerate();
        if lists.iter().all(|list| all(list).len() == 0) {
            let detail = "must specify `addresses` or `notReadyAddresses`";
            wrong.push(required(field.as_str(), detail));
        }
        for list in lists {
            for (i, of) in all(list) {
                if FieldError::enough(&wrong) {
                    break;
                }
                wrong.extend(address(&format!("{field}.{list}[{i}]"), of));
            }
        }
        let count = all("ports").len();
        for (i, of) in all("ports") {
            if FieldError::enough(&wrong) {
                break;
            }
            wrong.extend(port(&format!("{field}.ports[{i}]"), of, count > 1));
        }
    }
    wrong
}

fn address(field: &str, of: &Value) -> Vec<FieldError> {
    let place = format!("{field}.ip");
    let mut wrong: Vec<_> = addresses::ip(&place, &of["ip"]).into_iter().collect();
    for (name, form) in [
        ("hostname", names::dns_label as fn(&str) -> _),
        ("nodeName", names::dns_subdomain),
    ] {
        wrong.extend(text_if_any(format!("{field}.{name}"), &of[name], form));
    }
    wrong.extend(addresses::endpoint(&place, text(of, "/ip")));
    wrong
}

fn port(field: &str, of: &Value, named: bool) -> Vec<FieldError> {
    let child = |name: &str| format!("{field}.{name}");
    let mut wrong = text_if_any(child("name"), &of["name"], names::dns_label);
    if named && text(of, "/name").is_empty() {
        wrong.push(required(child("name"), ""));
    }
    wrong.extend(port_number(child("port"), &of["port"]));
    wrong.extend(one_of(child("protocol"), &of["protocol"], PROTOCOLS));
    let application = &of["appProtocol"];
    wrong.extend(text_if_any(
        child("appProtocol"),
        application,
        names::label_key,
    ));
    wrong
}
