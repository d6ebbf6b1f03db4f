//! The links of one session: serves them, and makes and ends further ones.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tunnel::{Carrier, Link, Session, Siblings};

use crate::CarrierChoice;
use crate::connect::ConnectError;
use crate::join::{Connected, Further};
use crate::serve::Services;

mod controller;

use controller::{Action, Controller, Sample};

/// One session, from its first link to its last.
pub(crate) struct Links {
    session: Session,
    services: Arc<Services>,
    further: Option<Arc<Further>>,
    controller: Controller,
    held: Vec<Held>,
    /// The links' work; it ends with this.
    work: JoinSet<()>,
    /// The links under way, as many as the controller wants.
    opening: JoinSet<Result<Connected, ConnectError>>,
    next_id: u64,
}

struct Held {
    id: u64,
    link: Link,
}

/// How often the controller is asked while there are streams, and else.
const TICKS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));
/// How long the streams may go on that come to an idle link at the very moment
/// when it is given up; the hub allows no more.
const DRAIN_LIMIT: Duration = Duration::from_secs(600);

impl Links {
    /// A session of one link; without `further` it gets no others.
    pub(crate) fn new(
        first: Connected,
        further: Option<Further>,
        services: Arc<Services>,
    ) -> (Self, Session) {
        let session = Session::new(first.link.clone());
        let choice = further.as_ref().map(|further| further.choice);
        let since_switch = further.as_ref().and_then(Further::since_switch);
        let mut this = Self {
            session: session.clone(),
            services,
            further: further.map(Arc::new),
            controller: Controller::new(choice == Some(CarrierChoice::Auto), since_switch),
            held: Vec::new(),
            work: JoinSet::new(),
            opening: JoinSet::new(),
            next_id: 0,
        };
        this.hold(first);
        (this, session)
    }

    /// Serves until the last link has ended. Dropped, it ends them all at once.
    pub(crate) async fn run(mut self) {
        let begun = Instant::now();
        let siblings = self.further.as_ref().map(|f| Arc::clone(&f.link.siblings));
        let mut next = begun;
        while !self.held.is_empty() {
            tokio::select! {
                Some(_ended) = self.work.join_next() => self.forget_ended(),
                Some(made) = self.opening.join_next() => match made {
                    Ok(Ok(made)) => self.attach(made),
                    Ok(Err(error)) => {
                        tracing::info!(%error, "no further link with the hub");
                        self.controller.failed(begun.elapsed());
                    }
                    Err(_) => self.controller.failed(begun.elapsed()),
                },
                () = busy(siblings.as_deref()) => next = next.min(Instant::now() + TICKS.0),
                () = sleep_until(next) => {
                    self.decide(begun.elapsed());
                    let idle = self.session.open_streams() == 0;
                    next = Instant::now() + if idle { TICKS.1 } else { TICKS.0 };
                }
            }
        }
    }

    /// Makes a further link part of the session, unless that is ending.
    fn attach(&mut self, made: Connected) {
        self.controller.opened();
        if !self.session.takes_streams() {
            return;
        }
        match self.session.attach(made.link.clone()) {
            Ok(()) => {
                tracing::info!(
                    remote = %made.remote,
                    carrier = %made.link.carrier(),
                    "another link with the hub"
                );
                self.hold(made);
            }
            Err(error) => tracing::debug!(%error, "a link is not used"),
        }
    }

    fn hold(&mut self, connected: Connected) {
        let Connected {
            link,
            incoming,
            driver,
            remote,
            socket,
            ..
        } = connected;
        let id = self.next_id;
        self.next_id += 1;
        if let Some((local, remote)) = socket {
            link.set_socket(local, remote);
        }
        self.held.push(Held { id, link });
        let services = Arc::clone(&self.services);
        self.work.spawn(async move {
            let mut work = JoinSet::new();
            work.spawn(driver);
            services.serve(incoming).await;
            if let Some(Ok(reason)) = work.join_next().await {
                tracing::info!(%remote, %reason, "link over");
            }
        });
    }

    fn forget_ended(&mut self) {
        self.held.retain(|held| {
            let ended = held.link.closed().now_or_never();
            if let Some(reason) = &ended {
                self.session.detach(&held.link, reason.clone());
                let stats = held.link.stats();
                let traffic = &self.services.counters().traffic;
                traffic.note_ended(stats.bytes_in, stats.bytes_out);
            }
            ended.is_none()
        });
    }

    fn decide(&mut self, now: Duration) {
        let Some(further) = &self.further else { return };
        let samples: Vec<Sample> = self.held.iter().map(Held::sample).collect();
        for action in self.controller.tick(now, &samples) {
            match action {
                Action::Open(carrier) => {
                    if carrier == Carrier::Quic {
                        further.note_switch();
                    }
                    let further = Arc::clone(further);
                    self.opening
                        .spawn(async move { further.connect(carrier).await });
                }
                Action::Drain(id) => {
                    for held in self.held.iter().filter(|held| held.id == id) {
                        held.link.drain(DRAIN_LIMIT);
                    }
                }
            }
        }
    }
}

impl Held {
    fn sample(&self) -> Sample {
        Sample {
            id: self.id,
            carrier: self.link.carrier(),
            takes_streams: self.link.takes_streams(),
            streams: self.link.stats().open_streams,
            bulk: self.link.bulk_streams(),
            packets: [self.link.packets(), self.link.peer_packets()],
        }
    }
}

/// Waits until there are streams where there were none.
async fn busy(siblings: Option<&Siblings>) {
    match siblings {
        Some(siblings) => siblings.busy().await,
        None => std::future::pending().await,
    }
}
