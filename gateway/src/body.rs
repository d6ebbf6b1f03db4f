//! The gateway's response bodies, and the request bodies it sends on.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tunnel::StreamWatch;

use crate::access_log::{Completeness, EndedBy, Record};
use crate::forward::{ForwardedBody, ForwardedBodyError};
use crate::uplink::{Stage, Uplink};

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
    /// Of the hub's own API.
    Local(apiserver::Body),
    Whole(Full<Bytes>),
}

/// A request's body on its way to the cluster; counts what passes.
#[derive(Debug)]
pub(crate) struct RequestBody {
    incoming: Incoming,
    ends: BodyEnds,
    uplink: Arc<Uplink>,
}

/// How a request's body shows that it is whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BodyEnds {
    /// Its last frame says so (RFC 9113 section 8.1). A stream that ends
    /// without is cut, even if hyper, which takes it for one whose peer wants
    /// no more, passes that on as an end.
    Flagged,
    /// By its framing, which hyper checks (RFC 9112 section 6).
    Framed,
}

/// Why a request's body cannot be sent on to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestBodyError {
    /// The client's connection broke, or what it sent is malformed.
    #[error(transparent)]
    Client(#[from] hyper::Error),
    /// The client, or whoever watches its connection, gave the request up.
    #[error("the request's stream ended before its body")]
    Unfinished,
}

impl From<Bytes> for GatewayBody {
    fn from(bytes: Bytes) -> Self {
        Self {
            source: Source::Whole(Full::new(bytes)),
            record: None,
        }
    }
}

/// An answer of the hub's own API.
impl From<apiserver::Body> for GatewayBody {
    fn from(body: apiserver::Body) -> Self {
        Self {
            source: Source::Local(body),
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

    /// An eye on the stream that it comes from, if it comes from a cluster.
    pub(crate) fn watch(&self) -> Option<&Arc<StreamWatch>> {
        match &self.source {
            Source::Forwarded(body) => Some(body.watch()),
            Source::Local(_) | Source::Whole(_) => None,
        }
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
            Source::Local(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                frame.map(|frame| frame.map_err(|never| match never {}))
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
            Source::Local(body) => body.is_end_stream(),
            Source::Whole(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Forwarded(body) => body.size_hint(),
            Source::Local(body) => body.size_hint(),
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
        // Nor is one that the client does not read.
        if let (Source::Forwarded(body), Some(record)) = (&self.source, &mut self.record)
            && let Some(ended_by) = body.broken_unseen_by()
        {
            record.set_end(ended_by, Completeness::Cut);
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
            Self::Local(_) | Self::Whole(_) => EndedBy::Hub,
        }
    }
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, ends: BodyEnds, uplink: Arc<Uplink>) -> Self {
        Self {
            incoming,
            ends,
            uplink,
        }
    }

    fn poll_incoming(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let polled = ready!(Pin::new(&mut self.incoming).poll_frame(cx)?);
        let cut = self.ends == BodyEnds::Flagged && !self.incoming.is_end_stream();
        Poll::Ready(match polled {
            Some(frame) => Some(Ok(frame)),
            None if cut => Some(Err(RequestBodyError::Unfinished)),
            None => None,
        })
    }
}

impl BodyEnds {
    pub(crate) fn of(version: Version) -> Self {
        if version == Version::HTTP_2 {
            Self::Flagged
        } else {
            Self::Framed
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let polled = self.poll_incoming(cx);
        match &polled {
            Poll::Pending => self.uplink.set_stage(Stage::AwaitsClient),
            Poll::Ready(Some(Ok(frame))) => {
                self.uplink.add(frame.data_ref().map_or(0, Bytes::len));
                self.uplink.set_stage(Stage::AwaitsCluster);
            }
            Poll::Ready(Some(Err(_))) => self.uplink.set_stage(Stage::Failed),
            Poll::Ready(None) => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // hyper drops a body when it has taken all of it.
        self.uplink.end();
    }
}

#[cfg(test)]
mod tests;
