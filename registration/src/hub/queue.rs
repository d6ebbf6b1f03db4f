use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use rand::Rng as _;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::HubError;

/// What is to be looked at, and when.
///
/// A key is in it once, however often it is pushed, and is worked on by one at a
/// time; so it holds no more than there are objects.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    pushed: Notify,
}

#[derive(Debug, Default)]
struct State {
    due: HashMap<String, Instant>,
    order: BTreeSet<(Instant, String)>,
    running: BTreeSet<String>,
    /// How often in succession it has failed.
    failures: HashMap<String, u32>,
}

/// What came of a look: when to look again if nothing happens before.
pub(crate) type Looked = Result<Option<Duration>, HubError>;

/// The wait after a first failure; it doubles.
const FIRST_RETRY: Duration = Duration::from_millis(200);
/// The longest wait after a failure.
const LAST_RETRY: Duration = Duration::from_secs(60);

impl Queue {
    /// Has it looked at now.
    pub(crate) fn push(&self, key: &str) {
        self.push_after(key, Duration::ZERO);
    }

    /// Has it looked at after a time, or earlier.
    pub(crate) fn push_after(&self, key: &str, wait: Duration) {
        self.state().plan(key, Instant::now() + wait);
        self.pushed.notify_one();
    }

    /// Has keys looked at as they come due, `at_once` at a time. What fails is
    /// looked at again after a wait that doubles. Runs until it is dropped.
    pub(crate) async fn work(
        &self,
        name: &'static str,
        at_once: usize,
        look: impl Fn(String) -> BoxFuture<'static, Looked>,
    ) {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                key = self.next(), if running.len() < at_once => {
                    let looked = look(key.clone());
                    running.push(async move { (key, looked.await) });
                }
                Some((key, looked)) = running.next() => self.done(name, key, looked),
            }
        }
    }

    /// Waits for a key that is due and not worked on. Cancel-safe.
    async fn next(&self) -> String {
        loop {
            let pushed = self.pushed.notified();
            let due = match self.state().take(Instant::now()) {
                Ok(key) => return key,
                Err(due) => due,
            };
            match due {
                Some(due) => tokio::select! {
                    () = pushed => {}
                    () = sleep_until(due) => {}
                },
                None => pushed.await,
            }
        }
    }

    fn done(&self, name: &'static str, key: String, looked: Looked) {
        let mut state = self.state();
        state.running.remove(&key);
        match looked {
            Ok(again) => {
                state.failures.remove(&key);
                if let Some(wait) = again {
                    state.plan(&key, Instant::now() + wait);
                }
            }
            Err(error) => {
                let failures = state.failures.entry(key.clone()).or_default();
                let wait = retry(*failures);
                *failures += 1;
                if error.is_conflict() {
                    tracing::debug!(controller = name, %key, %error, "to be looked at again");
                } else {
                    tracing::warn!(controller = name, %key, %error, "to be tried again");
                }
                state.plan(&key, Instant::now() + wait);
            }
        }
        drop(state);
        // A key that was pushed while it was worked on may be taken now.
        self.pushed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn plan(&mut self, key: &str, at: Instant) {
        match self.due.get(key) {
            Some(due) if *due <= at => return,
            Some(due) => {
                self.order.remove(&(*due, key.to_owned()));
            }
            None => {}
        }
        self.due.insert(key.to_owned(), at);
        self.order.insert((at, key.to_owned()));
    }

    /// The first key that is due; if there is none, when there will be.
    fn take(&mut self, now: Instant) -> Result<String, Option<Instant>> {
        let mut idle = self
            .order
            .iter()
            .filter(|(_, key)| !self.running.contains(key));
        let Some((at, key)) = idle.next() else {
            return Err(None);
        };
        if *at > now {
            return Err(Some(*at));
        }
        let first = (*at, key.clone());
        self.order.remove(&first);
        self.due.remove(&first.1);
        self.running.insert(first.1.clone());
        Ok(first.1)
    }
}

/// Doubles, with half of it left to chance: those that failed together do not
/// come back together.
fn retry(failures: u32) -> Duration {
    let doubled = FIRST_RETRY.saturating_mul(1 << failures.min(16));
    let longest = doubled.min(LAST_RETRY);
    longest.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use tokio::time::timeout;

    use super::*;

    /// Looks at what comes for a while; returns the keys and when they came.
    async fn looked(queue: &Queue, look: impl Fn(&str) -> Looked) -> Vec<(String, Duration)> {
        let begun = Instant::now();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        let work = queue.work("test", 2, move |key| {
            let looked = look(&key);
            noted.lock().unwrap().push((key, begun.elapsed()));
            async move { looked }.boxed()
        });
        timeout(Duration::from_secs(600), work).await.unwrap_err();
        let seen = seen.lock().unwrap();
        seen.clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_pushed_often_is_looked_at_once() {
        let queue = Queue::default();
        for _ in 0..3 {
            queue.push("a");
        }
        queue.push_after("a", Duration::from_secs(1));
        assert_eq!(looked(&queue, |_| Ok(None)).await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_looked_at_again_when_its_last_look_said() {
        let queue = Queue::default();
        queue.push("a");
        let looks = AtomicUsize::new(0);
        let seen = looked(&queue, |_| {
            let first = looks.fetch_add(1, Ordering::Relaxed) == 0;
            Ok(first.then_some(Duration::from_secs(300)))
        });
        let seen = seen.await;
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1].1.as_secs(), 300);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_ever_more_rarely() {
        let queue = Queue::default();
        queue.push("a");
        let seen = looked(&queue, |_| Err(HubError::TheHubs("a".to_owned()))).await;
        let waits: Vec<Duration> = seen.windows(2).map(|two| two[1].1 - two[0].1).collect();
        assert!(waits[0] <= FIRST_RETRY + Duration::from_millis(2));
        let last = waits.last().unwrap();
        assert!(*last >= LAST_RETRY / 2 && *last <= LAST_RETRY + Duration::from_millis(2));
        assert!(seen.len() < 40, "{}", seen.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_pushed_while_it_is_worked_on_is_looked_at_afterwards() {
        let queue = Arc::new(Queue::default());
        queue.push("a");
        let (running, most, looks) =
            <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let (of, r, m, l) = (queue.clone(), running.clone(), most.clone(), looks.clone());
        let work = queue.work("test", 4, move |key| {
            let (queue, running, most, looks) = (of.clone(), r.clone(), m.clone(), l.clone());
            async move {
                let now = running.fetch_add(1, Ordering::Relaxed) + 1;
                most.fetch_max(now, Ordering::Relaxed);
                if looks.fetch_add(1, Ordering::Relaxed) == 0 {
                    queue.push(&key);
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
                running.fetch_sub(1, Ordering::Relaxed);
                Ok(None)
            }
            .boxed()
        });
        timeout(Duration::from_secs(10), work).await.unwrap_err();
        assert_eq!(looks.load(Ordering::Relaxed), 2);
        assert_eq!(most.load(Ordering::Relaxed), 1);
    }
}
