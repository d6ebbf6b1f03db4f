//! A real agent's end of the tunnel; what it dials is the test itself.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use proto::{Hello, Refusal, RefusalReason, Target};
use proxy_server::{Clusters, ProxyServer, ProxyServerConfig};
use tokio::io::duplex;
use tunnel::{Incoming, IncomingStream, Link, LinkConfig, ResetReason, Stream};

use super::certificates::agent_certificate;
use super::wire::Wire;
use super::{Hub, PIPE, remote, within};

pub(crate) struct Agent {
    pub(crate) session: Link,
    incoming: Incoming,
}

/// The agent's end of a stream, where the API server would be.
pub(crate) struct Upstream {
    wire: Wire<Stream>,
}

pub(super) fn proxy_server(clusters: Arc<dyn Clusters>) -> ProxyServer {
    ProxyServer::new(ProxyServerConfig::new(LinkConfig::new(hello())), clusters)
}

fn hello() -> Hello {
    Hello::new("test")
}

impl Agent {
    pub(super) async fn connect(hub: &mut Hub, cluster: &str) -> Self {
        let (near, far) = duplex(PIPE);
        let server = hub.proxy_server.clone();
        let certificate = agent_certificate(cluster);
        hub.tasks.spawn(async move {
            // A session that ends is what some tests want.
            let _ = server.serve(far, Some(&certificate), remote(), None).await;
        });
        let handshake = tunnel::h2::agent(near, LinkConfig::new(hello()));
        let (session, incoming, driver) = within(handshake).await.expect("a session");
        hub.tasks.spawn(async move {
            driver.await;
        });
        let registered = async {
            while hub
                .proxy_server
                .sessions()
                .iter()
                .all(|s| s.cluster.as_str() != cluster)
            {
                tokio::task::yield_now().await;
            }
        };
        within(registered).await;
        Self { session, incoming }
    }

    /// The next stream, not yet answered.
    pub(crate) async fn stream(&mut self) -> IncomingStream {
        self.stream_to(Target::KubeApiserver).await
    }

    /// The next stream to a target, not yet answered.
    pub(crate) async fn stream_to(&mut self, target: Target) -> IncomingStream {
        let stream = within(self.incoming.next()).await.expect("a stream");
        assert_eq!(stream.header().target, target);
        stream
    }

    /// Takes the next stream.
    pub(crate) async fn accept(&mut self) -> Upstream {
        Upstream::accept(self.stream().await)
    }

    /// Takes the next stream to a target.
    pub(crate) async fn accept_to(&mut self, target: Target) -> Upstream {
        Upstream::accept(self.stream_to(target).await)
    }

    /// Refuses the next stream.
    pub(crate) async fn refuse(&mut self, reason: RefusalReason) {
        self.refuse_to(Target::KubeApiserver, reason).await;
    }

    /// Refuses the next stream to a target.
    pub(crate) async fn refuse_to(&mut self, target: Target, reason: RefusalReason) {
        let stream = self.stream_to(target).await;
        stream.refuse(Refusal::new(reason, "said the agent"));
    }
}

impl Upstream {
    pub(crate) fn accept(stream: IncomingStream) -> Self {
        let stream = stream.accept().expect("a stream");
        Self {
            wire: Wire::new(stream),
        }
    }

    /// Answers with a length.
    pub(crate) async fn respond(&mut self, body: &str) {
        let length = body.len();
        self.send(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await;
    }

    /// The stream itself, for whoever speaks something else than HTTP/1.1.
    pub(crate) fn into_stream(self) -> Stream {
        self.wire.io
    }

    pub(crate) fn reset(self, reason: ResetReason) {
        self.wire.io.reset(reason);
    }
}

impl Deref for Upstream {
    type Target = Wire<Stream>;

    fn deref(&self) -> &Self::Target {
        &self.wire
    }
}

impl DerefMut for Upstream {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.wire
    }
}
