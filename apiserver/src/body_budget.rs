//! How many bytes of requests' bodies are held at once, altogether and for one
//! identity.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::Status;

/// Bounds the bytes of bodies that are held at once, from before their first
/// byte is read until their requests are answered.
///
/// A body claims its whole length before any of it is read, so that those who
/// have begun can always come to their end. Who finds no room waits his turn,
/// in the order of coming, while the client's bytes stay in the connection's
/// window. One identity has one part in [`Self::SHARE`] of the room at most: one
/// that sends large bodies slowly makes itself wait.
///
/// What is made of a body can be a hundred times as large, so of the bodies that
/// have been read only as many as [`Self::HANDLED`] of the largest are handled
/// at once. That is no matter of waiting for anybody far away.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget(Arc<Inner>);

/// A part of the budget; dropping it gives it back.
#[derive(Debug)]
#[must_use = "a body counts as long as this is kept"]
pub(crate) struct Claim(Option<Held>);

#[derive(Debug)]
struct Inner {
    most: usize,
    share: usize,
    patience: Duration,
    room: Arc<Semaphore>,
    handled: Arc<Semaphore>,
    /// The room of each identity that has or wants some of it.
    by_user: Mutex<HashMap<Box<str>, Arc<Semaphore>>>,
    refused: AtomicU64,
}

#[derive(Debug)]
struct Held {
    own: OwnedSemaphorePermit,
    all: OwnedSemaphorePermit,
    _handled: Option<OwnedSemaphorePermit>,
    // Behind the permits, which are gone when it looks whether it is the last.
    user: InUse,
}

/// Keeps an identity's room known while somebody uses it or waits for it.
#[derive(Debug)]
struct InUse {
    budget: BodyBudget,
    user: Box<str>,
    room: Option<Arc<Semaphore>>,
}

impl BodyBudget {
    /// One identity has one part in so many of the room, or room for one of the
    /// largest bodies.
    pub(crate) const SHARE: usize = 4;
    /// So many of the largest bodies are handled at once.
    pub(crate) const HANDLED: usize = 4;

    /// A budget of so many bytes for bodies no larger than `largest`, which wait
    /// for room no longer than `patience`.
    pub(crate) fn new(most: usize, largest: usize, patience: Duration) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        Self(Arc::new(Inner {
            most,
            share: (most / Self::SHARE).max(largest).min(most),
            patience,
            room: Arc::new(Semaphore::new(most)),
            handled: Arc::new(Semaphore::new(Self::HANDLED * largest)),
            by_user: Mutex::default(),
            refused: AtomicU64::new(0),
        }))
    }

    /// Waits for room for so many bytes.
    ///
    /// # Errors
    /// 429, to be tried again after a second: there was none in time.
    pub(crate) async fn claim(&self, user: &str, bytes: usize) -> Result<Claim, Status> {
        let wanted = u32::try_from(bytes.min(self.0.share)).unwrap_or(u32::MAX);
        let user = InUse::new(self, user);
        let both = async {
            let own = user.room()?.acquire_many_owned(wanted).await.ok()?;
            let all = self.0.room.clone().acquire_many_owned(wanted).await.ok()?;
            Some((own, all))
        };
        let (own, all) = self.in_time(both).await?;
        Ok(Claim(Some(Held {
            own,
            all,
            _handled: None,
            user,
        })))
    }

    /// What comes of waiting, unless it takes too long.
    async fn in_time<T>(&self, waiting: impl Future<Output = Option<T>>) -> Result<T, Status> {
        if let Ok(Some(came)) = timeout(self.0.patience, waiting).await {
            return Ok(came);
        }
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        Err(Status::too_many_requests(1))
    }

    /// The bytes that are claimed now.
    pub(crate) fn claimed(&self) -> usize {
        self.0.most - self.0.room.available_permits()
    }

    /// How many bodies have found no room in time.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    fn users(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Semaphore>>> {
        let users = self.0.by_user.lock();
        users.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Of nothing.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Gives back what is over so many bytes, which is all that came, and waits
    /// until these may be handled.
    ///
    /// # Errors
    /// As for [`BodyBudget::claim`].
    pub(crate) async fn has_come(&mut self, bytes: usize) -> Result<(), Status> {
        let Some(held) = &mut self.0 else {
            return Ok(());
        };
        let over = held.all.num_permits().saturating_sub(bytes);
        drop(held.own.split(over));
        drop(held.all.split(over));
        let budget = &held.user.budget;
        let wanted = u32::try_from(held.all.num_permits()).unwrap_or(u32::MAX);
        let handled = budget.0.handled.clone().acquire_many_owned(wanted);
        held._handled = Some(budget.in_time(async { handled.await.ok() }).await?);
        Ok(())
    }
}

