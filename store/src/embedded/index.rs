use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use super::record::Place;
use crate::{EventKind, Key, KeyValue, Range, Revision};

/// All keys in their order: their values now, and where those of the past lie.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: BTreeMap<Key, Slot>,
    /// Keys that are there now.
    live: u64,
    versions: u64,
    /// What has been superseded, in the order in which that happened.
    garbage: VecDeque<Garbage>,
}

#[derive(Debug, Default)]
struct Slot {
    current: Option<Arc<KeyValue>>,
    /// All versions that are kept, with the current one; ascending.
    versions: Vec<Version>,
}

#[derive(Clone, Copy, Debug)]
struct Version {
    place: Place,
    kind: EventKind,
}

/// A record that nobody needs who reads at `from` or later.
#[derive(Clone, Debug)]
pub(super) struct Garbage {
    from: Revision,
    pub(super) place: Place,
    key: Key,
}

/// A value of a revision.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// It is the value of now, too.
    Here(Arc<KeyValue>),
    /// It lies there on disk.
    There(Place),
}

/// A page before the values of the past are read.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) found: Vec<Found>,
    pub(super) more: bool,
    pub(super) count: u64,
}

impl Index {
    pub(super) fn current(&self, key: &Key) -> Option<&Arc<KeyValue>> {
        self.slots.get(key)?.current.as_ref()
    }

    /// Where the value of now lies.
    pub(super) fn place(&self, key: &Key) -> Option<Place> {
        let last = self.slots.get(key)?.versions.last()?;
        (last.kind == EventKind::Put).then_some(last.place)
    }

    pub(super) fn at(&self, key: &Key, at: Revision) -> Option<Found> {
        self.slots.get(key)?.at(at)
    }

    pub(super) fn range(&self, range: &Range, at: Revision) -> Finding {
        let limit = range.limit.unwrap_or(usize::MAX);
        let mut finding = Finding {
            found: Vec::new(),
            more: false,
            count: 0,
        };
        for found in self.slots(range).filter_map(|slot| slot.at(at)) {
            finding.count += 1;
            if finding.found.len() < limit {
                finding.found.push(found);
            } else {
                finding.more = true;
            }
        }
        finding
    }

    fn slots(&self, range: &Range) -> impl Iterator<Item = &Slot> {
        let start = match &range.start {
            Some(start) if *start > range.prefix => start,
            Some(_) | None => &range.prefix,
        };
        self.slots
            .range::<Key, _>((Bound::Included(start), Bound::Unbounded))
            .take_while(|(key, _)| key.has_prefix(&range.prefix))
            .map(|(_, slot)| slot)
    }

    /// Takes a change in; they come in the order of their places.
    pub(super) fn apply(&mut self, place: Place, kind: EventKind, kv: &Arc<KeyValue>) {
        let slot = self.slots.entry(kv.key.clone()).or_default();
        let garbage = |place: Place| Garbage {
            from: kv.mod_revision,
            place,
            key: kv.key.clone(),
        };
        if let Some(last) = slot.versions.last()
            && last.kind == EventKind::Put
        {
            self.garbage.push_back(garbage(last.place));
        }
        if kind == EventKind::Delete {
            self.garbage.push_back(garbage(place));
        }
        slot.versions.push(Version { place, kind });
        self.versions += 1;
        let current = (kind == EventKind::Put).then(|| kv.clone());
        self.live += u64::from(current.is_some());
        self.live -= u64::from(slot.current.is_some());
        slot.current = current;
    }

    /// What nobody needs who reads at `compacted` or later: the oldest of it.
    pub(super) fn garbage(&self, compacted: Revision, max: usize) -> Vec<Garbage> {
        self.garbage
            .iter()
            .take_while(|garbage| garbage.from <= compacted)
            .take(max)
            .cloned()
            .collect()
    }

    pub(super) fn garbage_len(&self, compacted: Revision) -> u64 {
        self.garbage.partition_point(|g| g.from <= compacted) as u64
    }

    /// Forgets the oldest garbage, which is gone from disk.
    pub(super) fn forget(&mut self, garbage: &[Garbage]) {
        self.garbage.drain(..garbage.len());
        for Garbage { place, key, .. } in garbage {
            let Some(slot) = self.slots.get_mut(key) else {
                continue;
            };
            if let Ok(at) = slot.versions.binary_search_by_key(place, |v| v.place) {
                slot.versions.remove(at);
                self.versions -= 1;
            }
            if slot.versions.is_empty() {
                self.slots.remove(key);
            }
        }
        if self.garbage.capacity() > 4 * self.garbage.len() + 1024 {
            self.garbage.shrink_to(2 * self.garbage.len());
        }
    }

    /// Keys that are there now.
    pub(super) fn live(&self) -> u64 {
        self.live
    }

    /// Versions that are kept and are not the value of now.
    pub(super) fn history(&self) -> u64 {
        self.versions - self.live
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<KeyValue>> {
        self.slots.values().filter_map(|slot| slot.current.as_ref())
    }
}

impl Slot {
    fn at(&self, at: Revision) -> Option<Found> {
        let after = self.versions.partition_point(|v| v.place.revision <= at);
        let version = self.versions[..after].last()?;
        match (version.kind, &self.current) {
            (EventKind::Delete, _) => None,
            (EventKind::Put, Some(kv)) if after == self.versions.len() => {
                Some(Found::Here(kv.clone()))
            }
            (EventKind::Put, _) => Some(Found::There(version.place)),
        }
    }
}
