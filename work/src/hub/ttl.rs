//! Works that ask to go when they are done.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::types::work::ManifestWork;
use futures_util::StreamExt as _;
use futures_util::stream;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{DeleteParams, Preconditions};
use kube::runtime::watcher::Event;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::Notify;

use super::names;

/// The works that are done and ask to go, and when they may.
#[derive(Debug, Default)]
pub(super) struct Expirations {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    now: Known,
    /// Those of a list that is being read anew.
    listed: Known,
}

/// By namespace and name.
type Known = BTreeMap<(String, String), Expiration>;

#[derive(Clone, Debug, Eq, PartialEq)]
struct Expiration {
    at: Timestamp,
    uid: Option<String>,
    resource_version: Option<String>,
}

/// Works that are deleted at once.
const AT_ONCE: usize = 16;
/// When it is tried again to delete one.
const RETRY: SignedDuration = SignedDuration::from_secs(10);
/// The longest wait, as the clock may be set.
const LOOK: Duration = Duration::from_secs(60);
const COMPLETE: &str = "Complete";

impl Expirations {
    /// Takes up a change.
    pub(super) fn note(&self, event: &Event<ManifestWork>) {
        let mut state = self.state();
        match event {
            Event::Init => state.listed.clear(),
            Event::InitApply(work) => put(&mut state.listed, work),
            Event::InitDone => state.now = std::mem::take(&mut state.listed),
            Event::Apply(work) => put(&mut state.now, work),
            Event::Delete(work) => drop(state.now.remove(&key(work))),
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Deletes works when it is their time, until it is dropped.
    pub(super) async fn run(&self, client: &Client) {
        loop {
            let now = Timestamp::now();
            let due = self.due(now);
            if due.is_empty() {
                let wait = self.wait(now);
                // Whichever is first; nothing is lost of the other.
                let _ = tokio::time::timeout(wait, self.changed.notified()).await;
                continue;
            }
            let gone =
                stream::iter(due).map(async |(key, of)| (delete(client, &key, &of).await, key));
            let mut gone = gone.buffer_unordered(AT_ONCE);
            while let Some((done, key)) = gone.next().await {
                if let Err(error) = done {
                    let (cluster, work) = &key;
                    tracing::warn!(cluster, work, %error, "a work that is done cannot be deleted yet");
                }
                // Its going is noticed, and then it is not known any more.
                if let Some(of) = self.state().now.get_mut(&key) {
                    of.at = later(now, RETRY);
                }
            }
        }
    }

    fn due(&self, now: Timestamp) -> Vec<((String, String), Expiration)> {
        let state = self.state();
        let due = state.now.iter().filter(|(_, of)| of.at <= now);
        due.map(|(key, of)| (key.clone(), of.clone())).collect()
    }

    fn wait(&self, now: Timestamp) -> Duration {
        let next = self.state().now.values().map(|of| of.at).min();
        let wait = next.map_or(LOOK, |at| {
            Duration::try_from(at.duration_since(now)).unwrap_or_default()
        });
        wait.min(LOOK)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is half noted is put right by the next list.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a work goes by itself: so long after it was done as it says, if it is
/// nobody else's to keep.
fn expires(work: &ManifestWork) -> Option<Timestamp> {
    if work.metadata.deletion_timestamp.is_some() || work.labels().contains_key(names::SET) {
        return None;
    }
    let option = work.spec.delete_option.as_ref()?;
    let seconds = option.ttl_seconds_after_finished.filter(|ttl| *ttl >= 0)?;
    let mut conditions = work.status.as_ref()?.conditions.iter();
    let done = conditions.find(|of| of.type_ == COMPLETE && of.status == "True")?;
    let ttl = SignedDuration::from_secs(seconds);
    // What is later than times go does not come.
    done.last_transition_time.0.checked_add(ttl).ok()
}

fn put(known: &mut Known, work: &ManifestWork) {
    let key = key(work);
    let Some(at) = expires(work) else {
        known.remove(&key);
        return;
    };
    let metadata = &work.metadata;
    let expiration = Expiration {
        at,
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
    };
    known.insert(key, expiration);
}

fn key(work: &ManifestWork) -> (String, String) {
    (work.namespace().unwrap_or_default(), work.name_any())
}

/// Deletes a work as it was when it was due: one that was changed since comes
/// again with its change.
async fn delete(
    client: &Client,
    (cluster, work): &(String, String),
    of: &Expiration,
) -> Result<(), kube::Error> {
    let works: Api<ManifestWork> = Api::namespaced(client.clone(), cluster);
    let params = DeleteParams::default().preconditions(Preconditions {
        uid: of.uid.clone(),
        resource_version: of.resource_version.clone(),
    });
    match works.delete(work, &params).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        deleted => deleted.map(drop),
    }
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}
