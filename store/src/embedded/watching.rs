use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::disk::View;
use super::reading::blocking;
use super::recent::weight;
use super::record::Place;
use super::shared::Shared;
use super::state::{State, event};
use super::watchers::Receiver;
use crate::{Batch, Event, Key, Revision, StoreError, WatchError, WatchStream};

/// Records looked at in one go when a watch begins in the past.
const SLICE: usize = 1024;
/// The same in bytes of values.
const SLICE_BYTES: usize = 4 << 20;

/// A watch: first of what lies on disk, then of what is new.
struct Watch {
    shared: Arc<Shared>,
    prefix: Key,
    place: Where,
    /// One of those that there may be.
    _seat: OwnedSemaphorePermit,
}

/// How far a watch is.
enum Where {
    /// It reads on from this revision.
    Past(Revision),
    /// It is told what is new.
    Live {
        registered: Registered,
        /// What happened shortly before.
        first: Option<Batch>,
    },
    Ended,
}

/// A place among those who are told what is new; left when dropped.
struct Registered {
    shared: Arc<Shared>,
    prefix: Key,
    receiver: Receiver,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut state = self.shared.state_mut();
        state.watchers.remove(&self.prefix, self.receiver.id);
    }
}

pub(super) fn watch(
    shared: Arc<Shared>,
    prefix: Key,
    from: Revision,
) -> Result<WatchStream, StoreError> {
    let Ok(seat) = shared.watches.clone().try_acquire_owned() else {
        let (what, limit) = ("watches", shared.options.max_watches);
        return Err(StoreError::Limit { what, limit });
    };
    let place = {
        let mut state = shared.state_mut();
        let current = state.readable(None)?;
        let from = match from {
            Revision::ZERO => current.next(),
            from => from,
        };
        begin(&shared, &mut state, &prefix, from)
    };
    let watch = Watch {
        shared,
        prefix,
        place,
        _seat: seat,
    };
    let stream = stream::unfold(watch, async |mut watch| {
        let next = watch.next().await?;
        if next.is_err() {
            watch.place = Where::Ended;
        }
        Some((next, watch))
    });
    Ok(stream.boxed())
}

/// Registers a watch, if all that it wants first is in memory.
fn begin(shared: &Arc<Shared>, state: &mut State, prefix: &Key, from: Revision) -> Where {
    let recent = match from {
        from if from <= state.compacted => None,
        from if from > state.revision => Some(Vec::new()),
        from => state.recent.from(from, prefix),
    };
    let Some(events) = recent else {
        return Where::Past(from);
    };
    let receiver = state.watchers.add(prefix.clone(), from);
    let first = (!events.is_empty()).then(|| Batch {
        revision: state.revision,
        events: events.into(),
    });
    Where::Live {
        registered: Registered {
            shared: shared.clone(),
            prefix: prefix.clone(),
            receiver,
        },
        first,
    }
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Batch, WatchError>> {
        loop {
            match &mut self.place {
                Where::Ended => return None,
                Where::Live { registered, first } => {
                    if let Some(first) = first.take() {
                        return Some(Ok(first));
                    }
                    return Some(match registered.receiver.next().await {
                        Ok(batch) => Ok(batch),
                        Err(Some(resume)) => Err(WatchError::Lagged { resume }),
                        Err(None) => Err(StoreError::Closed.into()),
                    });
                }
                Where::Past(from) => {
                    let from = *from;
                    if let Some(result) = self.catch_up(from).await.transpose() {
                        return Some(result);
                    }
                }
            }
        }
    }

    /// Reads a slice of the past, or comes to its end.
    async fn catch_up(&mut self, from: Revision) -> Result<Option<Batch>, WatchError> {
        let shared = self.shared.clone();
        let prefix = self.prefix.clone();
        let read = blocking(move || {
            let look = |state: &State| {
                let current = state.readable(None)?;
                Ok((current, state.compacted))
            };
            shared.read(look, |view, (current, compacted)| {
                if from <= compacted {
                    return Ok(Err(compacted));
                }
                slice(view, &prefix, from, current).map(Ok)
            })
        });
        let batch = match read.await? {
            Ok(batch) => batch,
            Err(compacted) => return Err(WatchError::Compacted { compacted }),
        };
        let next = batch.revision.next();
        let mut state = self.shared.state_mut();
        state.readable(None)?;
        self.place = begin(&self.shared, &mut state, &self.prefix, next);
        Ok((!batch.events.is_empty()).then_some(batch))
    }
}

/// The changes of a prefix from one revision on, at most up to another.
fn slice(view: &View, prefix: &Key, from: Revision, to: Revision) -> Result<Batch, StoreError> {
    let mut events: Vec<Event> = Vec::new();
    let (mut seen, mut bytes) = (0, 0);
    let mut revision = from;
    for entry in view
        .history
        .records(Place::first_of(from), Place::last_of(to))?
    {
        let (place, record) = entry?;
        // Of a revision all or nothing.
        if (seen >= SLICE || bytes >= SLICE_BYTES) && place.revision > revision {
            let events = events.into();
            return Ok(Batch { revision, events });
        }
        revision = place.revision;
        seen += 1;
        if record.kv.key.has_prefix(prefix) {
            let prev = record.prev.map(|prev| view.history.record(prev));
            let event = event(&record, prev.transpose()?.map(|past| past.kv));
            bytes += weight(&event);
            events.push(event);
        }
    }
    let events = events.into();
    Ok(Batch {
        revision: to,
        events,
    })
}
