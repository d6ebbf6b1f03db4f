use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use rand::Rng as _;
use serde_json::Value;
use store::{Batch, Event, Range, WatchError, WatchStream};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Status;
use crate::answer::{Answer, WatchItem};
use crate::changes::{Seen, Side};
use crate::object::Stored;
use crate::options::ListOptions;
use crate::scope::Scope;
use crate::storage::{RangeError, Storage, stored};

/// Follows a collection, or one object of it by a selector of its name.
pub(crate) async fn watch(
    storage: &Storage,
    scope: &Scope,
    options: ListOptions,
) -> Result<Answer, Status> {
    let wanted = options.revision.filter(|wanted| *wanted > 0);
    let snapshot = options.initial_events.unwrap_or_else(|| wanted.is_none());
    if snapshot && let Some(wanted) = wanted {
        storage.reach(wanted).await?;
    }
    let prefix = crate::key::prefix(&scope.resource, &scope.namespace);
    let mut initial = VecDeque::new();
    let mut from = wanted.map(|wanted| wanted + 1);
    let mut revision = wanted.unwrap_or(0);
    if snapshot {
        let page = storage.range(Range::prefix(prefix.clone())).await;
        let page = page.map_err(|error| match error {
            RangeError::Failed(status) => status,
            RangeError::Gone => Status::expired(TOO_OLD),
        })?;
        initial = stored(&page.kvs)?.into();
        from = Some(page.revision.next().0);
        revision = page.revision.0;
    }
    let live = storage.watch(prefix, from).await?;
    let now = Instant::now();
    let timeout = options.timeout.filter(|timeout| !timeout.is_zero());
    let deadline = now + timeout.unwrap_or_else(random_timeout);
    let watch = Watch {
        initial,
        ends_initially: options.initial_events == Some(true) && options.bookmarks,
        pending: VecDeque::new(),
        live,
        revision,
        heard: now,
        deadline,
        alarm: Box::pin(sleep_until(next_alarm(&options, now, deadline))),
        bookmark_due: false,
        over: false,
        storage: storage.clone(),
        scope: scope.clone(),
        options,
    };
    Ok(Answer::Watch(Box::pin(stream::unfold(
        watch,
        |mut watch| async move {
            let item = watch.next().await?;
            Some((item, watch))
        },
    ))))
}

/// A watch that goes on. It is a stream that its reader drives: nobody runs it
/// when it is not read, and the store ends it when it falls too far behind.
struct Watch {
    storage: Storage,
    scope: Scope,
    options: ListOptions,
    /// What there was at the start and has not been sent yet.
    initial: VecDeque<Stored>,
    /// Whether a bookmark stands behind the last of the initial events.
    ends_initially: bool,
    pending: VecDeque<WatchItem>,
    live: WatchStream,
    /// How far everything of the watch has been taken from the store.
    revision: u64,
    /// When that was last told.
    heard: Instant,
    deadline: Instant,
    /// Goes off when a bookmark is to be sent, or at the deadline.
    alarm: Pin<Box<Sleep>>,
    /// Whether a bookmark is to follow what the store tells next.
    bookmark_due: bool,
    over: bool,
}

impl Watch {
    async fn next(&mut self) -> Option<WatchItem> {
        loop {
            if let Some(object) = self.initial.pop_front() {
                let selected = self.selects_all() || {
                    match object.value(&self.scope.resource) {
                        Ok(value) => self.selects(&value),
                        Err(status) => return self.fail(status),
                    }
                };
                if selected {
                    return Some(WatchItem::Added(Seen::at_first(object)));
                }
                continue;
            }
            if std::mem::take(&mut self.ends_initially) {
                return Some(WatchItem::Bookmark {
                    revision: self.revision,
                    initial_events_end: true,
                });
            }
            if let Some(item) = self.pending.pop_front() {
                return Some(item);
            }
            if self.over {
                return None;
            }
            tokio::select! {
                batch = self.live.next() => match batch {
                    Some(Ok(batch)) => if let Err(status) = self.take(&batch) {
                        return self.fail(status);
                    },
                    Some(Err(WatchError::Compacted { .. })) => {
                        return self.fail(Status::expired(TOO_OLD));
                    }
                    // The client watches again from what it has seen.
                    Some(Err(WatchError::Lagged { .. })) | None => return None,
                    Some(Err(error)) => {
                        return self.fail(Status::internal(&error.to_string()));
                    }
                },
                () = self.alarm.as_mut() => {
                    if Instant::now() >= self.deadline {
                        return None;
                    }
                    self.remind().await;
                }
            }
        }
    }

