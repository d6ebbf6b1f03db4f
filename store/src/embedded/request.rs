use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{Lease, LeaseId, Outcome, Revision, StoreError, Txn};

/// Where an answer goes; nobody may be waiting for it any more.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A request to the writer.
#[derive(Debug)]
pub(super) enum Request {
    Close(Reply<()>),
    Compact(Revision, Reply<()>),
    Grant(Duration, Reply<Lease>),
    KeepAlive(LeaseId, Reply<Lease>),
    Revoke(LeaseId, Reply<()>),
    Txn(Txn, Reply<Outcome>),
}

/// A request with its place in the queue, which is free again when it is answered.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) request: Request,
    pub(super) place: OwnedSemaphorePermit,
}

/// An answer that waits for the commit.
#[derive(Debug)]
pub(super) enum Answer {
    Done(Result<(), StoreError>, Reply<()>),
    Lease(Result<Lease, StoreError>, Reply<Lease>),
    Outcome(Result<Outcome, StoreError>, Reply<Outcome>),
}

impl Answer {
    /// Gives it, when what it rests on is durable.
    pub(super) fn give(self) {
        match self {
            Self::Done(answer, reply) => drop(reply.send(answer)),
            Self::Lease(answer, reply) => drop(reply.send(answer)),
            Self::Outcome(answer, reply) => drop(reply.send(answer)),
        }
    }

    /// Tells instead why the commit failed, unless the request had failed by itself.
    pub(super) fn fail(self, error: &StoreError) {
        match self {
            Self::Done(answer, reply) => {
                drop(reply.send(answer.and_then(|_| Err(error.clone()))));
            }
            Self::Lease(answer, reply) => {
                drop(reply.send(answer.and_then(|_| Err(error.clone()))));
            }
            Self::Outcome(answer, reply) => {
                drop(reply.send(answer.and_then(|_| Err(error.clone()))));
            }
        }
    }
}
