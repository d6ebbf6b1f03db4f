use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use tokio::time::Instant;

use super::leases::Leases;
use super::meta::Meta;
use super::plan::{Changes, Plan};
use super::request::{Answer, Queued, Reply, Request};
use super::shared::Shared;
use crate::{Change, StoreError};

/// Superseded records removed in one commit: at least, and when nothing else
/// is to be done. Between them, four for each record that is written, so that
/// removal keeps up with any load and delays no commit by much.
const MIN_SLICE: usize = 64;
const MAX_SLICE: usize = 1024;
/// Leases ended in one commit.
const MAX_ENDED: usize = 64;
/// How long nothing is tried on a disk that has just failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How many bytes of values one commit takes, about.
const MAX_BATCH: usize = 16 << 20;

/// The one that writes: takes what waits, commits it, and then lets it be seen.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Receiver<Queued>,
    pub(super) leases: Leases,
    /// What is on disk.
    pub(super) meta: Meta,
    /// Why and until when nothing is tried.
    pub(super) pause: Option<(StoreError, Instant)>,
    /// Whether the last commit failed.
    pub(super) failing: bool,
}

/// Whatever ends the writer, the store is closed then.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Writer {
    /// Runs until the store is closed, or nobody is left who could write.
    pub(super) fn run(mut self) {
        let closing = Closing(self.shared.clone());
        let reply = loop {
            match self.take() {
                Taken::Batch(batch) => {
                    if let Some(reply) = self.serve(batch) {
                        break Some(reply);
                    }
                }
                Taken::Nothing => break None,
            }
        };
        drop(closing);
        if let Some(reply) = reply {
            let _ = reply.send(Ok(()));
        }
    }

    /// Waits for something to do, and takes all that waits.
    fn take(&mut self) -> Taken {
        let first = match self.wait() {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => return Taken::Batch(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return Taken::Nothing,
        };
        let mut bytes = weight(&first);
        let mut batch = vec![first];
        while batch.len() < self.shared.options.queue && bytes < MAX_BATCH {
            match self.queue.try_recv() {
                Ok(queued) => {
                    bytes += weight(&queued);
                    batch.push(queued);
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        Taken::Batch(batch)
    }

    fn wait(&self) -> Result<Queued, RecvTimeoutError> {
        let due = match &self.pause {
            Some((_, until)) => Some(*until),
            None if self.shared.has_garbage() => return self.queue.recv_timeout(Duration::ZERO),
            None => self.leases.next_end(),
        };
        match due {
            Some(due) => self
                .queue
                .recv_timeout(due.saturating_duration_since(Instant::now())),
            None => self
                .queue
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Judges, commits and answers; returns who is to be told of the end.
    fn serve(&mut self, batch: Vec<Queued>) -> Option<Reply<()>> {
        self.pause.take_if(|(_, until)| *until <= Instant::now());
        let ended = match self.pause {
            Some(_) => Vec::new(),
            None => self.leases.ended(MAX_ENDED, PAUSE),
        };
        for queued in &batch {
            if let Request::KeepAlive(id, _) = &queued.request
                && !ended.contains(id)
            {
                self.leases.keep_alive(*id);
            }
        }
        let shared = self.shared.clone();
        let state = shared.state();
        let mut plan = Plan::new(&state.index, &self.leases, &shared.options, self.meta);
        for id in ended {
            let _ = plan.revoke(id);
        }
        let mut answers = Vec::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        let mut closing = None;
        for Queued { request, place } in batch {
            places.push(place);
            match request {
                Request::Close(reply) => closing = Some(reply),
                Request::Compact(to, reply) => {
                    answers.push(Answer::Done(plan.compact(to), reply));
                }
                Request::Grant(ttl, reply) => answers.push(Answer::Lease(plan.grant(ttl), reply)),
                // Rests on no commit, and must not fail with one.
                Request::KeepAlive(id, reply) => drop(reply.send(plan.keep_alive(id))),
                Request::Revoke(id, reply) => answers.push(Answer::Done(plan.revoke(id), reply)),
                Request::Txn(txn, reply) => answers.push(Answer::Outcome(plan.txn(txn), reply)),
            }
        }
        let mut changes = plan.changes;
        let slice = match changes.records.len() {
            0 => MAX_SLICE,
            written => (4 * written).clamp(MIN_SLICE, MAX_SLICE),
        };
        changes.garbage = state.index.garbage(self.meta.compacted, slice);
        drop(state);
        match self.commit(&changes) {
            Ok(()) => answers.into_iter().for_each(Answer::give),
            Err(error) => answers.into_iter().for_each(|answer| answer.fail(&error)),
        }
        closing
    }

    /// Makes changes durable, and then seen.
    fn commit(&mut self, changes: &Changes) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        if let Some((error, _)) = &self.pause {
            return Err(error.clone());
        }
        if let Err(error) = self.write(changes) {
            if !self.failing {
                tracing::warn!(%error, "the store cannot write");
            }
            self.failing = true;
            return Err(error);
        }
        if self.failing {
            tracing::info!("the store can write again");
        }
        self.failing = false;
        self.meta = changes.meta;
        for event in &changes.events {
            self.leases.follow(event);
        }
        for (id, ttl) in &changes.granted {
            self.leases.insert(*id, *ttl);
        }
        for id in &changes.revoked {
            self.leases.remove(*id);
        }
        let leases = self.leases.len() as u64;
        self.shared.apply(changes, leases);
        Ok(())
    }

    fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        if !self.shared.is_open() {
            self.reopen(Ok)?;
        }
        let Err(error) = self.shared.commit(changes) else {
            return Ok(());
        };
        // Opening it again is all that a database can be used for whose commit
        // has failed; and it may have been made after all.
        self.reopen(|meta| {
            if meta == changes.meta && meta != changes.before {
                Ok(meta)
            } else {
                Err(error)
            }
        })?;
        Ok(())
    }

    /// Opens the database anew; `verdict` says what follows from how far it is.
    fn reopen(
        &mut self,
        verdict: impl FnOnce(Meta) -> Result<Meta, StoreError>,
    ) -> Result<Meta, StoreError> {
        let began = Instant::now();
        let result = self.shared.reopen().and_then(verdict);
        if let Err(error) = &result {
            let pause = PAUSE.max(10 * began.elapsed());
            self.pause = Some((error.clone(), Instant::now() + pause));
        }
        result
    }
}

/// What the queue has given.
enum Taken {
    /// Requests; none if something else is due.
    Batch(Vec<Queued>),
    /// Nobody is left.
    Nothing,
}

/// The bytes of values that a request brings.
fn weight(queued: &Queued) -> usize {
    match &queued.request {
        Request::Txn(txn, _) => match &txn.change {
            Change::Put { value, .. } => value.len(),
            Change::Delete => 0,
        },
        Request::Close(_)
        | Request::Compact(..)
        | Request::Grant(..)
        | Request::KeepAlive(..)
        | Request::Revoke(..) => 0,
    }
}
