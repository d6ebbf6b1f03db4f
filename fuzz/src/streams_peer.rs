use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, ResponseFuture, SendRequest};
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use proto::{Control, Hello, Message};
use tokio::io::DuplexStream;
use tokio::time::{sleep, timeout};

use crate::script::{Act, Step};

/// A hub that speaks HTTP/2, says hello, and then does what its script says.
#[derive(Debug)]
pub(crate) struct RogueHub {
    requests: SendRequest<Bytes>,
    /// `None` when it has ended.
    connection: Option<client::Connection<DuplexStream, Bytes>>,
    streams: Vec<PeerStream>,
}

/// An agent that speaks HTTP/2, says hello, and then does what its script says.
#[derive(Debug)]
pub(crate) struct RogueAgent {
    connection: server::Connection<DuplexStream, Bytes>,
    streams: Vec<PeerStream>,
}

/// A stream as a peer has it that knows nothing of what is on it.
#[derive(Debug)]
struct PeerStream {
    send: Sending,
    recv: Receiving,
}

#[derive(Debug)]
enum Sending {
    Gone,
    Started(SendStream<Bytes>),
    Unanswered(SendResponse<Bytes>),
}

#[derive(Debug)]
enum Receiving {
    Body(RecvStream),
    Gone,
    Head(ResponseFuture),
}

/// Streams that a peer keeps; it lets go of more at once.
const MAX_STREAMS: usize = 64;
/// Long enough for all that can happen without a timer: the clock is paused.
const MOMENT: Duration = Duration::from_millis(1);

impl RogueHub {
    /// Plays a script; `None` when even the connection did not come about.
    pub(crate) async fn play(far: DuplexStream, steps: Vec<Step>) -> Option<Self> {
        let (requests, connection) = client::handshake(far).await.ok()?;
        let mut hub = Self {
            requests,
            connection: Some(connection),
            streams: Vec::new(),
        };
        hub.open("/control");
        hub.streams.first_mut()?.say(hello(), false);
        hub.move_for(MOMENT).await;
        for step in steps {
            match step {
                Step::Open { path } => hub.open(path),
                Step::GoAway => hub.connection = None,
                Step::Wait(time) => hub.move_for(time).await,
                Step::Act(stream, act) => do_on(&mut hub.streams, stream, act),
            }
            hub.move_for(MOMENT).await;
        }
        Some(hub)
    }

    fn open(&mut self, path: &str) {
        let request = Request::post(format!("https://peer{path}"));
        let request = request.body(()).expect("the path is one of ours");
        if self.streams.len() < MAX_STREAMS
            && let Ok((response, send)) = self.requests.send_request(request, false)
        {
            self.streams.push(PeerStream {
                send: Sending::Started(send),
                recv: Receiving::Head(response),
            });
        }
    }

    async fn move_for(&mut self, time: Duration) {
        match &mut self.connection {
            Some(connection) => {
                if timeout(time, connection).await.is_ok() {
                    self.connection = None;
                }
            }
            None => sleep(time).await,
        }
    }
}

impl RogueAgent {
    /// Plays a script; `None` when even the connection did not come about.
    pub(crate) async fn play(far: DuplexStream, steps: Vec<Step>) -> Option<Self> {
        let connection = server::handshake(far).await.ok()?;
        let mut agent = Self {
            connection,
            streams: Vec::new(),
        };
        agent.move_for(MOMENT).await;
        agent.streams.first_mut()?.say(hello(), false);
        agent.move_for(MOMENT).await;
        for step in steps {
            match step {
                // HTTP/2 gives a server no way to.
                Step::Open { .. } => {}
                Step::GoAway => agent.connection.graceful_shutdown(),
                Step::Wait(time) => agent.move_for(time).await,
                Step::Act(stream, act) => do_on(&mut agent.streams, stream, act),
            }
            agent.move_for(MOMENT).await;
        }
        Some(agent)
    }

    async fn move_for(&mut self, time: Duration) {
        let moving = async {
            while let Some(Ok((request, respond))) = self.connection.accept().await {
                if self.streams.len() < MAX_STREAMS {
                    self.streams.push(PeerStream {
                        send: Sending::Unanswered(respond),
                        recv: Receiving::Body(request.into_body()),
                    });
                }
            }
            std::future::pending::<()>().await;
        };
        // It never ends by itself, so that time passes.
        let _ = timeout(time, moving).await;
    }
}

fn hello() -> Bytes {
    Control::Hello(Hello::new("peer")).encode()
}

fn do_on(streams: &mut [PeerStream], number: usize, act: Act) {
    let count = streams.len().max(1);
    let Some(stream) = streams.get_mut(number % count) else {
        return;
    };
    match act {
        Act::Drop => stream.let_go(),
        Act::Read => stream.read(),
        Act::Reset(code) => stream.reset(code),
        Act::Say { bytes, last } => stream.say(bytes, last),
        Act::Trailers => stream.trailers(),
    }
}

/// Errors are the other end's right: it may have ended the stream.
impl PeerStream {
    fn say(&mut self, bytes: Bytes, last: bool) {
        if let Some(send) = self.sender() {
            let _ = send.send_data(bytes, last);
        }
    }

    fn trailers(&mut self) {
        if let Some(send) = self.sender() {
            let _ = send.send_trailers(HeaderMap::new());
        }
    }

    fn reset(&mut self, code: u32) {
        match &mut self.send {
            Sending::Gone => {}
            Sending::Started(send) => send.send_reset(code.into()),
            Sending::Unanswered(respond) => respond.send_reset(code.into()),
        }
    }

    fn let_go(&mut self) {
        self.send = Sending::Gone;
        self.recv = Receiving::Gone;
    }

    /// Takes what has come, without waiting for more.
    fn read(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        if let Receiving::Head(response) = &mut self.recv
            && let Poll::Ready(Ok(response)) = Pin::new(response).poll(&mut cx)
        {
            self.recv = Receiving::Body(response.into_body());
        }
        if let Receiving::Body(body) = &mut self.recv {
            while let Poll::Ready(Some(Ok(data))) = body.poll_data(&mut cx) {
                let _ = body.flow_control().release_capacity(data.len());
            }
        }
    }

    fn sender(&mut self) -> Option<&mut SendStream<Bytes>> {
        if let Sending::Unanswered(respond) = &mut self.send {
            let send = respond.send_response(Response::new(()), false);
            self.send = send.map_or(Sending::Gone, Sending::Started);
        }
        match &mut self.send {
            Sending::Started(send) => Some(send),
            Sending::Gone | Sending::Unanswered(_) => None,
        }
    }
}
