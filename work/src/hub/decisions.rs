//! What placements have decided, whoever decides it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use api::types::cluster::{PlacementDecision, PlacementDecisionStatus};
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::watcher::Event;
use kube::{Api, Client, ResourceExt as _};

use super::rollout::Group;

const PLACEMENT: &str = "cluster.open-cluster-management.io/placement";
const GROUP_NAME: &str = "cluster.open-cluster-management.io/decision-group-name";
const GROUP_INDEX: &str = "cluster.open-cluster-management.io/decision-group-index";

/// The PlacementDecisions of a hub. They are read as they are, because the kind
/// has no spec, and its type wants one.
pub(super) fn api(client: Client) -> Api<DynamicObject> {
    Api::all_with(client, &ApiResource::erase::<PlacementDecision>(&()))
}

/// All PlacementDecisions there are, by placement.
#[derive(Debug, Default)]
pub(super) struct Decisions(Mutex<State>);

/// A placement's namespace and name.
pub(super) type Placement = (String, String);

#[derive(Debug, Default)]
struct State {
    now: Known,
    /// Those of a list that is being read anew.
    listed: Known,
    read: bool,
}

/// The part of a group that each PlacementDecision has.
type Known = BTreeMap<Placement, BTreeMap<String, Group>>;

impl Decisions {
    /// Takes up a change. The placements that it is about; all if that is not
    /// known.
    pub(super) fn note(&self, event: Event<DynamicObject>) -> Option<Vec<Placement>> {
        let mut state = self.state();
        match event {
            Event::Init => state.listed.clear(),
            Event::InitApply(decision) => drop(insert(&mut state.listed, &decision)),
            Event::InitDone => {
                state.now = std::mem::take(&mut state.listed);
                state.read = true;
                return None;
            }
            Event::Apply(decision) => {
                // It may have been another placement's.
                let mut about = remove(&mut state.now, &decision);
                about.extend(insert(&mut state.now, &decision));
                return Some(about);
            }
            Event::Delete(decision) => return Some(remove(&mut state.now, &decision)),
        }
        Some(Vec::new())
    }

    /// Whether all that there were have been read once.
    pub(super) fn are_read(&self) -> bool {
        self.state().read
    }

    /// A placement's groups, in their order; `None` without any decision.
    pub(super) fn of(&self, namespace: &str, placement: &str) -> Option<Vec<Group>> {
        let key = (namespace.to_owned(), placement.to_owned());
        let state = self.state();
        let parts = state.now.get(&key)?;
        let mut groups: BTreeMap<(i32, &str), Group> = BTreeMap::new();
        for part in parts.values() {
            let key = (part.index, part.name.as_str());
            let group = groups.entry(key).or_insert_with(|| Group {
                index: part.index,
                name: part.name.clone(),
                ..Group::default()
            });
            group.clusters.extend(part.clusters.iter().cloned());
        }
        Some(groups.into_values().collect())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // What is half noted is put right by the next list.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn insert(known: &mut Known, decision: &DynamicObject) -> Option<Placement> {
    let labels = decision.labels();
    let placement = labels.get(PLACEMENT)?;
    let key = (decision.namespace()?, placement.clone());
    let index = labels.get(GROUP_INDEX);
    let status = decision.data.get("status").cloned().unwrap_or_default();
    let status: PlacementDecisionStatus = serde_json::from_value(status).unwrap_or_default();
    let part = Group {
        index: index.and_then(|index| index.parse().ok()).unwrap_or(0),
        name: labels.get(GROUP_NAME).cloned().unwrap_or_default(),
        clusters: status
            .decisions
            .into_iter()
            .map(|decision| decision.cluster_name)
            .filter(|cluster| !cluster.is_empty())
            .collect(),
    };
    let parts = known.entry(key.clone()).or_default();
    parts.insert(decision.name_any(), part);
    Some(key)
}

fn remove(known: &mut Known, decision: &DynamicObject) -> Vec<Placement> {
    let (namespace, name) = (
        decision.namespace().unwrap_or_default(),
        decision.name_any(),
    );
    let mut about = Vec::new();
    known.retain(|placement, parts| {
        if placement.0 == namespace && parts.remove(&name).is_some() {
            about.push(placement.clone());
        }
        !parts.is_empty()
    });
    about
}
