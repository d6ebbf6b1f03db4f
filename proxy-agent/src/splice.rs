use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::future::try_join;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tunnel::{ReadHalf, ResetReason, Stream, StreamError, WriteHalf};

/// Which side of a splice broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The far end of the tunnel gave up, or the tunnel is gone.
    #[error("the stream broke: {0}")]
    Stream(#[from] StreamError),
    /// The target's connection broke.
    #[error("the target's connection broke: {0}")]
    Target(io::Error),
}

/// Bytes read from a target at once.
const READ_SIZE: usize = 32 * 1024;
/// With less room left than this, a new buffer is begun.
const MIN_ROOM: usize = 4 * 1024;

/// Moves bytes between a stream and a target until both directions have ended.
///
/// An end of one direction is passed on and leaves the other open. A target
/// that breaks resets the stream; what becomes of the target's connection when
/// the stream breaks is left to its owner. `front` is what has been read from
/// the stream already. At most 32 KiB and one chunk wait in here.
pub(crate) async fn splice(
    stream: Stream,
    front: Bytes,
    target: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
) -> Result<(), Broken> {
    let watch = stream.watch();
    let (mut read, mut write) = stream.into_split();
    let (mut source, mut sink) = target;
    let moved = tokio::select! {
        moved = try_join(
            to_target(front, &mut read, &mut sink),
            to_stream(&mut source, &mut write),
        ) => moved.map(drop),
        error = watch.broken() => Err(Broken::Stream(error)),
    };
    if let Err(Broken::Target(_)) = &moved {
        watch.reset(ResetReason::TargetFailed);
    }
    moved
}

async fn to_target(
    front: Bytes,
    read: &mut ReadHalf,
    sink: &mut (impl AsyncWrite + Unpin),
) -> Result<(), Broken> {
    let mut next = Some(front);
    while let Some(mut chunk) = next {
        sink.write_all_buf(&mut chunk)
            .await
            .map_err(Broken::Target)?;
        sink.flush().await.map_err(Broken::Target)?;
        next = read.chunk().await?;
    }
    sink.shutdown().await.map_err(Broken::Target)
}

async fn to_stream(
    source: &mut (impl AsyncRead + Unpin),
    write: &mut WriteHalf,
) -> Result<(), Broken> {
    let mut buffer = BytesMut::new();
    loop {
        if buffer.capacity() < MIN_ROOM {
            buffer.reserve(READ_SIZE);
        }
        let count = source.read_buf(&mut buffer).await.map_err(Broken::Target)?;
        if count == 0 {
            return Ok(write.finish()?);
        }
        write.write_chunk(buffer.split().freeze()).await?;
    }
}
