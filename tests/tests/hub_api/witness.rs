//! What a hub has promised, over its crashes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;

/// What an object is: of which change, or that it is none.
pub(crate) type State = Option<u32>;

/// What writers were told and watchers have seen.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// What each revision did.
    revisions: BTreeMap<u64, (String, State)>,
    /// What each object is by what was acknowledged last.
    promised: BTreeMap<String, State>,
    /// What was asked for and not answered.
    asked: BTreeMap<String, State>,
    /// The revisions of all objects that were acknowledged.
    acknowledged: Vec<u64>,
    /// How many changes were acknowledged, deletions included.
    pub(crate) count: usize,
}

impl Witness {
    /// What an object is, for who alone changes it.
    pub(crate) fn of(&self, name: &str) -> State {
        self.promised.get(name).copied().flatten()
    }

    /// Somebody is about to ask for this.
    pub(crate) fn asks(&mut self, name: &str, state: State) {
        self.asked.insert(name.to_owned(), state);
    }

    /// What was asked for is acknowledged, with the object if there is one.
    pub(crate) fn answered(&mut self, name: &str, object: Option<&ConfigMap>) {
        let state = self.asked.remove(name).expect("it was asked for");
        if let Some(object) = object {
            let revision = revision(object);
            assert_eq!(whole(object), state, "{name} is not what was asked for");
            self.sees(revision, name, state);
            self.acknowledged.push(revision);
        }
        self.promised.insert(name.to_owned(), state);
        self.count += 1;
    }

    /// A revision did this, as anybody may see it.
    pub(crate) fn sees(&mut self, revision: u64, name: &str, state: State) {
        let seen = (name.to_owned(), state);
        let known = self.revisions.entry(revision);
        let known = known.or_insert_with(|| seen.clone());
        assert_eq!(*known, seen, "revision {revision} was used twice");
    }

    /// Looks whether what a hub has after a crash is what it has promised.
    pub(crate) fn verify(&mut self, revision: u64, objects: &BTreeMap<String, ConfigMap>) {
        let last = self.revisions.keys().next_back().copied().unwrap_or(0);
        assert!(revision >= last, "revisions went back to {revision}");
        let asked = std::mem::take(&mut self.asked);
        let names: Vec<String> = self.promised.keys().chain(asked.keys()).cloned().collect();
        for name in names {
            let now = objects.get(&name).and_then(whole);
            if now != self.of(&name) {
                // What was not answered has happened or has not.
                assert_eq!(asked.get(&name), Some(&now), "{name} is not as promised");
                self.promised.insert(name, now);
            }
        }
    }

    /// Looks whether somebody has seen all that was acknowledged since a
    /// revision.
    pub(crate) fn were_seen(&self, since: u64, seen: &BTreeMap<u64, (String, State)>) {
        for revision in self.acknowledged.iter().filter(|of| **of > since) {
            assert!(seen.contains_key(revision), "{revision} was not seen");
        }
    }
}

/// The text of a change, which tells whether it is whole.
pub(crate) fn text(name: &str, number: u32) -> String {
    let length = number as usize * 997 % 5000;
    format!("{name} {number} {length} {}", "x".repeat(length))
}

/// Of which change an object is.
///
/// # Panics
/// It is half of one.
pub(crate) fn whole(object: &ConfigMap) -> State {
    let name = object.name_any();
    let data = object.data.as_ref().expect("it has data");
    let said = &data["text"];
    let number = said.split(' ').nth(1).expect("a number");
    let number = number.parse().expect("a number");
    assert_eq!(*said, text(&name, number), "half of {name}");
    Some(number)
}

pub(crate) fn revision(object: &ConfigMap) -> u64 {
    let version = object.resource_version().expect("it is kept");
    version.parse().expect("a number")
}
