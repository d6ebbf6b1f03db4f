//! Streams that come and go on several threads at once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use proto::{Hello, StreamHeader, Target};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tunnel::LinkConfig;

const OPENERS: usize = 4;
const STREAMS: usize = 3000;

/// With a budget this small unread bytes are counted at almost every wake-up.
const BUDGET: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counting_unread_bytes_never_stops_streams_that_end_meanwhile() {
    let (a, b) = duplex(64 * 1024);
    let mut config = LinkConfig::new(Hello::new("test"));
    config.unread_budget = BUDGET;
    let mut tasks = JoinSet::new();
    tasks.spawn(answer(b, config.clone()));
    let (session, incoming, driver) = tunnel::h2::hub(a, config).await.unwrap();
    tasks.spawn(async move {
        let _incoming = incoming;
        driver.await;
    });
    let mut openers = JoinSet::new();
    for _ in 0..OPENERS {
        let session = session.clone();
        openers.spawn(async move {
            for _ in 0..STREAMS {
                let header = StreamHeader::new(Target::KubeApiserver);
                let opening = session.open(header).await.unwrap();
                // Reset by the budget or not: either way it ends here.
                drop(opening.opened().await);
            }
        });
    }
    let all = async { while openers.join_next().await.is_some() {} };
    timeout(Duration::from_secs(30), all)
        .await
        .expect("streams have stopped");
}

/// An agent that answers every stream and lets it go.
async fn answer(io: DuplexStream, config: LinkConfig) {
    let (_session, mut incoming, driver) = tunnel::h2::agent(io, config).await.unwrap();
    let mut work = JoinSet::new();
    work.spawn(async move {
        driver.await;
    });
    while let Some(stream) = incoming.next().await {
        // Whether the hub still wants it is none of this test's concern.
        if let Ok(mut stream) = stream.accept() {
            let _ = stream.write_all(b"unread").await;
        }
    }
}
