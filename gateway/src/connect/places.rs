//! Keeps open TCP streams within bounds, in all and for each user.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The streams that are open.
#[derive(Debug)]
pub(crate) struct Places {
    in_all: usize,
    per_user: usize,
    taken: Mutex<Taken>,
}

/// A stream's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Arc<Places>,
    user: Arc<str>,
}

/// No place is left for another stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Full {
    #[error("{0} TCP streams are open, as many as the hub allows")]
    InAll(usize),
    #[error("{0} TCP streams of this user are open, as many as the hub allows one user")]
    User(usize),
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_user: HashMap<Arc<str>, usize>,
}

impl Places {
    pub(crate) fn new(in_all: usize, per_user: usize) -> Arc<Self> {
        Arc::new(Self {
            in_all,
            per_user,
            taken: Mutex::default(),
        })
    }

    /// Takes a place for a stream of this user's.
    pub(crate) fn take(self: &Arc<Self>, user: &str) -> Result<Place, Full> {
        let mut taken = self.taken();
        if taken.total >= self.in_all {
            return Err(Full::InAll(self.in_all));
        }
        let user = match taken.by_user.get_key_value(user) {
            Some((_, &of_user)) if of_user >= self.per_user => {
                return Err(Full::User(self.per_user));
            }
            Some((user, _)) => Arc::clone(user),
            None => Arc::from(user),
        };
        *taken.by_user.entry(Arc::clone(&user)).or_default() += 1;
        taken.total += 1;
        drop(taken);
        Ok(Place {
            of: Arc::clone(self),
            user,
        })
    }

    /// No code panics while it holds this lock.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        taken.total -= 1;
        if let Entry::Occupied(mut of_user) = taken.by_user.entry(Arc::clone(&self.user)) {
            *of_user.get_mut() -= 1;
            if *of_user.get() == 0 {
                of_user.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_cannot_take_every_place() {
        let places = Places::new(3, 2);
        let first = places.take("alice").unwrap();
        let _second = places.take("alice").unwrap();
        assert_eq!(places.take("alice").unwrap_err(), Full::User(2));
        let _other = places.take("bob").unwrap();
        assert_eq!(places.take("carol").unwrap_err(), Full::InAll(3));
        drop(first);
        places.take("alice").unwrap();
    }

    #[test]
    fn nothing_is_kept_of_users_that_are_done() {
        let places = Places::new(3, 2);
        for user in 0..100 {
            places.take(&user.to_string()).unwrap();
        }
        let taken = places.taken();
        assert_eq!((taken.total, taken.by_user.len()), (0, 0));
    }
}
