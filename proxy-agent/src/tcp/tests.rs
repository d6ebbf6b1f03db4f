use std::net::TcpStream as BlockingStream;

use proto::{Hello, StreamHeader, Target};
use socket2::{Domain, Socket, Type};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tunnel::{CloseReason, Driver, HandshakeError, Incoming, Link, LinkConfig};

use super::*;
use crate::TargetPolicy;

/// A port whose queue of connections is full, so that it answers no more.
fn silent_port() -> (Socket, Vec<BlockingStream>, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let patience = Duration::from_millis(300);
    let mut queued = Vec::new();
    while let Ok(connection) = BlockingStream::connect_timeout(&address, patience) {
        queued.push(connection);
    }
    (socket, queued, address.port())
}

/// One end of a session, driven until it is dropped.
struct End {
    session: Link,
    incoming: Incoming,
    _driver: JoinSet<CloseReason>,
}

impl End {
    async fn new(
        handshake: impl Future<Output = Result<(Link, Incoming, Driver), HandshakeError>>,
    ) -> Self {
        let (session, incoming, driver) = Box::pin(handshake).await.unwrap();
        let mut driving = JoinSet::new();
        driving.spawn(driver);
        Self {
            session,
            incoming,
            _driver: driving,
        }
    }
}

#[tokio::test]
async fn a_dial_that_is_cancelled_ends_at_once() {
    let (_socket, _queued, port) = silent_port();
    let (hub, agent) = tokio::io::duplex(64 * 1024);
    let config = |name: &str| LinkConfig::new(Hello::new(name));
    let (hub, mut agent) = tokio::join!(
        End::new(tunnel::h2::hub(hub, config("hub"))),
        End::new(tunnel::h2::agent(agent, config("agent"))),
    );
    let host = "127.0.0.1".to_owned();
    let target = StreamHeader::new(Target::Tcp { host, port });
    let opening = hub.session.open(target).await.unwrap();
    let incoming = agent.incoming.next().await.unwrap();
    let policy = TargetPolicy::default().allow("127.0.0.1:*").unwrap();
    let targets = TcpTargets::new(policy.into(), Duration::from_secs(10));
    let trace = Trace::begin("stream", tunnel::SpanKind::Server, None);
    let mut serving = Box::pin(targets.serve(incoming, "127.0.0.1", port, &trace));
    // The dial is under way and has no answer.
    let early = timeout(Duration::from_millis(100), &mut serving).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(agent.session.stats().open_streams, 1);
    drop(opening);
    // One that went on would end at its limit, and well.
    let end = serving.await;
    assert!(matches!(end, Err(Broken::Stream(_))), "{end:?}");
    let forgotten = async {
        while agent.session.stats().open_streams > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), forgotten).await.unwrap();
}
