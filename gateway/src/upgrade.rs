//! Connections that have switched to SPDY or WebSocket: bytes in both directions.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tunnel::{Stream, StreamError};

use crate::access_log::{Completeness, EndedBy, Record};
use crate::forward::broken_by;
use crate::unread::Source;
use crate::uplink::Uplink;

/// Bytes read from a client at once.
const READ_SIZE: usize = 64 * 1024;

/// A client's connection and a stream that have both switched.
pub(crate) struct Splice {
    pub(crate) client: OnUpgrade,
    pub(crate) stream: Stream,
    /// What of the new protocol came with the 101.
    pub(crate) front: Bytes,
    pub(crate) half_closed_idle: Duration,
    pub(crate) record: Record,
}

/// Why bytes stopped.
#[derive(Debug, thiserror::Error)]
enum SpliceError {
    /// The client's connection broke.
    #[error("the client's connection broke: {0}")]
    Client(#[from] io::Error),
    /// One direction has ended and the other has nothing to say.
    #[error("half closed and silent for {0:?}")]
    Idle(Duration),
    /// The hub stops.
    #[error("the hub stops")]
    Stopped,
    /// The stream broke.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The client went away before its connection had switched.
    #[error("the client went away: {0}")]
    Upgrade(#[from] hyper::Error),
}

type ClientRead = ReadHalf<TokioIo<Upgraded>>;
type ClientWrite = WriteHalf<TokioIo<Upgraded>>;

impl Splice {
    /// Moves bytes until both directions have ended, one breaks, or `stop` is
    /// cancelled. What is not ended cleanly is reset, at both ends.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let received = AtomicU64::new(0);
        let watch = Arc::new(self.stream.watch());
        let source = Source::default();
        source.set(&watch);
        let moved = move_bytes(
            self.client,
            self.stream,
            self.front,
            self.half_closed_idle,
            (self.record.uplink(), &received),
        );
        let outcome = tokio::select! {
            biased;
            outcome = moved => outcome,
            // The copies hear of it only when the client acts.
            error = source.lost(self.half_closed_idle, || received.load(Relaxed)) => Err(error.into()),
            () = stop.cancelled() => Err(SpliceError::Stopped),
        };
        let (ended_by, completeness) = match &outcome {
            Ok(first) => (*first, Completeness::Whole),
            Err(error) => (error.ended_by(), Completeness::Cut),
        };
        if let Err(error) = &outcome {
            tracing::debug!(id = %self.record.id(), %error, "an upgraded connection was cut");
        }
        let received = usize::try_from(received.load(Relaxed)).unwrap_or(usize::MAX);
        self.record.add_bytes_out(received);
        self.record.set_end(ended_by, completeness);
    }
}

impl SpliceError {
    fn ended_by(&self) -> EndedBy {
        match self {
            Self::Client(_) | Self::Upgrade(_) => EndedBy::Client,
            Self::Idle(_) | Self::Stopped => EndedBy::Hub,
            Self::Stream(error) => broken_by(error),
        }
    }
}

/// Moves bytes both ways; says which end was the first to have said all.
async fn move_bytes(
    client: OnUpgrade,
    stream: Stream,
    front: Bytes,
    idle: Duration,
    (sent, received): (&Uplink, &AtomicU64),
) -> Result<EndedBy, SpliceError> {
    let (client_read, client_write) = tokio::io::split(TokioIo::new(client.await?));
    let (stream_read, stream_write) = stream.into_split();
    let up = pin!(to_cluster(client_read, stream_write, sent));
    let down = pin!(to_client(front, stream_read, client_write, received));
    let progress = || (sent.bytes(), received.load(Relaxed));
    match select(up, down).await {
        Either::Left((result, down)) => {
            result?;
            while_moving(down, idle, progress).await?;
            Ok(EndedBy::Client)
        }
        Either::Right((result, up)) => {
            result?;
            while_moving(up, idle, progress).await?;
            Ok(EndedBy::Upstream)
        }
    }
}

async fn to_cluster(
    mut from: ClientRead,
    mut to: tunnel::WriteHalf,
    sent: &Uplink,
) -> Result<(), SpliceError> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ_SIZE);
        let count = from.read_buf(&mut buffer).await?;
        if count == 0 {
            to.finish()?;
            return Ok(());
        }
        to.write_chunk(buffer.split().freeze()).await?;
        sent.add(count);
    }
}

async fn to_client(
    front: Bytes,
    mut from: tunnel::ReadHalf,
    mut to: ClientWrite,
    received: &AtomicU64,
) -> Result<(), SpliceError> {
    let mut next = Some(front).filter(|front| !front.is_empty());
    loop {
        let chunk = match next.take() {
            Some(front) => front,
            None => match from.chunk().await? {
                Some(chunk) => chunk,
                None => break,
            },
        };
        to.write_all(&chunk).await?;
        to.flush().await?;
        received.fetch_add(chunk.len() as u64, Relaxed);
    }
    to.shutdown().await?;
    Ok(())
}

/// Waits for the second direction's end, as long as bytes move in it.
async fn while_moving(
    mut direction: impl Future<Output = Result<(), SpliceError>> + Unpin,
    idle: Duration,
    progress: impl Fn() -> (u64, u64),
) -> Result<(), SpliceError> {
    loop {
        let before = progress();
        match timeout(idle, &mut direction).await {
            Ok(result) => return result,
            Err(_) if progress() == before => return Err(SpliceError::Idle(idle)),
            Err(_) => {}
        }
    }
}
