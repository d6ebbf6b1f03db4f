use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::{
    addresses::ip,
    fields::{at, forbidden, invalid, items, items_mut, open, or_set, set, text},
    pod_spec,
};
use crate::{Change, FieldError, Hooks, names};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    grace: Some(grace),
    prepare: Some(prepare),
    validate: Some(validate),
    ..Hooks::NONE
};

fn default(object: &mut Value) {
    let one = text(object, "/status/podIP").to_owned();
    let first = text(object, "/status/podIPs/0/ip").to_owned();
    if let Some(status) = object.get_mut("status") {
        if !one.is_empty() && one != first {
            set(status, "podIPs", json!([{"ip": one}]));
        } else if one.is_empty() && !first.is_empty() {
            set(status, "podIP", first);
        }
    }
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    pod_spec::default(spec);
    or_set(spec, "enableServiceLinks", true);
    for list in ["/containers", "/initContainers"] {
        for container in items_mut(spec, list) {
            let Some(Value::Object(limits)) = container.pointer("/resources/limits").cloned()
            else {
                continue;
            };
            let resources = open(container, "resources");
            let Some(requests) = resources.and_then(|of| open(of, "requests")) else {
                continue;
            };
            for (name, limit) in limits {
                or_set(requests, &name, limit);
            }
        }
    }
}

fn prepare(object: &mut Value, change: Change<'_>) {
    match change {
        Change::Create => {
            let class = quality(object);
            let status = json!({"phase": "Pending", "qosClass": class});
            set(object, "status", status);
            if let Some(spec) = object.get_mut("spec") {
                admit(spec);
            }
        }
        Change::Update {
            subresource: None, ..
        } => {
            if let Some(spec) = object.get_mut("spec") {
                tolerate(spec);
            }
        }
        Change::Update {
            old,
            subresource: Some("status"),
        } => {
            let class = old["status"]["qosClass"].clone();
            if let Some(status) = open(object, "status")
                && !class.is_null()
            {
                or_set(status, "qosClass", class);
            }
        }
        Change::Update { .. } => {}
    }
}

/// What runs nowhere goes at once; what runs is ended by its node first.
fn grace(object: &Value, asked: Option<i64>) -> i64 {
    let over = matches!(text(object, "/status/phase"), "Failed" | "Succeeded");
    if text(object, "/spec/nodeName").is_empty() || over {
        return 0;
    }
    let own = at(object, "/spec/terminationGracePeriodSeconds").as_i64();
    asked.or(own).unwrap_or(0)
}

/// What the real server adds to every pod that says nothing of it.
fn admit(spec: &mut Value) {
    or_set(spec, "serviceAccountName", "default");
    or_set(spec, "serviceAccount", "default");
    if text(spec, "/priorityClassName").is_empty() {
        or_set(spec, "priority", 0);
        or_set(spec, "preemptionPolicy", "PreemptLowerPriority");
    }
    tolerate(spec);
}

