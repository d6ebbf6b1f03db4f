//! How long an exchange may take to begin its response.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::forward::ExchangeError;
use crate::uplink::{Stage, Uplink};

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the agent's answer to the stream.
    pub(crate) dial: Duration,
    /// For the response to begin, if there is a limit.
    pub(crate) response: Option<ResponsePatience>,
}

/// How long a response may take to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponsePatience {
    /// From the end of the request's body to the head of the response.
    pub(crate) head: Duration,
    /// Between two pieces of the request's body.
    pub(crate) upload_idle: Duration,
}

impl Patience {
    /// Resolves when the response has not begun in time, and tells who is late.
    ///
    /// It looks at the uplink whenever it is polled, so it has to be polled by
    /// the task that sends the body.
    pub(crate) async fn exhausted(self, uplink: &Uplink) -> ExchangeError {
        let Some(patience) = self.response else {
            return pending().await;
        };
        let mut seen = (uplink.bytes(), uplink.stage());
        let mut timer = pin!(sleep(patience.limit(seen.1)));
        poll_fn(|cx| {
            let now = (uplink.bytes(), uplink.stage());
            if now != seen {
                seen = now;
                timer
                    .as_mut()
                    .reset(Instant::now() + patience.limit(seen.1));
            }
            timer.as_mut().poll(cx)
        })
        .await;
        let (_, stage) = seen;
        let after = patience.limit(stage);
        match stage {
            Stage::AwaitsClient => ExchangeError::UploadStalled(after),
            Stage::AwaitsCluster => ExchangeError::UploadNotTaken(after),
            Stage::Ended | Stage::Failed => ExchangeError::NoResponse(after),
        }
    }
}

impl ResponsePatience {
    fn limit(&self, stage: Stage) -> Duration {
        match stage {
            Stage::AwaitsClient | Stage::AwaitsCluster => self.upload_idle,
            Stage::Ended | Stage::Failed => self.head,
        }
    }
}
