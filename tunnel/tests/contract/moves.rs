//! Streams that go on over another link than the one where they began.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tunnel::{LinkConfig, Session, Siblings, Stream};

use super::pair::{Pair, Settings, h2};

const LONG: Duration = Duration::from_secs(60);
const CHUNK: usize = 10_000;

/// Two links of one session, between which the hub moves streams.
struct TwoLinks {
    one: Pair,
    other: Pair,
    _balance: JoinSet<()>,
}

impl TwoLinks {
    async fn new() -> Self {
        let siblings = Arc::<Siblings>::default();
        let settings = || Settings {
            agent: LinkConfig {
                siblings: Arc::clone(&siblings),
                ..Settings::default().agent
            },
            ..Settings::default()
        };
        Self::with(settings(), settings()).await
    }

    async fn with(one: Settings, other: Settings) -> Self {
        let (one, other) = (Box::pin(h2(one)).await, Box::pin(h2(other)).await);
        let session = Session::new(one.hub.session.clone());
        session.attach(other.hub.session.clone()).unwrap();
        let mut balance = JoinSet::new();
        balance.spawn(async move { match session.balance().await {} });
        Self {
            one,
            other,
            _balance: balance,
        }
    }

    /// A stream on the first link, beside one that says nothing.
    async fn connect(&mut self) -> ((Stream, Stream), (Stream, Stream)) {
        let Pair { hub, agent, .. } = &mut self.one;
        (hub.connect(agent).await, hub.connect(agent).await)
    }

    /// Streams on the second link, as its two ends see it.
    fn on_other(&self) -> (usize, usize) {
        let of = |link: &tunnel::Link| link.stats().open_streams;
        (of(&self.other.hub.session), of(&self.other.agent.session))
    }

    async fn until_moved(&self) {
        let moved = async {
            while self.on_other() != (1, 1) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LONG, moved)
            .await
            .expect("the stream does not move");
    }
}

/// The bytes from `at` on of what every test sends.
fn bytes(at: usize, len: usize) -> Vec<u8> {
    (at..at + len).map(|n| (n / 7) as u8).collect()
}

/// Sends `count` chunks with pauses.
async fn send(stream: &mut (impl tokio::io::AsyncWrite + Unpin), from: usize, count: usize) {
    for n in from..from + count {
        stream.write_all(&bytes(n * CHUNK, CHUNK)).await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_bulk_moves_out_of_the_others_way_and_all_of_it_arrives_in_order() {
    let mut links = TwoLinks::new().await;
    let ((mut near, mut far), (_quiet, _there)) = links.connect().await;
    let total = 300 * CHUNK;
    let download = async {
        send(&mut far, 0, 300).await;
        far.shutdown().await.unwrap();
        let mut uploaded = Vec::new();
        far.read_to_end(&mut uploaded).await.unwrap();
        uploaded
    };
    let upload = async {
        send(&mut near, 0, 20).await;
        let mut downloaded = vec![0; total];
        near.read_exact(&mut downloaded).await.unwrap();
        links.until_moved().await;
        send(&mut near, 20, 280).await;
        near.shutdown().await.unwrap();
        assert_eq!(near.read(&mut [0]).await.unwrap(), 0, "a clean end");
        downloaded
    };
    let both = async { tokio::join!(download, upload) };
    let (uploaded, downloaded) = timeout(LONG, both).await.expect("it stands still");
    assert!(uploaded == bytes(0, total) && downloaded == bytes(0, total));
    drop((near, far));
    let ended = async {
        while links.on_other() != (0, 0) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, ended).await.expect("a place is left taken");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_moved_survives_the_link_where_it_began() {
    let mut links = TwoLinks::new().await;
    let ((mut near, mut far), quiet) = links.connect().await;
    let mut downloaded = vec![0; 100 * CHUNK];
    tokio::join!(send(&mut far, 0, 100), async {
        near.read_exact(&mut downloaded).await.unwrap();
    });
    links.until_moved().await;
    // What is left of it there is noticed by reading on.
    tokio::join!(send(&mut far, 100, 1), async {
        near.read_exact(&mut downloaded[..CHUNK]).await.unwrap();
    });
    near.write_all(b"and back").await.unwrap();
    far.read_exact(&mut [0; 8]).await.unwrap();
    links.one.hub.kill();
    let ((), ()) = tokio::join!(send(&mut far, 101, 10), async {
        near.read_exact(&mut downloaded[..10 * CHUNK])
            .await
            .unwrap();
    });
    assert!(downloaded[..10 * CHUNK] == bytes(101 * CHUNK, 10 * CHUNK));
    drop(quiet);
}

#[tokio::test(start_paused = true)]
async fn a_reset_ends_a_stream_that_has_moved_at_both_ends() {
    let mut links = TwoLinks::new().await;
    let ((mut near, mut far), _quiet) = links.connect().await;
    let mut downloaded = vec![0; 100 * CHUNK];
    tokio::join!(send(&mut far, 0, 100), async {
        near.read_exact(&mut downloaded).await.unwrap();
    });
    links.until_moved().await;
    drop(near);
    let error = async {
        loop {
            if let Err(error) = far.write_all(&bytes(0, CHUNK)).await {
                return error;
            }
        }
    };
    let error = timeout(LONG, error).await.unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_knows_no_moves_is_not_asked() {
    let mut links = TwoLinks::with(Settings::default(), Settings::default()).await;
    // Its links do not know of each other, so that it refuses.
    let ((mut near, mut far), _quiet) = links.connect().await;
    let mut downloaded = vec![0; 300 * CHUNK];
    tokio::join!(send(&mut far, 0, 300), async {
        near.read_exact(&mut downloaded).await.unwrap();
    });
    assert!(downloaded == bytes(0, 300 * CHUNK));
    assert_eq!(links.on_other().1, 0);
}
