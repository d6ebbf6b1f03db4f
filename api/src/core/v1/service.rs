use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::fields::{at, forbidden, invalid, items, items_mut, or_set, required, set, text};
use super::super::values::{PROTOCOLS, labels, one_of, port, port_number, text_if_any};
use crate::{Change, FieldError, FieldErrorKind, Hooks, names};

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
    let spec = at(object, "/spec");
    let ports = items(spec, "/ports");
    let (kind, headless) = (text(spec, "/type"), spec["clusterIP"] == "None");
    let mut wrong = Vec::new();
    if ports.is_empty() && kind != "ExternalName" && !headless {
        wrong.push(required("spec.ports", ""));
    }
    if matches!(kind, "LoadBalancer" | "NodePort") && headless {
        let detail = format!("may not be set to 'None' for {kind} services");
        wrong.push(invalid("spec.clusterIPs[0]", "None", detail));
    }
    if kind == "ExternalName" {
        let name = text(spec, "/externalName").trim_end_matches('.');
        if name.is_empty() {
            wrong.push(required("spec.externalName", ""));
        }
        let name = Value::from(name);
        let field = "spec.externalName".to_owned();
        wrong.extend(text_if_any(field, &name, names::dns_subdomain));
    }
    wrong.extend(of_ports(ports));
    wrong.extend(labels("spec.selector", at(spec, "/selector")));
    for (name, allowed) in [
        ("sessionAffinity", &["ClientIP", "None"][..]),
        (
            "type",
            &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
        ),
    ] {
        wrong.extend(one_of(format!("spec.{name}"), &spec[name], allowed));
    }
    for (i, port) in ports.iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        if kind == "ClusterIP" && port["nodePort"].as_i64().unwrap_or(0) != 0 {
            let detail = "may not be used when `type` is 'ClusterIP'";
            wrong.push(forbidden(format!("spec.ports[{i}].nodePort"), detail));
        }
    }
    let mut taken = HashSet::new();
    for (i, port) in ports.iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let (protocol, number) = (text(port, "/protocol"), port["port"].as_i64().unwrap_or(0));
        if !taken.insert((protocol, number)) {
            let shown = json!({
                "Name": "", "Protocol": protocol, "AppProtocol": null, "Port": number,
                "TargetPort": 0, "NodePort": 0,
            });
            let kind = FieldErrorKind::Duplicate(shown.to_string());
            wrong.push(FieldError::new(format!("spec.ports[{i}]"), kind, ""));
        }
    }
    wrong
}

fn of_ports(ports: &[Value]) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut taken = HashSet::new();
    for (i, of) in ports.iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let child = |name: &str| format!("spec.ports[{i}].{name}");
        let name = text(of, "/name");
        if ports.len() > 1 && name.is_empty() {
            wrong.push(required(child("name"), ""));
        }
        wrong.extend(text_if_any(child("name"), &of["name"], names::dns_label));
        if !name.is_empty() && !taken.insert(name) {
            let kind = FieldErrorKind::Duplicate(Value::from(name).to_string());
            wrong.push(FieldError::new(child("name"), kind, ""));
        }
        wrong.extend(port_number(child("port"), &of["port"]));
        wrong.extend(one_of(child("protocol"), &of["protocol"], PROTOCOLS));
        wrong.extend(port(&child("targetPort"), &of["targetPort"]));
        let application = &of["appProtocol"];
        wrong.extend(text_if_any(
            child("appProtocol"),
            application,
            names::label_key,
        ));
    }
    wrong
}