    /// Takes what the store tells.
    fn take(&mut self, batch: &Batch) -> Result<(), Status> {
        for event in batch.events.iter() {
            if let Some(item) = self.item(event)? {
                self.pending.push_back(item);
            }
        }
        self.revision = self.revision.max(batch.revision.0);
        self.heard = Instant::now();
        if std::mem::take(&mut self.bookmark_due) {
            self.push_bookmark();
        }
        Ok(())
    }

    /// What an event of the store's is to this watch: an object that comes to
    /// be selected is added, one that is selected no longer is deleted.
    fn item(&self, event: &Event) -> Result<Option<WatchItem>, Status> {
        let change = self.storage.changes().of(event, &self.scope.resource)?;
        let new = self.if_selected(change.new.as_ref())?;
        let old = self.if_selected(change.old.as_ref())?;
        Ok(match (old, new) {
            (None, None) => None,
            (None, Some(new)) => Some(WatchItem::Added(new.seen(&change))),
            (Some(_), Some(new)) => Some(WatchItem::Modified(new.seen(&change))),
            (Some(old), None) => Some(WatchItem::Deleted(old.seen(&change))),
        })
    }

    fn if_selected<'a>(&self, side: Option<&'a Side>) -> Result<Option<&'a Side>, Status> {
        match side {
            Some(side) if self.selects_all() => Ok(Some(side)),
            Some(side) if self.selects(side.value(&self.scope.resource)?) => Ok(Some(side)),
            _ => Ok(None),
        }
    }

    fn selects_all(&self) -> bool {
        self.options.labels.is_empty() && self.options.fields.is_empty()
    }

    fn selects(&self, object: &Value) -> bool {
        let ListOptions { labels, fields, .. } = &self.options;
        self.scope.selects(labels, fields, object)
    }

    /// Has a bookmark sent: at once if the store has just told how far it is,
    /// and otherwise when it tells again, which it is asked to do.
    async fn remind(&mut self) {
        let now = Instant::now();
        let next = next_alarm(&self.options, now, self.deadline);
        self.alarm.as_mut().reset(next);
        if now.duration_since(self.heard) < FRESH {
            self.push_bookmark();
        } else {
            self.bookmark_due = self.storage.request_progress().await.is_ok();
        }
    }

    fn push_bookmark(&mut self) {
        if self.revision > 0 {
            self.pending.push_back(WatchItem::Bookmark {
                revision: self.revision,
                initial_events_end: false,
            });
        }
    }

    fn fail(&mut self, status: Status) -> Option<WatchItem> {
        self.over = true;
        self.pending.clear();
        self.initial.clear();
        Some(WatchItem::Error(status))
    }
}

/// When a watch has something to do without being told.
fn next_alarm(options: &ListOptions, now: Instant, deadline: Instant) -> Instant {
    if options.bookmarks {
        next_bookmark(now, deadline).min(deadline)
    } else {
        deadline
    }
}

/// When the next bookmark is to be sent: once a minute and shortly before the
/// watch ends.
fn next_bookmark(now: Instant, deadline: Instant) -> Instant {
    let regular = now + BOOKMARKS;
    let last = deadline - LAST_BOOKMARK.min(deadline - now);
    if last > now {
        regular.min(last)
    } else {
        regular
    }
}

/// Watches end at different times, so that not all come back at once.
fn random_timeout() -> Duration {
    Duration::from_secs(rand::rng().random_range(1800..3600))
}

const TOO_OLD: &str = "The resourceVersion for the provided watch is too old.";
const BOOKMARKS: Duration = Duration::from_secs(60);
const LAST_BOOKMARK: Duration = Duration::from_secs(2);
const FRESH: Duration = Duration::from_secs(10);
