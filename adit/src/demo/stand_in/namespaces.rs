//! The stand-in's namespaces, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;

use super::api::Failure;
use super::query::Query;
use crate::ca::hex;

/// Clones are the same.
#[derive(Clone)]
pub(super) struct Namespaces {
    state: Arc<Mutex<State>>,
    /// Tells watches that there is something new.
    version: watch::Sender<u64>,
}

/// A watch's place in the history of changes.
pub(super) struct Events {
    namespaces: Namespaces,
    changed: watch::Receiver<u64>,
    after: u64,
    name: Option<String>,
    first: VecDeque<Value>,
    /// The client has been told to list again.
    over: bool,
}

struct State {
    version: u64,
    objects: BTreeMap<String, Value>,
    /// The latest changes, oldest first.
    history: VecDeque<Change>,
}

struct Change {
    version: u64,
    name: String,
    event: Value,
}

const SEED: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
/// Changes that are remembered; a watch from before them is told to list again.
const MAX_HISTORY: usize = 1024;
/// Namespaces that are kept; there is no use for more.
const MAX_NAMESPACES: usize = 1000;

impl Namespaces {
    pub(super) fn new() -> Self {
        let state = State {
            version: 0,
            objects: BTreeMap::new(),
            history: VecDeque::new(),
        };
        let this = Self {
            state: Arc::new(Mutex::new(state)),
            version: watch::Sender::new(0),
        };
        for name in SEED {
            let object = this.state().make(name);
            this.insert(name, object);
        }
        this
    }

    pub(super) fn list(&self, query: &Query) -> Value {
        let state = self.state();
        let items: Vec<&Value> = state.selected(query.name.as_deref()).collect();
        json!({
            "kind": "NamespaceList", "apiVersion": "v1", "items": items,
            "metadata": {"resourceVersion": state.version.to_string()},
        })
    }

    pub(super) fn read(&self, name: &str) -> Result<Value, Failure> {
        self.state()
            .objects
            .get(name)
            .cloned()
            .ok_or_else(|| missing(name))
    }

    pub(super) fn create(&self, object: &Value, dry_run: bool) -> Result<Value, Failure> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if name.parse::<proto::ClusterName>().is_err() || name.contains('.') {
            return Err(Failure::bad("metadata.name is no namespace's name"));
        }
        let state = self.state();
        if state.objects.contains_key(name) {
            return Err(Failure {
                code: StatusCode::CONFLICT,
                reason: "AlreadyExists",
                message: format!("namespaces {name:?} already exists"),
            });
        }
        if state.objects.len() >= MAX_NAMESPACES {
            return Err(Failure::bad("it keeps no more namespaces"));
        }
        let created = state.make(name);
        drop(state);
        if dry_run {
            return Ok(created);
        }
        self.insert(name, created.clone());
        Ok(created)
    }

    pub(super) fn delete(&self, name: &str, dry_run: bool) -> Result<Value, Failure> {
        let mut state = self.state();
        let object = state
            .objects
            .get(name)
            .cloned()
            .ok_or_else(|| missing(name))?;
        if !dry_run {
            state.objects.remove(name);
            self.record(&mut state, name, "DELETED", object.clone());
        }
        Ok(object)
    }

    /// The changes that a watch is to be told.
    pub(super) fn watch(&self, query: &Query) -> Events {
        let state = self.state();
        let mut first = VecDeque::new();
        if query.after.is_none() || query.send_initial_events {
            let objects = state.selected(query.name.as_deref());
            first.extend(objects.map(|object| event("ADDED", object.clone())));
        }
        if query.send_initial_events {
            first.push_back(initial_events_end(state.version));
        }
        let after = if query.send_initial_events {
            None
        } else {
            query.after
        };
        Events {
            namespaces: self.clone(),
            changed: self.version.subscribe(),
            after: after.unwrap_or(state.version),
            name: query.name.clone(),
            first,
            over: false,
        }
    }

    fn insert(&self, name: &str, object: Value) {
        let mut state = self.state();
        state.objects.insert(name.to_owned(), object.clone());
        self.record(&mut state, name, "ADDED", object);
    }

    fn record(&self, state: &mut State, name: &str, kind: &str, mut object: Value) {
        state.version += 1;
        let version = state.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        if let Some(kept) = state.objects.get_mut(name) {
            kept["metadata"]["resourceVersion"] = json!(version.to_string());
        }
        if state.history.len() == MAX_HISTORY {
            state.history.pop_front();
        }
        let event = event(kind, object);
        state.history.push_back(Change {
            version,
            name: name.to_owned(),
            event,
        });
        self.version.send_replace(version);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events {
    /// The next event; `None` after one that says that the watch is over.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.first.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            self.changed.borrow_and_update();
            self.catch_up();
            if self.first.is_empty() {
                self.changed.changed().await.ok()?;
            }
        }
    }

    fn catch_up(&mut self) {
        let state = self.namespaces.state();
        let oldest = state
            .history
            .front()
            .map_or(state.version, |change| change.version);
        if self.after + 1 < oldest {
            let expired = Failure {
                code: StatusCode::GONE,
                reason: "Expired",
                message: "stand-in: too old resource version".to_owned(),
            };
            self.first.push_back(event("ERROR", expired.into_status()));
            self.over = true;
        } else {
            let new = state
                .history
                .iter()
                .filter(|change| change.version > self.after);
            let wanted = new.filter(|c| self.name.as_ref().is_none_or(|name| *name == c.name));
            self.first.extend(wanted.map(|change| change.event.clone()));
        }
        self.after = state.version;
    }
}

