use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::Hash;

use tokio::time::Instant;

/// What is to be done next: each key is there once at most, is in the hands of one
/// worker at most, and comes again if it was added meanwhile. It holds no more than
/// there are keys.
#[derive(Debug)]
pub(super) struct Queue<K> {
    ready: VecDeque<K>,
    /// What is in `ready`.
    waiting: HashSet<K>,
    running: HashSet<K>,
    /// What was added while it was running.
    again: HashSet<K>,
    later: BTreeSet<(Instant, K)>,
    /// When what is in `later` is due.
    due: HashMap<K, Instant>,
}

impl<K: Clone + Eq + Hash + Ord> Queue<K> {
    pub(super) fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            waiting: HashSet::new(),
            running: HashSet::new(),
            again: HashSet::new(),
            later: BTreeSet::new(),
            due: HashMap::new(),
        }
    }

    /// Has it done as soon as may be.
    pub(super) fn add(&mut self, key: K) {
        self.postpone_no_more(&key);
        if self.running.contains(&key) {
            self.again.insert(key);
        } else if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    /// Has it done then, if it is not to be done before.
    pub(super) fn add_at(&mut self, key: K, at: Instant) {
        let sooner = self.due.get(&key).is_some_and(|due| *due <= at);
        if sooner || self.waiting.contains(&key) || self.again.contains(&key) {
            return;
        }
        self.postpone_no_more(&key);
        self.due.insert(key.clone(), at);
        self.later.insert((at, key));
    }

    /// What is to be done now. It counts as running until [`Queue::done`].
    pub(super) fn next(&mut self, now: Instant) -> Option<K> {
        while let Some((at, key)) = self.later.first().cloned() {
            if at > now {
                break;
            }
            self.add(key);
        }
        let key = self.ready.pop_front()?;
        self.waiting.remove(&key);
        self.running.insert(key.clone());
        Some(key)
    }

    pub(super) fn done(&mut self, key: &K) {
        self.running.remove(key);
        if self.again.remove(key) {
            self.add(key.clone());
        }
    }

    /// When something is due next that is not ready yet.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.later.first().map(|(at, _)| *at)
    }

    fn postpone_no_more(&mut self, key: &K) {
        if let Some(at) = self.due.remove(key) {
            self.later.remove(&(at, key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_key_is_done_once_however_often_it_was_added() {
        let now = Instant::now();
        let mut queue = Queue::new();
        queue.add("a");
        queue.add("b");
        queue.add("a");
        assert_eq!(queue.next(now), Some("a"));
        assert_eq!(queue.next(now), Some("b"));
        assert_eq!(queue.next(now), None);
    }

    #[test]
    fn a_key_that_is_being_done_is_not_done_beside_itself_but_after() {
        let now = Instant::now();
        let mut queue = Queue::new();
        queue.add("a");
        assert_eq!(queue.next(now), Some("a"));
        queue.add("a");
        assert_eq!(queue.next(now), None);
        queue.done(&"a");
        assert_eq!(queue.next(now), Some("a"));
        queue.done(&"a");
        assert_eq!(queue.next(now), None);
    }

    #[test]
    fn of_two_times_the_sooner_counts_and_now_is_the_soonest() {
        let now = Instant::now();
        let (soon, late) = (now + Duration::from_secs(1), now + Duration::from_secs(9));
        let mut queue = Queue::new();
        queue.add_at("a", late);
        queue.add_at("a", soon);
        queue.add_at("a", late);
        assert_eq!(queue.next_due(), Some(soon));
        assert_eq!(queue.next(now), None);
        assert_eq!(queue.next(soon), Some("a"));
        queue.done(&"a");
        assert_eq!(queue.next(late), None);
        queue.add_at("a", late);
        queue.add("a");
        assert_eq!((queue.next(now), queue.next_due()), (Some("a"), None));
    }
}
