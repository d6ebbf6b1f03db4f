use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request, Uri};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, mpsc};
use tokio::time::timeout;

use super::chunk::Chunk;
use super::outbox::{Backlog, Outbox};
use super::raw::{RawStream, raw_error};
use crate::carrier::RawError;
use crate::link::{Core, Origin};
use crate::{CloseReason, OpenError};

/// How this end opens streams.
#[derive(Debug)]
pub(crate) enum Opener {
    Agent(Spares),
    Hub(Requests),
}

/// The hub's way: a request each. `None` when the link is over.
#[derive(Debug)]
pub(crate) struct Requests {
    requests: Mutex<Option<SendRequest<Chunk>>>,
    backlog: Arc<Backlog>,
}

/// The agent's way: it answers a request that the hub keeps open.
#[derive(Debug)]
pub(crate) struct Spares {
    ready: AsyncMutex<mpsc::Receiver<RawStream>>,
    put: Mutex<Option<mpsc::Sender<RawStream>>>,
    queue: Semaphore,
}

/// How long the streams of a connection without further numbers may go on.
const WORN_OUT_DRAIN: Duration = Duration::from_secs(600);
/// Opens of the agent that wait for a spare stream; one more fails.
const MAX_WAITING_OPENS: usize = 64;
/// Spare streams that the agent keeps, whatever the hub sends.
const MAX_SPARES: usize = 64;

impl Opener {
    /// Opens a stream that begins with `header`. Cancel-safe.
    pub(crate) async fn open(&self, core: &Core, header: Bytes) -> Result<RawStream, OpenError> {
        match self {
            Self::Agent(spares) => spares.open(core, header).await,
            Self::Hub(requests) => requests.open("/stream", header).map_err(|error| {
                // A connection that takes no more requests although it stands has
                // used up its stream numbers: the agent is to make a new one.
                core.drain(WORN_OUT_DRAIN, Origin::Here);
                error.on(core).into()
            }),
        }
    }

    /// Opens a stream with which one of another link goes on, which only the hub does.
    pub(crate) fn open_move(&self, message: Bytes) -> Option<RawStream> {
        match self {
            Self::Agent(_) => None,
            Self::Hub(requests) => requests.open("/move", message).ok(),
        }
    }

    /// Lets go of the connection.
    pub(crate) fn close(&self) {
        match self {
            Self::Agent(spares) => spares.close(),
            Self::Hub(requests) => drop(requests.lock().take()),
        }
    }
}

impl Requests {
    pub(super) fn new(requests: SendRequest<Chunk>, backlog: Arc<Backlog>) -> Self {
        Self {
            requests: Mutex::new(Some(requests)),
            backlog,
        }
    }

    fn open(&self, path: &'static str, first: Bytes) -> Result<RawStream, RawError> {
        let Some(mut requests) = self.lock().clone() else {
            return Err(over());
        };
        let (response, mut send) = requests
            .send_request(request(path), false)
            .map_err(raw_error)?;
        let outbox = Outbox::new(&self.backlog);
        send.send_data(Chunk::data(first, &outbox), false)
            .map_err(raw_error)?;
        Ok(RawStream::request(send, response, outbox))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<SendRequest<Chunk>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spares {
    pub(super) fn new() -> Self {
        let (put, ready) = mpsc::channel(MAX_SPARES);
        Self {
            ready: AsyncMutex::new(ready),
            put: Mutex::new(Some(put)),
            queue: Semaphore::new(MAX_WAITING_OPENS),
        }
    }

    /// Keeps a spare stream of the hub's; more than are allowed are dropped.
    pub(super) fn put(&self, spare: RawStream) {
        if let Some(put) = &*self.put.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = put.try_send(spare);
        }
    }

    async fn open(&self, core: &Core, header: Bytes) -> Result<RawStream, OpenError> {
        let full = OpenError::StreamLimit {
            limit: MAX_WAITING_OPENS,
        };
        let Ok(_turn) = self.queue.try_acquire() else {
            return Err(full);
        };
        let spare = async {
            let mut ready = self.ready.lock().await;
            loop {
                let mut spare = ready.recv().await?;
                // The hub may have taken a spare back in the meantime.
                if spare.send(header.clone()).is_ok() {
                    return Some(spare);
                }
            }
        };
        match timeout(core.config.handshake_timeout, spare).await {
            Ok(Some(spare)) => Ok(spare),
            Ok(None) => Err(over().on(core).into()),
            Err(_) => Err(full),
        }
    }

    fn close(&self) {
        self.put
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Ok(mut ready) = self.ready.try_lock() {
            while ready.try_recv().is_ok() {}
        }
    }
}

/// A request as all of ours are; only the path says something.
pub(super) fn request(path: &'static str) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(match path {
        "/control" => "https://adit/control",
        "/move" => "https://adit/move",
        "/spare" => "https://adit/spare",
        _ => "https://adit/stream",
    });
    request
}

fn over() -> RawError {
    RawError::Link(CloseReason::LinkLost("the session is over".into()))
}
