use std::collections::BTreeSet;

use serde_json::Value;

use super::super::fields::{at, items, text};
use super::{AGE, NAME, age, column, name, or_none, wide};
use crate::{Elapsed, kind::Col};

pub(in crate::core) const COLUMNS: &[Col] = &[
    NAME,
    column("Status"),
    column("Roles"),
    AGE,
    column("Version"),
    wide("Internal-IP"),
    wide("External-IP"),
    wide("OS-Image"),
    wide("Kernel-Version"),
    wide("Container-Runtime"),
];

pub(in crate::core) fn row(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let mut ready = items(object, "/status/conditions").iter();
    let ready = ready.rfind(|of| of["type"] == "Ready");
    let mut status = match ready {
        Some(ready) if ready["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if at(object, "/spec/unschedulable") == true {
        status.push_str(",SchedulingDisabled");
    }
    let info = |name: &str| match text(object, &format!("/status/nodeInfo/{name}")) {
        "" => "<unknown>".to_owned(),
        of => of.to_owned(),
    };
    let mut kernel = info("kernelVersion");
    let architecture = text(object, "/status/nodeInfo/architecture");
    if !architecture.is_empty() {
        kernel = format!("{kernel} ({architecture})");
    }
    let address = |kind| {
        let addresses = items(object, "/status/addresses").iter();
        let mut of = addresses.filter(|of| of["type"] == kind);
        or_none(of.next().map_or("", |of| text(of, "/address"))).to_owned()
    };
    vec![
        name(object),
        status.into(),
        or_none(&roles(object)).into(),
        age(object, elapsed),
        text(object, "/status/nodeInfo/kubeletVersion").into(),
        address("InternalIP").into(),
        address("ExternalIP").into(),
        info("osImage").into(),
        kernel.into(),
        info("containerRuntimeVersion").into(),
    ]
}

fn roles(object: &Value) -> String {
    let labels = at(object, "/metadata/labels").as_object();
    let roles: BTreeSet<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.as_str() {
            "kubernetes.io/role" => value.as_str(),
            key => key.strip_prefix("node-role.kubernetes.io/"),
        })
        .filter(|role| !role.is_empty())
        .collect();
    Vec::from_iter(roles).join(",")
}