impl InUse {
    fn new(budget: &BodyBudget, user: &str) -> Self {
        let mut users = budget.users();
        let room = users
            .entry(user.into())
            .or_insert_with(|| Arc::new(Semaphore::new(budget.0.share)));
        Self {
            budget: budget.clone(),
            user: user.into(),
            room: Some(room.clone()),
        }
    }

    fn room(&self) -> Option<Arc<Semaphore>> {
        self.room.clone()
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut users = self.budget.users();
        self.room = None;
        // Only the table knows it still.
        if users
            .get(&self.user)
            .is_some_and(|room| Arc::strong_count(room) == 1)
        {
            users.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn budget() -> BodyBudget {
        BodyBudget::new(80, 10, PATIENCE)
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_and_then_is_told_to_come_again() {
        let budget = budget();
        let mut held = Vec::new();
        for user in ["a", "b", "c", "d"] {
            held.push(budget.claim(user, 20).await.unwrap());
        }
        assert_eq!(budget.claimed(), 80);
        let begun = Instant::now();
        let refused = budget.claim("e", 1).await.unwrap_err();
        assert_eq!(begun.elapsed(), PATIENCE);
        assert_eq!(refused.code(), 429);
        assert_eq!(refused.details().unwrap().retry_after_seconds, Some(1));
        assert_eq!(budget.refused(), 1);

        let mut waits = std::pin::pin!(budget.claim("e", 1));
        assert!(waits.as_mut().now_or_never().is_none());
        held.clear();
        drop(waits.await.unwrap());
        assert_eq!(budget.claimed(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_identity_makes_itself_wait_and_nobody_else() {
        let budget = budget();
        let first = budget.claim("greedy", 10).await.unwrap();
        let _second = budget.claim("greedy", 10).await.unwrap();
        assert_eq!(
            budget.claim("greedy", 1).now_or_never().map(|_| ()),
            None,
            "it has its share"
        );
        let other = budget.claim("other", 10).now_or_never().unwrap();
        drop(other.unwrap());
        drop(first);
        let third = budget.claim("greedy", 10).now_or_never().unwrap();
        drop(third.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_needed_is_given_back() {
        let budget = budget();
        let mut claim = budget.claim("a", 10).await.unwrap();
        claim.has_come(3).await.unwrap();
        assert_eq!(budget.claimed(), 3);
        let others = budget.claim("a", 17).now_or_never().unwrap();
        drop((claim, others.unwrap()));
        assert_eq!(budget.claimed(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_some_are_handled_at_once() {
        let budget = budget();
        let mut handled = Vec::new();
        for user in ["a", "b", "c", "d", "e"] {
            let mut claim = budget.claim(user, 10).await.unwrap();
            let has_come = claim.has_come(10).now_or_never();
            assert_eq!(has_come.is_some(), handled.len() < BodyBudget::HANDLED);
            handled.push(claim);
        }
        let mut last = handled.pop().unwrap();
        last.has_come(10).await.unwrap_err();
        handled.clear();
        last.has_come(10).now_or_never().unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_remembered_who_has_nothing() {
        let budget = budget();
        let held = budget.claim("a", 20).await.unwrap();
        drop(budget.claim("a", 20).now_or_never());
        budget.claim("a", 20).await.unwrap_err();
        drop(budget.claim("b", 20).await.unwrap());
        assert_eq!(budget.users().len(), 1);
        drop(held);
        assert!(budget.users().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_larger_than_a_share_takes_all_of_it() {
        let small = BodyBudget::new(5, 10, PATIENCE);
        let claim = small.claim("a", 10).await.unwrap();
        assert_eq!(small.claimed(), 5);
        drop(claim);
        assert_eq!(small.claimed(), 0);
    }
}
