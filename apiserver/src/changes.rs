//! What was made of the latest changes, for all watches that they go to: each
//! is parsed once and written as a line once, however many clients watch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use api::Resource;
use bytes::Bytes;
use serde_json::Value;
use store::{Event, EventKind};

use crate::Status;
use crate::object::Stored;
use crate::respond::Form;

/// The latest changes that were sent to watches.
#[derive(Debug, Default)]
pub(crate) struct Changes(Mutex<Latest>);

#[derive(Debug, Default)]
struct Latest {
    /// By revision, of which each is one change, and by the address of the
    /// resource as which it is seen; a change keeps its resource, so that no
    /// other has that address.
    changes: BTreeMap<(u64, usize), Arc<Change>>,
    /// What they hold, about.
    bytes: usize,
}

/// A change, as objects of one resource see it.
#[derive(Debug)]
pub(crate) struct Change {
    resource: Arc<Resource>,
    /// What is there now.
    pub(crate) new: Option<Side>,
    /// What was there before, as the revision of the change shows it.
    pub(crate) old: Option<Side>,
    /// What was sent, by the kind of event and by its form.
    lines: Mutex<Vec<(&'static str, Form, Bytes)>>,
}

/// An object before or after a change.
#[derive(Debug)]
pub(crate) struct Side {
    object: Stored,
    value: OnceLock<Result<Value, Status>>,
}

/// An object that a watch is told of.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) object: Stored,
    /// The change by which it is told, if it is not one of those that there
    /// were at first.
    change: Option<Arc<Change>>,
}

impl Changes {
    /// What is made of a change as one of `resource`.
    ///
    /// # Errors
    /// If what is stored is not in the form that this server writes.
    pub(crate) fn of(
        &self,
        event: &Event,
        resource: &Arc<Resource>,
    ) -> Result<Arc<Change>, Status> {
        let key = (event.kv.mod_revision.0, Arc::as_ptr(resource).addr());
        if let Some(there) = self.latest().get(key, resource) {
            return Ok(there);
        }
        let change = Arc::new(Change::new(event, resource)?);
        let mut latest = self.latest();
        if let Some(there) = latest.get(key, resource) {
            return Ok(there);
        }
        latest.bytes += change.weight();
        latest.changes.insert(key, change.clone());
        while latest.bytes > MAX_BYTES
            && let Some((_, oldest)) = latest.changes.pop_first()
        {
            latest.bytes -= oldest.weight();
        }
        Ok(change)
    }

    /// Held for a moment.
    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latest {
    fn get(&self, key: (u64, usize), resource: &Arc<Resource>) -> Option<Arc<Change>> {
        let there = self.changes.get(&key)?;
        Arc::ptr_eq(&there.resource, resource).then(|| there.clone())
    }
}

impl Change {
    fn new(event: &Event, resource: &Arc<Resource>) -> Result<Self, Status> {
        let at = event.kv.mod_revision.0;
        let new = match event.kind {
            EventKind::Put => Some(Side::new(Stored::new(&event.kv)?)),
            EventKind::Delete => None,
        };
        let old = event.prev.as_deref().map(Stored::new).transpose()?;
        Ok(Self {
            resource: resource.clone(),
            new,
            old: old.map(|old| Side::new(old.at_revision(at))),
            lines: Mutex::default(),
        })
    }

    fn weight(&self) -> usize {
        let sides = [&self.new, &self.old].into_iter().flatten();
        1024 + sides.map(|side| side.object.bytes().len()).sum::<usize>()
    }

    fn line(&self, kind: &'static str, form: Form, write: impl FnOnce() -> Bytes) -> Bytes {
        let lines = || self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |line: &&(&str, Form, Bytes)| line.0 == kind && line.1 == form;
        if let Some((_, _, line)) = lines().iter().find(same) {
            return line.clone();
        }
        let line = write();
        let mut lines = lines();
        if lines.len() < MAX_LINES {
            lines.push((kind, form, line.clone()));
        }
        line
    }
}

impl Side {
    fn new(object: Stored) -> Self {
        Self {
            object,
            value: OnceLock::new(),
        }
    }

    /// The object, parsed.
    ///
    /// # Errors
    /// If it is no JSON.
    pub(crate) fn value(&self, resource: &Resource) -> Result<&Value, Status> {
        let value = self.value.get_or_init(|| self.object.value(resource));
        value.as_ref().map_err(Clone::clone)
    }

    /// It, as a watch is told of it by its change.
    pub(crate) fn seen(&self, change: &Arc<Change>) -> Seen {
        Seen {
            object: self.object.clone(),
            change: Some(change.clone()),
        }
    }
}

impl Seen {
    /// An object that there was at first.
    pub(crate) fn at_first(object: Stored) -> Self {
        Self {
            object,
            change: None,
        }
    }

    /// The line that tells of it in that form; what `write` makes, unless
    /// another watch has been told the same.
    pub(crate) fn line(
        &self,
        kind: &'static str,
        form: Form,
        write: impl FnOnce() -> Bytes,
    ) -> Bytes {
        match &self.change {
            Some(change) => change.line(kind, form, write),
            None => write(),
        }
    }
}

/// What may be kept of changes, in bytes of the objects; what is made of them
/// is several times as much.
const MAX_BYTES: usize = 512 << 10;
/// In how many forms of a change the lines are kept.
const MAX_LINES: usize = 8;
