//! How many requests may run at once, altogether and for one identity.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{RequestInfo, Status, User};

/// Bounds the requests that run at once.
///
/// There are three kinds, each with its own bound: those that read, those that
/// change something, and those that last (watches and connections through the
/// server). While there is much room, an identity may take as much as it likes;
/// the last [`Self::RESERVE`]th is only for those who have less than an equal
/// share, counted with one more who may yet come. What is over is refused at
/// once with 429 and `Retry-After: 1`; nothing waits. Members of `system:masters` and the
/// health endpoints always run, and take no room.
#[derive(Clone, Debug)]
pub struct InFlight {
    kinds: Arc<[Mutex<Running>; 3]>,
}

/// How many requests of each kind may run at once, and what they may hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InFlightLimits {
    /// Requests that read; 400 by default.
    pub reading: usize,
    /// Requests that change something; 200 by default.
    pub changing: usize,
    /// Requests that last; 20,000 by default. One costs the memory of its
    /// queue and no work while nothing happens.
    pub lasting: usize,
    /// Bytes of requests' bodies that are held at once, but for bodies of at most
    /// 32 KiB; 64 MiB by default. One identity has a quarter of them, or
    /// one body of 3 MiB.
    ///
    /// What is made of a body while it is handled can be many times as large.
    pub body_bytes: usize,
    /// How long a body may wait for room among these; 10 s by default. Then
    /// its request is refused with 429 and `Retry-After: 1`.
    pub body_wait: Duration,
}

/// A request that runs; dropping it makes room.
#[derive(Debug)]
#[must_use = "a request runs as long as this is kept"]
pub struct Ticket(Option<(InFlight, Kind, Box<str>)>);

/// The requests of one kind that run, by the name of whose they are. A name is
/// forgotten with its last request, so there are never more than `most`.
#[derive(Debug)]
struct Running {
    most: usize,
    all: usize,
    by_user: HashMap<Box<str>, usize>,
}

/// What a request costs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Reading,
    Changing,
    Lasting,
}

impl Default for InFlightLimits {
    fn default() -> Self {
        Self {
            reading: 400,
            changing: 200,
            lasting: 20_000,
            body_bytes: 64 << 20,
            body_wait: Duration::from_secs(10),
        }
    }
}

impl InFlight {
    /// One part in so many of the room is kept for those who have less than
    /// their share.
    pub const RESERVE: usize = 4;

    /// Bounds by these limits. A limit of 0 lets nobody but those run who are
    /// exempt.
    #[must_use]
    pub fn new(limits: InFlightLimits) -> Self {
        let running = |most| {
            Mutex::new(Running {
                most,
                all: 0,
                by_user: HashMap::new(),
            })
        };
        let InFlightLimits {
            reading,
            changing,
            lasting,
            ..
        } = limits;
        Self {
            kinds: Arc::new([running(reading), running(changing), running(lasting)]),
        }
    }

    /// Lets a request run, for as long as the ticket is kept.
    ///
    /// # Errors
    /// 429, to be tried again after a second.
    pub fn enter(&self, user: &User, request: &RequestInfo) -> Result<Ticket, Status> {
        if user.is_in(User::MASTERS) || is_health(request) {
            return Ok(Ticket(None));
        }
        let kind = Kind::of(request);
        if self.running(kind).enter(&user.name) {
            Ok(Ticket(Some((
                self.clone(),
                kind,
                user.name.as_str().into(),
            ))))
        } else {
            Err(Status::too_many_requests(1))
        }
    }

    fn running(&self, kind: Kind) -> MutexGuard<'_, Running> {
        let [reading, changing, lasting] = &*self.kinds;
        let running = match kind {
            Kind::Reading => reading,
            Kind::Changing => changing,
            Kind::Lasting => lasting,
        };
        running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn enter(&mut self, user: &str) -> bool {
        let own = self.by_user.get(user).copied().unwrap_or_default();
        let users = self.by_user.len() + usize::from(own == 0);
        let share = (self.most / (users + 1)).max(1);
        let free = self.most.saturating_sub(self.all);
        let reserved = self.most / InFlight::RESERVE;
        if free == 0 || own >= share && free <= reserved {
            return false;
        }
        self.all += 1;
        match self.by_user.get_mut(user) {
            Some(own) => *own += 1,
            None => {
                self.by_user.insert(user.into(), 1);
            }
        }
        true
    }

