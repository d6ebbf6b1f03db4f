//! How far a work has come with its set's template.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;

use api::types::work::ManifestWorkSpec;

use super::super::children::{Child, SpecHash};
use super::super::rollout::{ClusterStatus, Status};

/// A template, as far as works are held against it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    pub(super) spec: SpecHash,
    /// Whether one of its rules makes the condition `Degraded`.
    says_degraded: bool,
    /// Whether one of its rules makes the condition `Progressing`.
    says_progress: bool,
}

impl Template {
    pub(super) fn of(spec: &ManifestWorkSpec) -> Self {
        let configs = spec.manifest_configs.iter();
        let rules = configs.flat_map(|config| &config.condition_rules);
        let says = |condition| rules.clone().any(|rule| rule.condition == condition);
        Self {
            spec: SpecHash::of(spec),
            says_degraded: says(DEGRADED),
            says_progress: says(PROGRESSING),
        }
    }

    /// How far a work is; `None` if it has another template still.
    ///
    /// A rule that makes `Progressing` decides, as in Open Cluster Management.
    /// Without one a work has succeeded when it is applied and available. A time
    /// counts from the change of the condition, but never from before the
    /// template's being there, which conditions may outlive.
    pub(super) fn status(&self, child: &Child) -> Option<ClusterStatus> {
        if child.spec != self.spec {
            return None;
        }
        let begun = child.rolled_out_at.or(child.created);
        let status = |status, changed: Option<&Condition>| {
            let changed = changed.map(|condition| condition.last_transition_time.0);
            let since = changed.into_iter().chain(begun).max();
            Some(ClusterStatus { status, since })
        };
        if !child.is(APPLIED, "True") {
            return status(Status::Progressing, None);
        }
        let observed = child.condition(PROGRESSING);
        let unknown = |type_| child.has(type_) && child.condition(type_).is_none();
        if self.says_progress && observed.is_none() || self.says_degraded && unknown(DEGRADED) {
            return status(Status::Progressing, None);
        }
        match observed {
            Some(progress) if progress.status == "True" && child.is(DEGRADED, "True") => {
                status(Status::Failed, Some(progress))
            }
            Some(progress) if progress.status == "False" => {
                succeeded(child, begun, progress.last_transition_time.0)
            }
            Some(progress) => status(Status::Progressing, Some(progress)),
            None => match child.condition(AVAILABLE) {
                Some(available) if available.status == "True" => {
                    succeeded(child, begun, available.last_transition_time.0)
                }
                _ => status(Status::Progressing, None),
            },
        }
    }
}

fn succeeded(child: &Child, begun: Option<Timestamp>, changed: Timestamp) -> Option<ClusterStatus> {
    let since = [child.succeeded_at, begun, Some(changed)];
    Some(ClusterStatus {
        status: Status::Succeeded,
        since: since.into_iter().flatten().max(),
    })
}

pub(super) const APPLIED: &str = "Applied";
pub(super) const AVAILABLE: &str = "Available";
pub(super) const DEGRADED: &str = "Degraded";
pub(super) const PROGRESSING: &str = "Progressing";
