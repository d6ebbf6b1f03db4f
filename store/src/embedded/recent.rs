use std::collections::VecDeque;

use crate::{Event, Key, Revision};

/// The latest changes, for watches that begin a little in the past.
#[derive(Debug)]
pub(super) struct Recent {
    events: VecDeque<Event>,
    /// All changes from this revision on are here.
    since: Revision,
    bytes: usize,
    max_bytes: usize,
}

impl Recent {
    pub(super) fn new(since: Revision, max_bytes: usize) -> Self {
        Self {
            events: VecDeque::new(),
            since,
            bytes: 0,
            max_bytes,
        }
    }

    pub(super) fn push(&mut self, events: &[Event]) {
        self.bytes += events.iter().map(weight).sum::<usize>();
        self.events.extend(events.iter().cloned());
        while self.bytes > self.max_bytes
            && let Some(first) = self.events.pop_front()
        {
            self.bytes -= weight(&first);
            self.since = first.kv.mod_revision.next();
        }
        // Of a revision all or nothing.
        while let Some(first) = self.events.front()
            && first.kv.mod_revision < self.since
        {
            self.bytes -= weight(first);
            self.events.pop_front();
        }
    }

    /// The changes of a prefix from a revision on, if all are still here.
    pub(super) fn from(&self, from: Revision, prefix: &Key) -> Option<Vec<Event>> {
        if from < self.since {
            return None;
        }
        let first = self
            .events
            .partition_point(|event| event.kv.mod_revision < from);
        let events = self.events.range(first..);
        Some(
            events
                .filter(|event| event.kv.key.has_prefix(prefix))
                .cloned()
                .collect(),
        )
    }
}

/// What an event holds in memory, in bytes, about.
pub(super) fn weight(event: &Event) -> usize {
    let prev = event.prev.as_ref().map_or(0, |prev| prev.value.len());
    event.kv.key.as_bytes().len() + event.kv.value.len() + prev + 200
}
