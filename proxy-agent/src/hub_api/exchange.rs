//! One HTTP/1.1 exchange with the hub over one stream.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use proto::HubApiServer;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tokio_util::either::Either;
use tunnel::{OpenError, Opening};

use super::HubApiError;
use super::way::{TlsError, Way, bearer, secured};
use crate::HubAccess;

type Connection = http1::Connection<TokioIo<Way>, kube::client::Body>;

/// Over what an exchange goes, once it has a stream.
pub(super) struct Ways {
    /// Who is at the stream's end, if not the hub itself.
    pub(super) server: Option<Arc<HubApiServer>>,
    pub(super) access: Arc<HubAccess>,
    /// By when TLS has to be there.
    pub(super) until: Instant,
}

/// An answer's body. It drives its stream while it is read; dropped early, it
/// resets the stream.
pub struct HubBody {
    incoming: Incoming,
    /// Gone when it has nothing left to do.
    connection: Option<Box<Connection>>,
    measure: Measure,
    _place: OwnedSemaphorePermit,
}

/// Why an answer's body ends early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubBodyError {
    /// The exchange broke off.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// Whoever reads it holds it in memory, all of it or each line of it.
    #[error("the hub's answer is longer than {0} MiB in one piece")]
    TooLong(usize),
}

/// How long a piece of a body has become: a line of a watch, or all of another
/// answer.
#[derive(Clone, Copy, Debug)]
struct Measure {
    by_lines: bool,
    length: usize,
}

/// The hub serves one API, whatever it is called.
const AUTHORITY: HeaderValue = HeaderValue::from_static("hub-api");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
/// Says in the hub's audit log what asks.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("adit/", env!("CARGO_PKG_VERSION")));
/// The longest head of an answer, and what its buffer is to hold.
const MAX_BUFFER: usize = 64 * 1024;
/// The longest line of a watch, which has one object, in bytes.
const MAX_LINE: usize = 16 << 20;
/// The longest other answer, such as a page of a list, in bytes.
const MAX_ANSWER: usize = 256 << 20;

/// Sends a request on a stream that has just been opened, and waits for the
/// head of the answer. The request does not wait for the hub's word that it
/// takes the stream.
pub(super) async fn exchange(
    opening: Opening,
    ways: Ways,
    mut request: Request<kube::client::Body>,
    place: OwnedSemaphorePermit,
) -> Result<Response<HubBody>, HubApiError> {
    prepare(&mut request);
    let measure = Measure::of(request.uri());
    let (stream, answer) = opening.early();
    let mut answer = pin!(answer);
    let (mut answered, mut over) = (false, false);
    let way: Way = match &ways.server {
        None => Either::Left(stream),
        Some(server) => {
            show(&mut request, &ways.access);
            let secured = secured(stream, server, &ways.access);
            let secured = timeout_at(ways.until, Box::pin(secured));
            let mut secured = pin!(secured);
            loop {
                tokio::select! {
                    biased;
                    result = &mut answer, if !answered => {
                        result.map_err(|error: OpenError| HubApiError::Open(error))?;
                        answered = true;
                    }
                    way = &mut secured => match way {
                        Ok(way) => break way?,
                        Err(_) => return Err(HubApiError::Tls(TlsError::late())),
                    },
                }
            }
        }
    };
    let (mut sender, mut connection) = http1::Builder::new()
        .max_buf_size(MAX_BUFFER)
        .handshake(TokioIo::new(way))
        .await
        .map_err(HubApiError::Exchange)?;
    let mut response = pin!(sender.send_request(request));
    loop {
        tokio::select! {
            biased;
            result = &mut answer, if !answered => {
                result.map_err(|error: OpenError| HubApiError::Open(error))?;
                answered = true;
            }
            result = &mut response => {
                let response = result.map_err(HubApiError::Exchange)?;
                return Ok(response.map(|incoming| HubBody {
                    incoming,
                    connection: (!over).then(|| Box::new(connection)),
                    measure,
                    _place: place,
                }));
            }
            // Its errors come with the response.
            _ = &mut connection, if !over => over = true,
        }
    }
}

fn prepare(request: &mut Request<kube::client::Body>) {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    let headers = request.headers_mut();
    headers.insert(HOST, AUTHORITY);
    headers.entry(USER_AGENT).or_insert(AGENT);
}

/// Has the request say who asks, to a server that does not know it by the
/// session, and that it is the only one on its connection.
fn show(request: &mut Request<kube::client::Body>, access: &HubAccess) {
    let headers = request.headers_mut();
    headers.insert(CONNECTION, CLOSE);
    if let Some(bearer) = bearer(access) {
        headers.insert(AUTHORIZATION, bearer);
    }
}

impl Measure {
    fn of(uri: &Uri) -> Self {
        let mut asked = uri.query().unwrap_or_default().split('&');
        Self {
            by_lines: asked.any(|of| matches!(of, "watch=true" | "watch=1")),
            length: 0,
        }
    }

    fn note(&mut self, frame: &Frame<Bytes>) -> Result<(), HubBodyError> {
        let Some(data) = frame.data_ref() else {
            return Ok(());
        };
        let end = data.iter().rposition(|byte| *byte == b'\n');
        // A line that ends within a frame was not too long before it.
        self.length = match end.filter(|_| self.by_lines) {
            Some(end) => data.len() - end - 1,
            None => self.length.saturating_add(data.len()),
        };
        let max = if self.by_lines { MAX_LINE } else { MAX_ANSWER };
        if self.length > max {
            return Err(HubBodyError::TooLong(max >> 20));
        }
        Ok(())
    }
}

impl HubBody {
    /// Moves bytes between the stream and the body's next frame.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(cx).is_ready()
        {
            // An error of the connection's reaches the body by itself.
            self.connection = None;
        }
    }
}

impl Body for HubBody {
    type Data = Bytes;
    type Error = HubBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HubBodyError>>> {
        let mut polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if polled.is_pending() {
            self.drive(cx);
            polled = Pin::new(&mut self.incoming).poll_frame(cx);
        }
        match &polled {
            // After the last byte the stream is finished, so that the hub sees no reset.
            Poll::Ready(None) => self.drive(cx),
            Poll::Ready(Some(Ok(_))) if self.incoming.is_end_stream() => self.drive(cx),
            Poll::Ready(Some(_)) | Poll::Pending => {}
        }
        polled.map(|frame| {
            let frame = frame?;
            Some(frame.map_err(HubBodyError::from).and_then(|frame| {
                self.measure.note(&frame)?;
                Ok(frame)
            }))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl std::fmt::Debug for HubBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubBody").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(path: &'static str, frame: &str, times: usize) -> bool {
        let mut measure = Measure::of(&Uri::from_static(path));
        let frame = Frame::data(Bytes::copy_from_slice(frame.as_bytes()));
        (0..times).all(|_| measure.note(&frame).is_ok())
    }

    #[test]
    fn a_watch_goes_on_for_ever_and_a_line_of_it_does_not() {
        let mebibyte = "x".repeat(1 << 20);
        assert!(noted("/works?watch=true", &mebibyte, 16));
        assert!(!noted("/works?a=b&watch=1", &mebibyte, 17));
        let line = format!("{mebibyte}\n{mebibyte}");
        assert!(noted("/works?watch=true", &line, 300));
    }

    #[test]
    fn any_other_answer_ends() {
        let lines = format!("{}\n", "x".repeat((1 << 20) - 1));
        assert!(noted("/works?limit=500", &lines, 256));
        assert!(!noted("/works?limit=500", &lines, 257));
    }
}