/// A pod waits some minutes for its node to come back.
fn tolerate(spec: &mut Value) {
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let mut tolerated = items(spec, "/tolerations").iter();
        let said = tolerated.any(|of| {
            let (of, effect) = (text(of, "/key"), text(of, "/effect"));
            (of.is_empty() || of == key) && matches!(effect, "" | "NoExecute")
        });
        or_set(spec, "tolerations", json!([]));
        if !said && let Some(Value::Array(all)) = spec.get_mut("tolerations") {
            all.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
}

/// Which pods go first when a node runs out of something.
fn quality(object: &Value) -> &'static str {
    let containers = items(object, "/spec/containers");
    let all = containers
        .iter()
        .chain(items(object, "/spec/initContainers"));
    let (mut any, mut guaranteed) = (false, true);
    for container in all {
        let none = Map::new();
        let of = |kind| at(container, kind).as_object().unwrap_or(&none);
        let (limits, requests) = (of("/resources/limits"), of("/resources/requests"));
        for name in ["cpu", "memory"] {
            let (limit, request) = (limits.get(name), requests.get(name));
            any |= limit.is_some() || request.is_some();
            guaranteed &= limit.is_some() && request == limit;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let spec = at(object, "/spec");
    let Change::Update { old, subresource } = change else {
        return pod_spec::check("spec", spec, false);
    };
    match subresource {
        Some("status") => return status(at(object, "/status")),
        Some(_) => return Vec::new(),
        None => {}
    }
    let mut wrong = pod_spec::check("spec", spec, false);
    for list in ["containers", "initContainers"] {
        let count = |of: &Value| items(of, &format!("/spec/{list}")).len();
        if count(object) != count(old) {
            let detail = "pod updates may not add or remove containers";
            wrong.push(forbidden(format!("spec.{list}"), detail));
            return wrong;
        }
    }
    wrong.extend(lost_toleration(spec, at(old, "/spec")));
    if changed(object, old) {
        const DETAIL: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        wrong.push(forbidden("spec", DETAIL));
    }
    wrong
}

/// What is wrong with addresses, and with the conditions that nobody but their
/// writer knows.
fn status(status: &Value) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    for name in ["hostIPs", "podIPs"] {
        let all = items(status, &format!("/{name}")).iter().enumerate();
        let of_ips = all.filter_map(|(i, of)| ip(&format!("status.{name}[{i}]"), &of["ip"]));
        wrong.extend(of_ips.take(FieldError::MOST));
    }
    let of_others = items(status, "/conditions")
        .iter()
        .enumerate()
        .map(|(i, condition)| (i, text(condition, "/type")))
        .filter(|(_, kind)| !CONDITIONS.contains(kind));
    let of_types = of_others.flat_map(|(i, kind)| {
        let field = format!("status.conditions[{i}].Type");
        let why = names::label_key(kind).into_iter();
        why.map(move |why| invalid(field.clone(), kind, why))
    });
    wrong.extend(of_types.take(FieldError::MOST));
    wrong
}

/// Tolerations stay, but for how long they last.
fn lost_toleration(spec: &Value, old: &Value) -> Option<FieldError> {
    let timeless = |toleration: &Value| {
        let mut toleration = toleration.clone();
        set(&mut toleration, "tolerationSeconds", Value::Null);
        toleration
    };
    let all = |of| items(of, "/tolerations").iter().map(timeless);
    let now: HashSet<String> = all(spec).map(|of| of.to_string()).collect();
    let lost = all(old).any(|of| !now.contains(&of.to_string()));
    let detail = "existing toleration can not be modified except its tolerationSeconds";
    lost.then(|| forbidden("spec.tolerations", detail))
}

/// Whether anything of a pod's spec that has to stay is another than it was.
fn changed(object: &Value, old: &Value) -> bool {
    let fixed = |of: &Value| {
        let mut spec = of["spec"].clone();
        for list in ["/containers", "/initContainers"] {
            items_mut(&mut spec, list).for_each(|container| set(container, "image", Value::Null));
        }
        if let Some(spec) = spec.as_object_mut() {
            for free in FREE {
                spec.remove(*free);
            }
        }
        spec
    };
    let (mut new, old) = (fixed(object), fixed(old));
    // Less than no time may become the shortest there is.
    let seconds = |of: &Value| of["terminationGracePeriodSeconds"].as_i64();
    if seconds(&new) == Some(1) && seconds(&old).is_some_and(|before| before < 0) {
        let before = old["terminationGracePeriodSeconds"].clone();
        set(&mut new, "terminationGracePeriodSeconds", before);
    }
    new != old
}

/// The conditions that Kubernetes itself sets.
const CONDITIONS: &[&str] = &["ContainersReady", "Initialized", "PodScheduled", "Ready"];

/// The fields of a pod's spec that may change, beside images.
const FREE: &[&str] = &["activeDeadlineSeconds", "schedulingGates", "tolerations"];
