use serde_json::{Map, Value, json};

use super::super::fields::{items, items_mut, or_set, required, set, text};
use crate::{Change, FieldError, Hooks};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    prepare: Some(prepare),
    validate: Some(validate),
    ..Hooks::NONE
};

fn default(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    or_set(spec, "sessionAffinity", "None");
    or_set(spec, "type", "ClusterIP");
    match text(spec, "/sessionAffinity") {
        "ClientIP"
            if spec
                .pointer("/sessionAffinityConfig/clientIP/timeoutSeconds")
                .is_none() =>
        {
            let config = json!({"clientIP": {"timeoutSeconds": 10800}});
            set(spec, "sessionAffinityConfig", config);
        }
        "None" => {
            if let Some(spec) = spec.as_object_mut() {
                spec.remove("sessionAffinityConfig");
            }
        }
        _ => {}
    }
    for port in items_mut(spec, "/ports") {
        or_set(port, "protocol", "TCP");
        let target = port["port"].clone();
        if port["targetPort"] == 0 {
            set(port, "targetPort", Value::Null);
        }
        or_set(port, "targetPort", target);
    }
    let kind = text(spec, "/type").to_owned();
    let external = matches!(&*kind, "LoadBalancer" | "NodePort")
        || kind == "ClusterIP" && !items(spec, "/externalIPs").is_empty();
    if external {
        or_set(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind != "ExternalName" {
        or_set(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        or_set(spec, "allocateLoadBalancerNodePorts", true);
    }
}

/// Nothing here gives addresses to Services; what has none by its own wish is
/// complete, and what has some keeps them.
fn prepare(object: &mut Value, change: Change<'_>) {
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    if let Change::Update { old, .. } = change
        && spec["type"] == old["spec"]["type"]
    {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            let kept = old["spec"][field].clone();
            if !kept.is_null() {
                or_set(spec, field, kept);
            }
        }
    }
    if spec["clusterIP"] == "None" {
        or_set(spec, "clusterIPs", json!(["None"]));
        // Whoever keeps its endpoints himself may have some of either family.
        let selects = !spec["selector"].as_object().is_none_or(Map::is_empty);
        let (families, policy) = if selects {
            (json!(["IPv4"]), "SingleStack")
        } else {
            (json!(["IPv4", "IPv6"]), "RequireDualStack")
        };
        or_set(spec, "ipFamilies", families);
        or_set(spec, "ipFamilyPolicy", policy);
    }
}

fn validate(object: &Value, _: Change<'_>) -> Vec<FieldError> {
    let ports = items(object, "/spec/ports");
    let kind = text(object, "/spec/type");
    if ports.is_empty() && kind != "ExternalName" && object["spec"]["clusterIP"] != "None" {
        return vec![required("spec.ports", "")];
    }
    if kind == "ExternalName" && text(object, "/spec/externalName").is_empty() {
        return vec![required("spec.externalName", "")];
    }
    let mut wrong = Vec::new();
    for (i, port) in ports.iter().enumerate() {
        if ports.len() > 1 && text(port, "/name").is_empty() {
            wrong.push(required(format!("spec.ports[{i}].name"), ""));
        }
    }
    wrong
}
