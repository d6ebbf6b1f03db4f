//! What the managed cluster has and a hub that was restored from a backup has not:
//! it is kept for a while, and the hub's people are told.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::context::Context;
use super::failure::Failure;
use super::outcome::Outcome;
use super::place::Place;

/// What was found so far, and whether the hub was told of it.
#[derive(Debug, Default)]
pub(super) struct Lost {
    found: Mutex<BTreeMap<String, bool>>,
}

/// So much is told of one life of the hub's data.
const MOST: usize = 1000;
/// The longest note that an API server takes, in bytes.
const NOTE: usize = 1024;

impl Lost {
    pub(super) fn note(&self, what: String) {
        let mut found = self.lock();
        if found.len() < MOST {
            found.entry(what).or_default();
        }
    }

    /// Whether there is something to tell.
    pub(super) fn is_due(&self) -> bool {
        self.lock().values().any(|is_told| !is_told)
    }

    /// The hub's data is of another life.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn untold(&self) -> Vec<String> {
        let found = self.lock();
        let untold = found.iter().filter(|(_, is_told)| !**is_told);
        untold.map(|(what, _)| what.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, bool>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the hub, by one Event in the cluster's namespace there.
pub(super) async fn tell(cx: &Context) -> Result<Outcome, Failure> {
    let untold = cx.lost.untold();
    if untold.is_empty() {
        return Ok(Outcome::default());
    }
    let cluster = &cx.options.cluster;
    let place = Place {
        group: "events.k8s.io".to_owned(),
        version: "v1".to_owned(),
        resource: "events".to_owned(),
        namespace: cluster.clone(),
        name: String::new(),
    };
    let event = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": format!("{cluster}."), "namespace": cluster},
        "type": "Warning",
        "reason": "AbsentAfterRestore",
        "action": "Keep",
        "note": text(&untold),
        "eventTime": MicroTime(Timestamp::now()),
        "regarding": {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "name": cluster,
            "namespace": cluster,
        },
        "reportingController": "open-cluster-management.io/work-agent",
        "reportingInstance": cx.options.agent_id,
    });
    cx.hub.create(&place, &event).await?;
    let mut found = cx.lost.lock();
    for what in untold {
        found.entry(what).and_modify(|is_told| *is_told = true);
    }
    Ok(Outcome::default())
}

/// As many of them as there is room for.
fn text(lost: &[String]) -> String {
    let mut text = "the hub was restored from a backup that is older than what this cluster has \
                    of it; kept for the eviction grace period: "
        .to_owned();
    for (told, what) in lost.iter().enumerate() {
        let left = format!(" and {} more", lost.len() - told);
        if text.len() + what.len() + 2 + left.len() > NOTE {
            text.push_str(&left);
            return text;
        }
        if told > 0 {
            text.push_str(", ");
        }
        text.push_str(what);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_told_as_there_is_room_for() {
        let few = ["work a".to_owned(), "work b".to_owned()];
        assert!(text(&few).ends_with(": work a, work b"), "{}", text(&few));
        let many: Vec<String> = (0..500).map(|n| format!("work {n}")).collect();
        let told = text(&many);
        assert!(told.len() <= NOTE && told.ends_with(" more"), "{told}");
    }

    #[test]
    fn each_is_told_once_in_a_life() {
        let lost = Lost::default();
        lost.note("work a".into());
        lost.lock().insert("work a".into(), true);
        lost.note("work a".into());
        assert!(!lost.is_due());
        lost.note("work b".into());
        assert_eq!(lost.untold(), ["work b"]);
        lost.forget();
        lost.note("work a".into());
        assert!(lost.is_due());
    }
}
