//! The gateway's response bodies, and the request bodies it sends on.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::access_log::{Completeness, EndedBy, Record, Uplink};
use crate::forward::{ForwardedBody, ForwardedBodyError};

/// The body of a response of the gateway.
///
/// One that was cut short on its way from the cluster ends with an error: the
/// client sees a broken connection or stream, and never a clean end.
pub struct GatewayBody {
    source: Source,
    /// Logged when the body is dropped.
    record: Option<Box<Record>>,
}

/// Why a response body ended before its end.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct GatewayBodyError(#[from] ForwardedBodyError);

enum Source {
    Forwarded(Box<ForwardedBody>),
    Whole(Full<Bytes>),
}

/// A request's body on its way to the cluster; counts what passes.
#[derive(Debug)]
pub(crate) struct RequestBody {
    incoming: Incoming,
    uplink: Arc<Uplink>,
}

impl From<Bytes> for GatewayBody {
    fn from(bytes: Bytes) -> Self {
        Self {
            source: Source::Whole(Full::new(bytes)),
            record: None,
        }
    }
}

impl GatewayBody {
    pub(crate) fn forwarded(body: ForwardedBody) -> Self {
        Self {
            source: Source::Forwarded(Box::new(body)),
            record: None,
        }
    }

    /// A body after whose end the request is logged.
    pub(crate) fn recorded(mut self, record: Record) -> Self {
        self.record = Some(Box::new(record));
        self
    }

    fn note(&mut self, polled: Option<&Result<Frame<Bytes>, GatewayBodyError>>) {
        let Some(record) = &mut self.record else {
            return;
        };
        match polled {
            Some(Ok(frame)) => record.add_bytes_out(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(GatewayBodyError(error))) => {
                record.set_end(error.ended_by(), Completeness::Cut);
            }
            None => record.set_end(self.source.author(), Completeness::Whole),
        }
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = GatewayBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GatewayBodyError>>> {
        let polled = match &mut self.source {
            Source::Forwarded(body) => {
                let frame = ready!(Pin::new(body.as_mut()).poll_frame(cx));
                frame.map(|frame| frame.map_err(GatewayBodyError))
            }
            Source::Whole(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                frame.map(|frame| frame.map_err(|never| match never {}))
            }
        };
        self.note(polled.as_ref());
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Forwarded(body) => body.is_end_stream(),
            Source::Whole(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Forwarded(body) => body.size_hint(),
            Source::Whole(body) => body.size_hint(),
        }
    }
}

impl Drop for GatewayBody {
    fn drop(&mut self) {
        // A body with a known end is not polled once more to hear of it.
        if self.is_end_stream() {
            self.note(None);
        }
    }
}

impl fmt::Debug for GatewayBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayBody").finish_non_exhaustive()
    }
}

impl Source {
    /// Who wrote the body.
    fn author(&self) -> EndedBy {
        match self {
            Self::Forwarded(_) => EndedBy::Upstream,
            Self::Whole(_) => EndedBy::Hub,
        }
    }
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, uplink: Arc<Uplink>) -> Self {
        Self { incoming, uplink }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        match &polled {
            Some(Ok(frame)) => self.uplink.add(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) => self.uplink.fail(),
            None => {}
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