impl State {
    fn selected<'a>(&'a self, name: Option<&'a str>) -> impl Iterator<Item = &'a Value> {
        let wanted = move |(key, _): &(&String, &Value)| name.is_none_or(|name| name == *key);
        self.objects.iter().filter(wanted).map(|(_, object)| object)
    }

    fn make(&self, name: &str) -> Value {
        let now = OffsetDateTime::now_utc()
            .replace_nanosecond(0)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        json!({
            "kind": "Namespace", "apiVersion": "v1",
            "metadata": {
                "name": name, "uid": uid(), "resourceVersion": (self.version + 1).to_string(),
                "creationTimestamp": now.format(&Rfc3339).unwrap_or_default(),
                "labels": {"kubernetes.io/metadata.name": name},
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        })
    }
}

fn event(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

/// Tells a client that asked for it that it now has what was there before.
fn initial_events_end(version: u64) -> Value {
    let metadata = json!({
        "resourceVersion": version.to_string(),
        "annotations": {"k8s.io/initial-events-end": "true"},
    });
    event(
        "BOOKMARK",
        json!({"kind": "Namespace", "apiVersion": "v1", "metadata": metadata}),
    )
}

fn missing(name: &str) -> Failure {
    Failure {
        code: StatusCode::NOT_FOUND,
        reason: "NotFound",
        message: format!("namespaces {name:?} not found"),
    }
}

/// A random UUID (RFC 9562 section 5.4).
fn uid() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex(&bytes);
    [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Value {
        json!({"metadata": {"name": "hello"}})
    }

    fn after(version: u64) -> Query {
        Query {
            watch: true,
            after: Some(version),
            ..Query::default()
        }
    }

    #[tokio::test]
    async fn a_watch_tells_every_change_after_its_version_in_order() {
        let namespaces = Namespaces::new();
        let mut events = namespaces.watch(&after(SEED.len() as u64));
        namespaces.create(&hello(), false).unwrap();
        namespaces.delete("hello", false).unwrap();
        for kind in ["ADDED", "DELETED"] {
            let event = events.next().await.unwrap();
            assert_eq!(
                (&event["type"], &event["object"]["metadata"]["name"]),
                (&json!(kind), &json!("hello"))
            );
        }
    }

    #[tokio::test]
    async fn a_watch_from_too_long_ago_is_told_to_list_again_and_ends() {
        let namespaces = Namespaces::new();
        for _ in 0..MAX_HISTORY {
            namespaces.create(&hello(), false).unwrap();
            namespaces.delete("hello", false).unwrap();
        }
        let mut events = namespaces.watch(&after(1));
        let event = events.next().await.unwrap();
        assert_eq!(
            (&event["type"], &event["object"]["code"]),
            (&json!("ERROR"), &json!(410))
        );
        assert_eq!(events.next().await, None);
    }

    #[test]
    fn a_dry_run_changes_nothing() {
        let namespaces = Namespaces::new();
        namespaces.create(&hello(), true).unwrap();
        assert!(namespaces.read("hello").is_err());
        namespaces.delete("default", true).unwrap();
        assert!(namespaces.read("default").is_ok());
    }
}
