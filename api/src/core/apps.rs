use super::rows;
use crate::Behaviour;
use crate::Hooks;
use crate::kind::{Kind, NAMESPACED, STATUS, ScalePaths, Sub};

mod deployment;

/// Those of the group `apps`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "apps",
    kind: "Deployment",
    plural: "deployments",
    short: &["deploy"],
    categories: &["all"],
    subresources: &[
        Sub {
            name: "scale",
            kind: Some(("autoscaling", "v1", "Scale")),
            writes: &["spec.replicas"],
            scale: Some(ScalePaths {
                spec: ".spec.replicas",
                status: ".status.replicas",
                selector: ".spec.selector",
            }),
            ..STATUS
        },
        Sub {
            keeps_labels: true,
            ..STATUS
        },
    ],
    behaviour: Behaviour {
        generation: true,
        ..Behaviour::BUILT_IN
    },
    columns: rows::workload::DEPLOYMENT,
    hooks: Hooks {
        row: Some(rows::workload::deployment),
        ..deployment::HOOKS
    },
    ..NAMESPACED
}];
