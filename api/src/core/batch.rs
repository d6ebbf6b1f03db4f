use super::rows;
use crate::Behaviour;
use crate::Hooks;
use crate::kind::{Kind, NAMESPACED, STATUS, Selectable};

mod job;

/// Those of the group `batch`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "batch",
    kind: "Job",
    plural: "jobs",
    categories: &["all"],
    subresources: &[STATUS],
    selectable: &[Selectable {
        label: "status.successful",
        path: "status.succeeded",
        absent: "0",
    }],
    behaviour: Behaviour {
        generation: true,
        orphans: true,
        ..Behaviour::BUILT_IN
    },
    columns: rows::workload::JOB,
    hooks: Hooks {
        row: Some(rows::workload::job),
        ..job::HOOKS
    },
    ..NAMESPACED
}];
