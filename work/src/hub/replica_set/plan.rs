//! What is to be done for a set, from what is known of it and the time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::types::work::{ManifestWorkReplicaSet, ManifestWorkReplicaSetStatus, PlacementRef};
use k8s_openapi::jiff::Timestamp;

use super::super::children::Child;
use super::super::rollout::{ClusterStatus, Group, Status, Strategy, roll_out};
use super::progress::Template;
use super::status::{self, Look};

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Works that are not there, by cluster and placement.
    pub(super) make: Vec<(String, String)>,
    /// Works that get the template.
    pub(super) rewrite: Vec<Arc<Child>>,
    /// Works whose success is to be noted, so that they can soak.
    pub(super) mark: Vec<Arc<Child>>,
    /// Works that nobody asks for any more.
    pub(super) remove: Vec<Arc<Child>>,
    /// What the set's status is to say.
    pub(super) status: ManifestWorkReplicaSetStatus,
    /// When to look again although nothing has changed.
    pub(super) recheck_after: Option<Duration>,
}

/// Finds out what is to be done. `groups` has a placement's decisions, in the
/// order of the set's references; `None` of a placement without any.
pub(super) fn plan(
    set: &ManifestWorkReplicaSet,
    groups: &[Option<Vec<Group>>],
    children: &[Arc<Child>],
    now: Timestamp,
) -> Plan {
    let template = Template::of(&set.spec.manifest_work_template);
    let mut plan = Plan::default();
    let mut looks = Vec::new();
    let references = &set.spec.placement_refs;
    for (reference, groups) in references.iter().zip(groups) {
        let works = children.iter();
        let works = works.filter(|child| child.placement == reference.name);
        let place = Place {
            reference,
            template,
            works: works.cloned().collect(),
            now,
        };
        looks.push(place.plan(groups.as_deref(), &mut plan));
    }
    let named = |child: &Child| references.iter().any(|of| of.name == child.placement);
    let unnamed = children.iter().filter(|child| !named(child));
    plan.remove
        .extend(unnamed.filter(|child| !child.deleting).cloned());
    plan.status = status::status(set, &looks, now);
    plan
}

/// One placement of a set.
struct Place<'a> {
    reference: &'a PlacementRef,
    template: Template,
    works: Vec<Arc<Child>>,
    now: Timestamp,
}

impl Place<'_> {
    fn plan(&self, groups: Option<&[Group]>, plan: &mut Plan) -> Look {
        let mut look = Look {
            name: self.reference.name.clone(),
            works: self.works.clone(),
            template: Some(self.template),
            ..Look::default()
        };
        // Works stay as they are while nothing is decided: who decides may be
        // away, and what runs is not to stop for that.
        let Some(groups) = groups else {
            return look;
        };
        look.decided = true;
        look.groups = groups.len();
        look.clusters = groups
            .iter()
            .flat_map(|of| of.clusters.iter().cloned())
            .collect();
        let (kept, removed) = self.sort(&look.clusters);
        plan.remove.extend(removed);
        let strategy = match Strategy::read(&self.reference.rollout_strategy) {
            Ok(strategy) => strategy,
            Err(error) => {
                look.wrong = Some(error.to_string());
                return look;
            }
        };
        let statuses = self.statuses(&kept);
        let rollout = roll_out(&strategy, groups, &statuses, self.now);
        for (cluster, status) in &rollout.clusters_to_roll_out {
            match (kept.get(cluster.as_str()), status) {
                (Some(child), _) if child.deleting => {}
                (None, Status::ToApply) => {
                    plan.make
                        .push((cluster.clone(), self.reference.name.clone()));
                }
                (Some(child), Status::ToApply) => plan.rewrite.push(Arc::clone(child)),
                (Some(child), Status::Succeeded) if child.succeeded_at.is_none() => {
                    plan.mark.push(Arc::clone(child));
                }
                _ => {}
            }
        }
        let recheck = plan.recheck_after.into_iter();
        plan.recheck_after = recheck.chain(rollout.recheck_after).min();
        look.succeeded = statuses
            .iter()
            .filter(|(_, of)| of.status == Status::Succeeded)
            .count();
        look.timed_out = rollout.clusters_timed_out;
        look.breach = rollout.max_failure_breach;
        look
    }

    /// The works by cluster, and those that are too many: of clusters that are
    /// not chosen, and a cluster's second.
    fn sort(&self, clusters: &BTreeSet<String>) -> (BTreeMap<&str, Arc<Child>>, Vec<Arc<Child>>) {
        let mut kept: BTreeMap<&str, Arc<Child>> = BTreeMap::new();
        let mut removed = Vec::new();
        for child in &self.works {
            let cluster = child.cluster.as_str();
            let first = !kept.contains_key(cluster);
            if clusters.contains(cluster) && first {
                kept.insert(cluster, Arc::clone(child));
            } else if !child.deleting {
                removed.push(Arc::clone(child));
            }
        }
        (kept, removed)
    }

    fn statuses(&self, kept: &BTreeMap<&str, Arc<Child>>) -> BTreeMap<String, ClusterStatus> {
        let statuses = kept.iter().filter(|(_, child)| !child.deleting);
        let statuses = statuses.filter_map(|(cluster, child)| {
            let mut status = self.template.status(child)?;
            if status.status == Status::Succeeded && child.succeeded_at.is_none() {
                // It soaks from when that is noted.
                status.since = Some(self.now);
            }
            Some(((*cluster).to_owned(), status))
        });
        statuses.collect()
    }
}
