//! From signals to an orderly end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Why the work did not come to its own end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShutdownError {
    #[error("stopped at once by a second signal")]
    Impatient,
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

/// Runs until the work ends. The first SIGINT or SIGTERM asks it to, by its
/// token; a second one gives it up.
pub(crate) async fn run<T>(
    work: impl AsyncFnOnce(CancellationToken) -> T,
) -> Result<T, ShutdownError> {
    let mut signals = Signals::new().map_err(ShutdownError::Signals)?;
    let token = CancellationToken::new();
    let work = work(token.clone());
    tokio::pin!(work);
    loop {
        tokio::select! {
            output = &mut work => return Ok(output),
            name = signals.next() => {
                if token.is_cancelled() {
                    return Err(ShutdownError::Impatient);
                }
                tracing::info!(signal = name, "stopping; a second signal stops at once");
                token.cancel();
            }
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Cancel-safe.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
