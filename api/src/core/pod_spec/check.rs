//! What is wrong with a pod's spec, alone or in a template.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::super::fields::{at, forbidden, invalid, items, required, text};
use super::super::values::{effect, labels, naturals, one_of, text_if_any};
use crate::{FieldError, FieldErrorKind, names};

mod container;
mod probe;

use container::Containers;

/// What is wrong with the spec at `field`. In a template a port of the node's
/// need not be told, as each pod is given it when it is made.
pub(in crate::core) fn check(field: &str, spec: &Value, in_template: bool) -> Vec<FieldError> {
    let (volumes, mut wrong) = volumes(&format!("{field}.volumes"), items(spec, "/volumes"));
    let containers = Containers {
        field,
        spec,
        volumes: &volumes,
        in_template,
    };
    wrong.extend(containers.check());
    let child = |name: &str| format!("{field}.{name}");
    wrong.extend(one_of(
        child("restartPolicy"),
        &spec["restartPolicy"],
        &["Always", "OnFailure", "Never"],
    ));
    wrong.extend(one_of(
        child("dnsPolicy"),
        &spec["dnsPolicy"],
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    ));
    wrong.extend(labels(&child("nodeSelector"), at(spec, "/nodeSelector")));
    let context = &spec["securityContext"];
    let ids = ["runAsUser", "runAsGroup", "fsGroup"];
    let context_field = child("securityContext");
    wrong.extend(
        naturals(&context_field, context, &ids).map(|error| FieldError {
            detail: "must be between 0 and 2147483647, inclusive".to_owned(),
            ..error
        }),
    );
    for (name, form) in [
        ("serviceAccountName", names::dns_subdomain as fn(&str) -> _),
        ("nodeName", names::dns_subdomain),
    ] {
        wrong.extend(text_if_any(child(name), &spec[name], form));
    }
    if let Some(seconds) = spec["activeDeadlineSeconds"].as_i64()
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let detail = "must be between 1 and 2147483647, inclusive";
        wrong.push(invalid(child("activeDeadlineSeconds"), seconds, detail));
    }
    for name in ["hostname", "subdomain"] {
        wrong.extend(text_if_any(child(name), &spec[name], names::dns_label));
    }
    let tolerations = items(spec, "/tolerations").iter().enumerate();
    let of_tolerations = tolerations.flat_map(|(i, of)| toleration(&child("tolerations"), i, of));
    wrong.extend(of_tolerations.take(FieldError::MOST));
    wrong
}

/// What is wrong with a template of pods.
pub(in crate::core) fn check_template(field: &str, template: &Value) -> Vec<FieldError> {
    let metadata = at(template, "/metadata");
    let mut wrong = labels(&format!("{field}.labels"), &metadata["labels"]);
    for key in at(metadata, "/annotations")
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
    {
        if FieldError::enough(&wrong) {
            break;
        }
        let why = names::label_key(&key.to_lowercase()).into_iter();
        wrong.extend(why.map(|why| invalid(format!("{field}.annotations"), key.as_str(), why)));
    }
    wrong.extend(check(&format!("{field}.spec"), at(template, "/spec"), true));
    wrong
}

/// The names of the volumes that are good ones, and what is wrong with others.
fn volumes<'a>(field: &str, volumes: &'a [Value]) -> (HashSet<&'a str>, Vec<FieldError>) {
    let (mut good, mut all) = (HashSet::new(), Vec::new());
    for (i, volume) in volumes.iter().enumerate() {
        if FieldError::enough(&all) {
            break;
        }
        let field = format!("{field}[{i}]");
        let mut wrong = Vec::new();
        let mut given = SOURCES.iter().filter(|source| volume[**source].is_object());
        let source = *given.next().unwrap_or(&"");
        let needed = NEEDED.iter().find(|(of, _)| *of == source);
        if let Some((_, needs)) = needed
            && text(&volume[source], &format!("/{needs}")).is_empty()
        {
            wrong.push(required(format!("{field}.{source}.{needs}"), ""));
        }
        wrong.extend(given.map(|other| {
            let detail = "may not specify more than 1 volume type";
            forbidden(format!("{field}.{other}"), detail)
        }));
        let name = text(volume, "/name");
        if name.is_empty() {
            wrong.push(required(format!("{field}.name"), ""));
        }
        wrong.extend(text_if_any(
            format!("{field}.name"),
            &volume["name"],
            names::dns_label,
        ));
        if good.contains(name) {
            wrong.push(duplicate(format!("{field}.name"), name));
        }
        if wrong.is_empty() {
            good.insert(name);
        }
        all.extend(wrong);
    }
    (good, all)
}

fn toleration(field: &str, i: usize, of: &Value) -> Vec<FieldError> {
    let field = format!("{field}[{i}]");
    let child = |name: &str| format!("{field}.{name}");
    let (key, operator) = (text(of, "/key"), text(of, "/operator"));
    let (value, on) = (text(of, "/value"), text(of, "/effect"));
    let mut wrong = text_if_any(child("key"), &of["key"], names::label_key);
    if key.is_empty() && operator != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        wrong.push(invalid(child("operator"), operator, detail));
    }
    if !of["tolerationSeconds"].is_null() && on != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        wrong.push(invalid(child("effect"), on, detail));
    }
    match operator {
        "" | "Equal" => {
            let why = names::label_value(value);
            if !why.is_empty() {
                wrong.push(invalid(child("operator"), value, why.join(";")));
            }
        }
        "Exists" if !value.is_empty() => {
            let detail = "value must be empty when `operator` is 'Exists'";
            wrong.push(invalid(child("operator"), value, detail));
        }
        "Exists" => {}
        _ => wrong.extend(one_of(
            child("operator"),
            &of["operator"],
            &["Equal", "Exists"],
        )),
    }
    if !on.is_empty() {
        wrong.extend(effect(child("effect"), &of["effect"]));
    }
    wrong
}

fn duplicate(field: String, value: &str) -> FieldError {
    let value = Value::from(value).to_string();
    FieldError::new(field, FieldErrorKind::Duplicate(value), "")
}

/// The sorts of volumes, in the order in which the real server looks for them.
const SOURCES: &[&str] = &[
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];
/// What a volume of that sort cannot do without.
const NEEDED: &[(&str, &str)] = &[
    ("hostPath", "path"),
    ("secret", "secretName"),
    ("persistentVolumeClaim", "claimName"),
    ("configMap", "name"),
];
