//! A client's connection and a stream of the tunnel: bytes in both directions.

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tunnel::{Chunks, ReadHalf, Stream, StreamError, WriteHalf};

use crate::access_log::{Completeness, EndedBy, Record};
use crate::forward::broken_by;
use crate::unread::Source;
use crate::uplink::Uplink;

/// How long two spliced ends may do nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpliceLimits {
    /// Silence in both directions; it is noticed after once to twice this.
    pub(crate) idle: Option<Duration>,
    /// Silence when one direction has ended; noticed in the same way.
    pub(crate) half_closed_idle: Option<Duration>,
    /// How long a client may leave unread what a stream had brought before it
    /// was given up.
    pub(crate) unread: Duration,
    /// The longest that it may all take.
    pub(crate) lifetime: Option<Duration>,
}

/// Why bytes stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpliceError {
    /// The client's connection broke.
    #[error("the client's connection broke: {0}")]
    Client(io::Error),
    /// One direction has ended and the other has nothing to say.
    #[error("half closed and silent for {0:?}")]
    HalfClosed(Duration),
    /// Neither direction has anything to say.
    #[error("silent for {0:?}")]
    Idle(Duration),
    /// As long as is allowed.
    #[error("open for {0:?}, the longest that is allowed")]
    Lifetime(Duration),
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

/// What has moved so far.
struct Progress<'a> {
    sent: &'a Uplink,
    received: AtomicU64,
    /// The end that was the first to have said all.
    first: OnceLock<EndedBy>,
}

/// Moves bytes until both directions have ended, one breaks, a limit is
/// reached, or `stop` is cancelled; the record says which. `front` is what has been read from the
/// stream already.
///
/// An end of one direction is passed on and leaves the other open. The stream
/// is reset unless both have ended cleanly, also if this is dropped; the
/// client's connection is left to its owner. At most 64 KiB and one frame wait
/// in here.
pub(crate) async fn splice(
    client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    stream: Stream,
    front: Bytes,
    limits: SpliceLimits,
    stop: &CancellationToken,
    record: &mut Record,
) -> Result<(), SpliceError> {
    let uplink = Arc::clone(record.uplink());
    let progress = Progress {
        sent: &uplink,
        received: AtomicU64::new(0),
        first: OnceLock::new(),
    };
    let watch = Arc::new(stream.watch());
    let source = Source::default();
    source.set(&watch);
    let (mut from_cluster, mut to_cluster) = stream.into_split();
    let (mut from_client, mut to_client) = client;
    let moved = tokio::select! {
        biased;
        // The reading end first: it knows best why a stream is over.
        moved = try_join(
            down(front, &mut from_cluster, &mut to_client, &progress),
            up(&mut from_client, &mut to_cluster, &progress),
        ) => moved.map(drop),
        // The copies hear of it only when the client acts.
        error = source.lost(limits.unread, || progress.received()) => Err(error.into()),
        limit = stalls(limits.idle, || Some(progress.moved())) => Err(SpliceError::Idle(limit)),
        limit = stalls(limits.half_closed_idle, || progress.moved_half_closed()) => {
            Err(SpliceError::HalfClosed(limit))
        }
        limit = outlives(limits.lifetime) => Err(SpliceError::Lifetime(limit)),
        () = stop.cancelled() => Err(SpliceError::Stopped),
    };
    let (ended_by, completeness) = match &moved {
        Ok(()) => (progress.first(), Completeness::Whole),
        Err(error) => (error.ended_by(), Completeness::Cut),
    };
    let received = usize::try_from(progress.received()).unwrap_or(usize::MAX);
    record.add_bytes_out(received);
    record.set_end(ended_by, completeness);
    moved
}

impl SpliceError {
    pub(crate) fn ended_by(&self) -> EndedBy {
        match self {
            Self::Client(_) | Self::Upgrade(_) => EndedBy::Client,
            Self::HalfClosed(_) | Self::Idle(_) | Self::Lifetime(_) | Self::Stopped => EndedBy::Hub,
            Self::Stream(error) => broken_by(error),
        }
    }
}

impl Progress<'_> {
    fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    fn ended(&self, by: EndedBy) {
        // Which end was first is all that counts.
        let _ = self.first.set(by);
    }

    fn first(&self) -> EndedBy {
        self.first.get().copied().unwrap_or(EndedBy::Client)
    }

    fn moved(&self) -> (u64, u64) {
        (self.sent.bytes(), self.received())
    }

    /// What has moved, once one direction has ended.
    fn moved_half_closed(&self) -> Option<(u64, u64)> {
        self.first.get().map(|_| self.moved())
    }
}

async fn up(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut WriteHalf,
    progress: &Progress<'_>,
) -> Result<(), SpliceError> {
    let mut chunks = Chunks::new(from);
    while let Some(chunk) = chunks.next().await.map_err(SpliceError::Client)? {
        let count = chunk.len();
        to.write_chunk(chunk).await?;
        progress.sent.add(count);
    }
    to.finish()?;
    progress.ended(EndedBy::Client);
    Ok(())
}

async fn down(
    front: Bytes,
    from: &mut ReadHalf,
    to: &mut (impl AsyncWrite + Unpin),
    progress: &Progress<'_>,
) -> Result<(), SpliceError> {
    let mut next = Some(front).filter(|front| !front.is_empty());
    loop {
        let mut chunk = match next.take() {
            Some(front) => front,
            None => match from.chunk().await? {
                Some(chunk) => chunk,
                None => break,
            },
        };
        let count = chunk.len();
        to.write_all_buf(&mut chunk)
            .await
            .map_err(SpliceError::Client)?;
        to.flush().await.map_err(SpliceError::Client)?;
        progress.received.fetch_add(count as u64, Relaxed);
    }
    to.shutdown().await.map_err(SpliceError::Client)?;
    progress.ended(EndedBy::Upstream);
    Ok(())
}

/// Waits until `moved` has said the same for as long as `limit`.
async fn stalls(limit: Option<Duration>, moved: impl Fn() -> Option<(u64, u64)>) -> Duration {
    let Some(limit) = limit else {
        return pending().await;
    };
    loop {
        let before = moved();
        sleep(limit).await;
        if before.is_some() && moved() == before {
            return limit;
        }
    }
}

async fn outlives(limit: Option<Duration>) -> Duration {
    let Some(limit) = limit else {
        return pending().await;
    };
    sleep(limit).await;
    limit
}
