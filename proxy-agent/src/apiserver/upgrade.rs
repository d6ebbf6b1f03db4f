use std::io;

use futures_util::future::try_join;
use hyper_util::rt::TokioIo;
use tunnel::Stream;

use super::forward::Switch;
use crate::splice::{Broken, splice};

/// Moves the bytes of another protocol between a stream and the API server's
/// connection until both directions have ended.
pub(super) async fn run(switch: Switch) -> Result<(), Broken> {
    let Switch { near, far } = switch;
    let (near, far) = try_join(near, far)
        .await
        .map_err(|error| Broken::Target(io::Error::other(error)))?;
    let target = tokio::io::split(TokioIo::new(far));
    match near.downcast::<TokioIo<Stream>>() {
        Ok(parts) => {
            let stream = parts.io.into_inner();
            splice(stream, parts.read_buf, target).await
        }
        Err(_) => Err(Broken::Target(io::Error::other(
            "the stream is not where it was put",
        ))),
    }
}
