use std::io;

use bytes::Bytes;
use futures_util::future::try_join;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tunnel::{Chunks, ReadHalf, ResetReason, Stream, StreamError, WriteHalf};

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

/// Moves bytes between a stream and a target until both directions have ended.
///
/// An end of one direction is passed on and leaves the other open. A target
/// that breaks resets the stream; what becomes of the target's connection when
/// the stream breaks is left to its owner. `front` is what has been read from
/// the stream already. At most 64 KiB and one chunk wait in here.
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
    let mut chunks = Chunks::new(source);
    while let Some(chunk) = chunks.next().await.map_err(Broken::Target)? {
        write.write_chunk(chunk).await?;
    }
    Ok(write.finish()?)
}
