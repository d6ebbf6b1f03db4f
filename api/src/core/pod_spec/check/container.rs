use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::Value;

use super::super::super::fields::{at, invalid, items, required, text};
use super::super::super::values::{PROTOCOLS, one_of, port_number, text_if_any};
use super::{duplicate, probe};
use crate::{FieldError, FieldErrorKind, names, quantity};

/// The containers of a pod's spec.
pub(super) struct Containers<'a> {
    /// Where the spec is.
    pub(super) field: &'a str,
    pub(super) spec: &'a Value,
    /// The names of the volumes that there are to be mounted.
    pub(super) volumes: &'a HashSet<&'a str>,
    pub(super) in_template: bool,
}

impl Containers<'_> {
    pub(super) fn check(&self) -> Vec<FieldError> {
        let field = format!("{}.containers", self.field);
        let containers = items(self.spec, "/containers");
        let mut wrong = Vec::new();
        if containers.is_empty() {
            wrong.push(required(field.as_str(), ""));
        }
        let mut names = HashSet::new();
        for (i, container) in containers.iter().enumerate() {
            if FieldError::enough(&wrong) {
                break;
            }
            let field = format!("{field}[{i}]");
            wrong.extend(self.common(&field, container));
            let name = text(container, "/name");
            if !names.insert(name) {
                wrong.push(duplicate(format!("{field}.name"), name));
            }
            wrong.extend(probe::all(&field, container));
        }
        wrong.extend(taken_twice(&field, containers));
        for (i, container) in items(self.spec, "/initContainers").iter().enumerate() {
            if FieldError::enough(&wrong) {
                break;
            }
            let field = format!("{}.initContainers[{i}]", self.field);
            wrong.extend(self.common(&field, container));
            let name = text(container, "/name");
            if !name.is_empty() && !names.insert(name) {
                wrong.push(duplicate(format!("{field}.name"), name));
            }
        }
        wrong.extend(self.ports_of_host(&field, containers));
        wrong
    }

    /// What holds of every sort of container.
    fn common(&self, field: &str, container: &Value) -> Vec<FieldError> {
        let child = |name: &str| format!("{field}.{name}");
        let mut wrong = Vec::new();
        for name in ["name", "image"] {
            if text(container, &format!("/{name}")).is_empty() {
                wrong.push(required(child(name), ""));
            } else if name == "name" {
                wrong.extend(text_if_any(child(name), &container[name], names::dns_label));
            }
        }
        wrong.extend(one_of(
            child("terminationMessagePolicy"),
            &container["terminationMessagePolicy"],
            &["File", "FallbackToLogsOnError"],
        ));
        wrong.extend(ports(&child("ports"), items(container, "/ports")));
        for (i, variable) in items(container, "/env").iter().enumerate() {
            if FieldError::enough(&wrong) {
                break;
            }
            let field = format!("{}[{i}].name", child("env"));
            if text(variable, "/name").is_empty() {
                wrong.push(required(field.as_str(), ""));
            }
            wrong.extend(text_if_any(field, &variable["name"], names::variable));
        }
        wrong.extend(self.mounts(&child("volumeMounts"), items(container, "/volumeMounts")));
        wrong.extend(one_of(
            child("imagePullPolicy"),
            &container["imagePullPolicy"],
            &["Always", "IfNotPresent", "Never"],
        ));
        wrong.extend(resources(&child("resources"), &container["resources"]));
        wrong
    }

    fn mounts(&self, field: &str, mounts: &[Value]) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let mut paths = HashSet::new();
        for (i, mount) in mounts.iter().enumerate() {
            if FieldError::enough(&wrong) {
                break;
            }
            let child = |name: &str| format!("{field}[{i}].{name}");
            let (name, path) = (text(mount, "/name"), text(mount, "/mountPath"));
            if name.is_empty() {
                wrong.push(required(child("name"), ""));
            }
            if !self.volumes.contains(name) {
                let kind = FieldErrorKind::NotFound(Value::from(name).to_string());
                wrong.push(FieldError::new(child("name"), kind, ""));
            }
            if path.is_empty() {
                wrong.push(required(child("mountPath"), ""));
            }
            if !paths.insert(path) {
                wrong.push(invalid(child("mountPath"), path, "must be unique"));
            }
        }
        wrong
    }

    /// Who shares the node's network has its ports there as well.
    fn ports_of_host(&self, field: &str, containers: &[Value]) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        if self.spec["hostNetwork"] != true {
            return wrong;
        }
        for (place, port) in all_ports(field, containers) {
            if FieldError::enough(&wrong) {
                break;
            }
            let number = |name: &str| port[name].as_i64().unwrap_or(0);
            let (host, own) = (number("hostPort"), number("containerPort"));
            if host != own && (host != 0 || !self.in_template) {
                let detail = "must match `containerPort` when `hostNetwork` is true";
                wrong.push(invalid(format!("{place}.hostPort"), host, detail));
            }
        }
        wrong
    }
}

