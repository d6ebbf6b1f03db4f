//! The tunnel's messages, byte by byte: both ends of a session that need not
//! keep to anything.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream, client, server};
use http::{Request, Response};
use proto::{Answer, Control, Decoder, Hello, Message};
use tests::wait::GENEROUS;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What TLS calls the tunnel's protocol.
pub(crate) const ALPN: &[u8] = b"adit/1";

/// A field that no version knows: number 1000, three bytes.
pub(crate) const UNKNOWN_FIELD: &[u8] = &[0xc2, 0x3e, 3, b'n', b'e', b'w'];

/// Bytes behind their length, as every message goes.
pub(crate) fn framed(body: &[u8]) -> Bytes {
    let mut bytes = Vec::new();
    let mut length = body.len();
    while length >= 0x80 {
        bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    bytes.extend_from_slice(body);
    bytes.into()
}

/// A message of ten mebibytes that is not even protobuf.
pub(crate) fn ten_mebibytes() -> Bytes {
    framed(&vec![0xff; 10 << 20])
}

/// Reads one message.
async fn message<M: Message>(body: &mut RecvStream) -> Option<M> {
    let mut decoder = Decoder::new(1 << 20);
    loop {
        if let Some(message) = decoder.next_message().unwrap() {
            return Some(message);
        }
        let chunk = body.data().await?.ok()?;
        let _ = body.flow_control().release_capacity(chunk.len());
        decoder.push(&chunk);
    }
}

/// The agent's end of a session.
pub(crate) struct RawAgent<IO> {
    pub(crate) connection: server::Connection<IO, Bytes>,
    pub(crate) control: SendStream<Bytes>,
    // A spare that is dropped is a spare refused.
    kept: Vec<(RecvStream, SendResponse<Bytes>)>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> RawAgent<IO> {
    /// Shakes hands with the hub; an error is what the hub gave as its reason.
    pub(crate) async fn join(io: IO) -> Result<Self, String> {
        let joining = async {
            let mut connection = server::handshake(io).await.map_err(|e| e.to_string())?;
            let first = connection.accept().await.ok_or("the hub hung up")?;
            let (request, mut respond) = first.map_err(|e| e.to_string())?;
            assert_eq!(request.uri().path(), "/control");
            let mut control = respond.send_response(Response::new(()), false).unwrap();
            let hello = Control::Hello(Hello::new("hostile")).encode();
            let _ = control.send_data(hello, false);
            let mut body = request.into_body();
            let said = tokio::select! {
                said = message(&mut body) => said,
                // Nothing else comes before the hub's word; this moves the bytes.
                _ = connection.accept() => None,
            };
            match said {
                Some(Control::Hello(_)) => Ok(Self {
                    connection,
                    control,
                    kept: Vec::new(),
                }),
                Some(Control::Rejected { message }) => Err(message),
                other => Err(format!("the hub said {other:?}")),
            }
        };
        timeout(GENEROUS, joining)
            .await
            .expect("the handshake hangs")
    }

    /// The next stream of the hub with this path.
    pub(crate) async fn next(&mut self, path: &str) -> (RecvStream, SendResponse<Bytes>) {
        let next = async {
            loop {
                let (request, respond) = self.connection.accept().await.unwrap().unwrap();
                if request.uri().path() == path {
                    return (request.into_body(), respond);
                }
                self.kept.push((request.into_body(), respond));
            }
        };
        timeout(GENEROUS, next).await.expect("no stream comes")
    }
}

/// The hub's end of a session.
pub(crate) struct RawHub {
    requests: SendRequest<Bytes>,
    _control: (SendStream<Bytes>, RecvStream),
    _connection: JoinSet<()>,
}

/// What became of a stream.
#[derive(Debug)]
pub(crate) enum Outcome {
    Opened(SendStream<Bytes>, RecvStream),
    Refused(proto::Refusal),
    Reset,
}

impl RawHub {
    /// Shakes hands with an agent.
    pub(crate) async fn welcome<IO>(io: IO) -> Self
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut requests, connection) = client::handshake(io).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(async { drop(connection.await) });
        let (response, mut send) = requests.send_request(post("/control"), false).unwrap();
        send.send_data(Control::Hello(Hello::new("hostile")).encode(), false)
            .unwrap();
        let mut body = timeout(GENEROUS, response)
            .await
            .unwrap()
            .unwrap()
            .into_body();
        let hello: Option<Control> = timeout(GENEROUS, message(&mut body)).await.unwrap();
        assert!(matches!(hello, Some(Control::Hello(_))), "{hello:?}");
        Self {
            requests,
            _control: (send, body),
            _connection: driver,
        }
    }

    /// Opens a stream that begins with these bytes.
    pub(crate) async fn open(&mut self, bytes: Bytes) -> Outcome {
        let (response, mut send) = self.requests.send_request(post("/stream"), false).unwrap();
        send.send_data(bytes, false).unwrap();
        timeout(GENEROUS, outcome(response, send))
            .await
            .expect("the agent does not answer")
    }
}

async fn outcome(response: ResponseFuture, send: SendStream<Bytes>) -> Outcome {
    let Ok(response) = response.await else {
        return Outcome::Reset;
    };
    let mut body = response.into_body();
    match message(&mut body).await {
        Some(Answer::Opened) => Outcome::Opened(send, body),
        Some(Answer::Refused(refusal)) => Outcome::Refused(refusal),
        None => Outcome::Reset,
    }
}

fn post(path: &str) -> Request<()> {
    Request::post(format!("https://adit{path}"))
        .body(())
        .unwrap()
}
