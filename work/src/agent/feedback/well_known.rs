use serde_json::Value;

use super::Gvk;

/// Names and paths.
type Paths = &'static [(&'static str, &'static str)];

const DEPLOYMENT: Paths = &[
    ("ReadyReplicas", ".status.readyReplicas"),
    ("Replicas", ".status.replicas"),
    ("AvailableReplicas", ".status.availableReplicas"),
];

const DAEMON_SET: Paths = &[
    ("NumberReady", ".status.numberReady"),
    ("DesiredNumberScheduled", ".status.desiredNumberScheduled"),
    ("NumberAvailable", ".status.numberAvailable"),
];

const JOB: Paths = &[
    (
        "JobComplete",
        r#".status.conditions[?(@.type=="Complete")].status"#,
    ),
    ("JobSucceeded", ".status.succeeded"),
];

const POD: Paths = &[
    (
        "PodReady",
        r#".status.conditions[?(@.type=="Ready")].status"#,
    ),
    ("PodPhase", ".status.phase"),
];

/// What is told of an object of a well-known kind.
pub(super) fn paths(object: &Value) -> Option<Paths> {
    let Gvk {
        group,
        version,
        kind,
    } = Gvk::of(object);
    Some(match (group, version, kind) {
        ("apps", "v1", "Deployment") => DEPLOYMENT,
        ("apps", "v1", "DaemonSet") => DAEMON_SET,
        ("batch", "v1", "Job") => JOB,
        ("", "v1", "Pod") => POD,
        _ => return None,
    })
}