fn ports(field: &str, ports: &[Value]) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut names = HashSet::new();
    for (i, port) in ports.iter().enumerate() {
        if FieldError::enough(&wrong) {
            break;
        }
        let child = |name: &str| format!("{field}[{i}].{name}");
        let name = text(port, "/name");
        let of_name = text_if_any(child("name"), &port["name"], names::port);
        if of_name.is_empty() && !name.is_empty() && !names.insert(name) {
            wrong.push(duplicate(child("name"), name));
        }
        wrong.extend(of_name);
        if port["containerPort"].as_i64().unwrap_or(0) == 0 {
            wrong.push(required(child("containerPort"), ""));
        } else {
            wrong.extend(port_number(child("containerPort"), &port["containerPort"]));
        }
        if port["hostPort"].as_i64().unwrap_or(0) != 0 {
            wrong.extend(port_number(child("hostPort"), &port["hostPort"]));
        }
        wrong.extend(one_of(child("protocol"), &port["protocol"], PROTOCOLS));
    }
    wrong
}

/// A node's port can be had once.
fn taken_twice(field: &str, containers: &[Value]) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut taken = HashSet::new();
    for (place, port) in all_ports(field, containers) {
        if FieldError::enough(&wrong) {
            break;
        }
        let number = port["hostPort"].as_i64().unwrap_or(0);
        let (protocol, address) = (text(port, "/protocol"), text(port, "/hostIP"));
        let shown = format!("{protocol}/{address}/{number}");
        if number != 0 && !taken.insert(shown.clone()) {
            wrong.push(duplicate(format!("{place}.hostPort"), &shown));
        }
    }
    wrong
}

/// All ports of containers, and where each is.
fn all_ports<'a>(
    field: &'a str,
    containers: &'a [Value],
) -> impl Iterator<Item = (String, &'a Value)> {
    let containers = containers.iter().enumerate();
    containers.flat_map(move |(c, container)| {
        let ports = items(container, "/ports").iter().enumerate();
        ports.map(move |(p, port)| (format!("{field}[{c}].ports[{p}]"), port))
    })
}

fn resources(field: &str, resources: &Value) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    for list in ["limits", "requests"] {
        let amounts = at(resources, &format!("/{list}")).as_object();
        for (name, amount) in amounts.into_iter().flatten() {
            if FieldError::enough(&wrong) {
                break;
            }
            let place = format!("{field}.{list}[{name}]");
            let amount = amount.as_str().unwrap_or_default();
            wrong.extend(resource_name(&place, name));
            if quantity::compare(amount, "0") == Some(Ordering::Less) {
                let detail = "must be greater than or equal to 0";
                wrong.push(invalid(place, amount, detail));
            }
            let limit = resources["limits"][name].as_str().unwrap_or_default();
            let over = quantity::compare(amount, limit) == Some(Ordering::Greater);
            if list == "requests" && over {
                let detail = format!("must be less than or equal to {name} limit of {limit}");
                wrong.push(invalid(format!("{field}.requests"), amount, detail));
            }
        }
    }
    wrong
}

fn resource_name(field: &str, name: &str) -> Vec<FieldError> {
    let wrong = names::label_key(name);
    if !wrong.is_empty() {
        let wrong = wrong.into_iter();
        return wrong.map(|why| invalid(field, name, why)).collect();
    }
    let standard = ["cpu", "memory", "ephemeral-storage"].contains(&name);
    if standard || name.contains('/') || name.starts_with("hugepages-") {
        return Vec::new();
    }
    let details = [
        "must be a standard resource type or fully qualified",
        "must be a standard resource for containers",
    ];
    details.map(|why| invalid(field, name, why)).into()
}