    fn leave(&mut self, user: &str) {
        self.all = self.all.saturating_sub(1);
        if let Some(own) = self.by_user.get_mut(user) {
            *own -= 1;
            if *own == 0 {
                self.by_user.remove(user);
            }
        }
    }
}

impl Kind {
    pub(crate) fn of(request: &RequestInfo) -> Self {
        let connects = request.resource.as_ref().is_some_and(|of| {
            matches!(
                &*of.subresource,
                "attach" | "exec" | "log" | "portforward" | "proxy"
            )
        });
        match request.verb {
            _ if connects => Self::Lasting,
            "watch" => Self::Lasting,
            "get" | "list" | "head" | "options" => Self::Reading,
            _ => Self::Changing,
        }
    }
}

fn is_health(request: &RequestInfo) -> bool {
    let is_part_of = |root: &str| {
        let behind = request.path.strip_prefix(root);
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('/'))
    };
    request.resource.is_none()
        && ["/healthz", "/livez", "/readyz"]
            .into_iter()
            .any(is_part_of)
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some((in_flight, kind, user)) = self.0.take() {
            in_flight.running(kind).leave(&user);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn ask(in_flight: &InFlight, user: &str, method: &Method, uri: &str) -> Option<Ticket> {
        let user = User::new(user, []);
        let request = RequestInfo::new(method, &uri.parse().unwrap()).unwrap();
        in_flight.enter(&user, &request).ok()
    }

    fn limited(reading: usize, changing: usize, lasting: usize) -> InFlight {
        InFlight::new(InFlightLimits {
            reading,
            changing,
            lasting,
            ..InFlightLimits::default()
        })
    }

    fn get(in_flight: &InFlight, user: &str) -> Option<Ticket> {
        ask(in_flight, user, &Method::GET, "/api/v1/pods")
    }

    #[test]
    fn one_identity_cannot_take_the_room_of_all() {
        let in_flight = limited(8, 1, 1);
        let mut greedy: Vec<Ticket> = Vec::new();
        while let Some(ticket) = get(&in_flight, "greedy") {
            greedy.push(ticket);
        }
        assert_eq!(greedy.len(), 6, "a quarter of the room stays free");
        let first = get(&in_flight, "modest");
        assert!(first.is_some());
        assert!(get(&in_flight, "greedy").is_none(), "more than its share");
        let second = get(&in_flight, "modest");
        assert!(second.is_some(), "less than its share");
        assert!(get(&in_flight, "third").is_none(), "no room at all");
        drop(greedy.pop());
        assert!(
            get(&in_flight, "greedy").is_none(),
            "still more than its share"
        );
        assert!(get(&in_flight, "third").is_some());
    }

    #[test]
    fn the_kinds_of_request_have_room_of_their_own() {
        let in_flight = limited(1, 1, 2);
        let ask = |method: &Method, uri: &str| ask(&in_flight, "a", method, uri);
        let reading = ask(&Method::GET, "/api/v1/pods").unwrap();
        assert!(ask(&Method::GET, "/version").is_none());
        let changing = ask(&Method::POST, "/api/v1/namespaces").unwrap();
        assert!(ask(&Method::DELETE, "/api/v1/namespaces/a").is_none());
        let watch = ask(&Method::GET, "/api/v1/pods?watch=1").unwrap();
        let proxy = ask(&Method::POST, "/api/v1/namespaces/a/pods/p/exec").unwrap();
        assert!(ask(&Method::GET, "/api/v1/pods?watch=1").is_none());
        drop((reading, changing, watch, proxy));
        assert!(ask(&Method::GET, "/version").is_some());
    }

    #[test]
    fn masters_and_health_always_run() {
        let in_flight = limited(0, 0, 0);
        let ask = |user: &User, uri: &str| {
            let request = RequestInfo::new(&Method::GET, &uri.parse().unwrap()).unwrap();
            in_flight.enter(user, &request)
        };
        let master = User::new("root", [User::MASTERS.to_owned()]);
        assert!(ask(&master, "/api/v1/pods").is_ok());
        assert!(ask(&User::anonymous(), "/readyz/ping").is_ok());
        let refused = ask(&User::anonymous(), "/readyzz").unwrap_err();
        assert_eq!(refused.code(), 429);
        assert_eq!(refused.details().unwrap().retry_after_seconds, Some(1));
    }
}
