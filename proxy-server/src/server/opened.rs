//! Streams that agents open to the hub itself.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proto::{Rate, Refusal, RefusalReason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tunnel::{Incoming, IncomingStream};

use crate::{Caller, Counters, HubTargets};

/// The room that all links of a session have for streams to the hub.
#[derive(Clone)]
pub(crate) struct Room(Arc<Shared>);

struct Shared {
    places: Arc<Semaphore>,
    most: usize,
    start: Instant,
    rate: Mutex<Rate>,
}

/// Serves the streams of one link.
pub(super) struct Opened<'a> {
    pub(super) targets: Option<Arc<dyn HubTargets>>,
    pub(super) caller: Caller,
    pub(super) room: Room,
    pub(super) counters: &'a Counters,
    /// Whether the hub stops.
    pub(super) draining: watch::Receiver<bool>,
}

/// Streams that one session may open in a second, and at most as many at once.
const PER_SECOND: u32 = 500;
/// How long streams may go on when the hub stops: requests end in that time,
/// and watches never do.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

impl Room {
    /// For so many streams at once.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Shared {
            places: Arc::new(Semaphore::new(most)),
            most,
            start: Instant::now(),
            rate: Mutex::new(Rate::per_second(PER_SECOND)),
        }))
    }

    fn enter(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let busy = |message| Refusal::new(RefusalReason::Busy, message);
        let Shared {
            places,
            most,
            start,
            rate,
        } = &*self.0;
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            let message =
                format!("this session has {most} streams to the hub, the most it may have");
            return Err(busy(message));
        };
        // No code panics while it holds this lock.
        let mut rate = rate.lock().unwrap_or_else(PoisonError::into_inner);
        if rate.take(start.elapsed()) {
            Ok(place)
        } else {
            let message = format!("this session asks for more than {PER_SECOND} streams a second");
            Err(busy(message))
        }
    }
}

impl Opened<'_> {
    /// Serves until it is dropped, and with it whatever is under way.
    pub(super) async fn serve(self, mut incoming: Incoming) -> Infallible {
        let mut tasks = JoinSet::new();
        let mut draining = self.draining.clone();
        let mut stops = std::pin::pin!(async {
            // An error means that the server is gone, which is as good.
            let _ = draining.wait_for(|draining| *draining).await;
            sleep(LAST_ANSWERS).await;
        });
        let (mut over, mut stopped) = (false, false);
        loop {
            tokio::select! {
                next = incoming.next(), if !over => match next {
                    Some(stream) => self.start(stream, &mut tasks),
                    // The driver may still have last frames to send.
                    None => over = true,
                },
                Some(ended) = tasks.join_next() => if let Err(error) = ended
                    && error.is_panic()
                {
                    tracing::error!(%error, "the task of a stream to the hub has failed");
                },
                () = &mut stops, if !stopped => {
                    stopped = true;
                    tasks.abort_all();
                }
                else => std::future::pending().await,
            }
        }
    }

    fn start(&self, stream: IncomingStream, tasks: &mut JoinSet<()>) {
        let Some(targets) = &self.targets else {
            let message = format!("this hub does not serve {}", stream.header().target);
            stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
            return;
        };
        match self.room.enter() {
            Ok(place) => {
                let served = targets.serve(stream, self.caller.clone());
                tasks.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(refusal) => {
                self.counters.note_opened_full();
                stream.refuse(refusal);
            }
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("free", &self.0.places.available_permits())
            .finish_non_exhaustive()
    }
}
