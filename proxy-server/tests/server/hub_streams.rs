//! Streams that agents open to the hub, and those who join.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use proto::{Credential, RefusalReason, StreamHeader, Target};
use proxy_server::{Caller, CallerIdentity, HubTargets, NotAdmitted, ServeError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tunnel::{CloseReason, IncomingStream, OpenError, Stream, StreamError};

use crate::hub::{Agent, Hub, LONG};

/// Says on each stream who has opened it, and then waits for its end.
struct Echo;

impl HubTargets for Echo {
    fn admit<'a>(&'a self, token: &'a Credential) -> BoxFuture<'a, Result<String, NotAdmitted>> {
        Box::pin(async move {
            match token.expose().split_once('.') {
                Some((id, "good")) => Ok(id.to_owned()),
                _ => Err(NotAdmitted("the token is unknown".to_owned())),
            }
        })
    }

    fn serve(&self, stream: IncomingStream, caller: Caller) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let who = match &caller.identity {
                CallerIdentity::Agent(identity) => identity.common_name(),
                CallerIdentity::Bootstrap(token) => format!("token {}", token.expose()),
                CallerIdentity::Token(token) => token.identity().common_name(),
            };
            let mut stream = stream.accept().unwrap();
            stream.write_all(who.as_bytes()).await.unwrap();
            stream.write_all(b"\n").await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
    }
}

async fn open(agent: &Agent) -> Result<Stream, OpenError> {
    let header = StreamHeader::new(Target::HubApi);
    timeout(LONG, agent.session.open(header))
        .await
        .unwrap()?
        .opened()
        .await
}

/// Opens a stream; for whom the hub takes its opener.
async fn asked(agent: &Agent) -> Result<(Stream, String), OpenError> {
    let mut stream = open(agent).await?;
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await.unwrap() {
            b'\n' => return Ok((stream, String::from_utf8(line).unwrap())),
            byte => line.push(byte),
        }
    }
}

fn is_busy(error: &OpenError) -> bool {
    matches!(error, OpenError::Stream(StreamError::Refused(of)) if of.reason == RefusalReason::Busy)
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_known_by_its_certificate_on_every_stream() {
    let mut hub = Hub::with_targets(["edge-7", "edge-8"], Arc::new(Echo));
    for cluster in ["edge-7", "edge-8"] {
        let agent = hub.agent(cluster, "a").await;
        let (_stream, who) = asked(&agent).await.unwrap();
        assert_eq!(who, format!("system:open-cluster-management:{cluster}:a"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_has_no_more_streams_to_the_hub_than_it_may() {
    let mut hub = Hub::with_targets(["edge-7", "edge-8"], Arc::new(Echo));
    let agent = hub.agent("edge-7", "a").await;
    let first = open(&agent).await.unwrap();
    let _second = open(&agent).await.unwrap();
    let error = open(&agent).await.unwrap_err();
    assert!(is_busy(&error), "{error}");
    assert_eq!(hub.server.counters().opened_full(), 1);
    let other = hub.agent("edge-8", "a").await;
    open(&other).await.unwrap();
    drop(first);
    let again = async {
        while let Err(error) = open(&agent).await {
            assert!(is_busy(&error), "{error}");
        }
    };
    timeout(LONG, again).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_stops_does_not_wait_for_streams_that_never_end() {
    let mut hub = Hub::with_targets(["edge-7"], Arc::new(Echo));
    let agent = hub.agent("edge-7", "a").await;
    let (mut stream, _) = asked(&agent).await.unwrap();
    let begun = tokio::time::Instant::now();
    hub.server.drain(LONG).await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    stream.read_u8().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn who_joins_opens_streams_and_is_nobody_that_anything_is_opened_to() {
    let mut hub = Hub::with_targets(["edge-7"], Arc::new(Echo));
    let joining = hub.join(Some("abc.good")).await;
    let (_stream, who) = asked(&joining).await.unwrap();
    assert_eq!(who, "token abc.good");
    assert!(hub.server.sessions().is_empty());
    assert!(!hub.server.is_connected(&hub.cluster("edge-7")));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_join_is_told_why() {
    let mut hub = Hub::with_targets(["edge-7"], Arc::new(Echo));
    for (token, why) in [
        (Some("abc.bad"), "the token is unknown"),
        (None, "joining needs a bootstrap token"),
    ] {
        let refused = hub.join(token).await;
        let CloseReason::Rejected(told) = refused.session.closed().await else {
            panic!("it was not told");
        };
        assert!(told.contains(why), "{told}");
        let ended = hub.ended().await;
        assert!(matches!(ended, Err(ServeError::Session(_))), "{ended:?}");
    }
    let mut nobody = Hub::new(["edge-7"]);
    let (near, far) = tokio::io::duplex(1024);
    drop(far);
    let served = nobody
        .server
        .serve_join(near, "192.0.2.1:1".parse().unwrap());
    assert!(matches!(served.await, Err(ServeError::NoJoining)));
    assert!(nobody.tasks.try_join_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn only_so_many_join_at_once_and_with_one_token() {
    let mut hub = Hub::with_targets(["edge-7"], Arc::new(Echo));
    let mut joining = Vec::new();
    for number in 0..64 {
        let agent = hub.join(Some(&format!("t{}.good", number / 4))).await;
        asked(&agent).await.unwrap();
        joining.push(agent);
        if number == 3 {
            let fifth = hub.join(Some("t0.good")).await;
            let reason = fifth.session.closed().await.to_string();
            assert!(reason.contains("too many join with this token"), "{reason}");
        }
    }
    let (near, _far) = tokio::io::duplex(64 * 1024);
    let served = hub.server.serve_join(near, "192.0.2.1:1".parse().unwrap());
    let full = timeout(LONG, served).await.unwrap();
    assert!(
        matches!(full, Err(ServeError::JoinsFull { limit: 64 })),
        "{full:?}"
    );
    drop(joining.pop());
    let again = async {
        loop {
            let agent = hub.join(Some("late.good")).await;
            if asked(&agent).await.is_ok() {
                return;
            }
        }
    };
    timeout(LONG, again).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn joining_ends_after_ten_minutes() {
    let mut hub = Hub::with_targets(["edge-7"], Arc::new(Echo));
    let begun = tokio::time::Instant::now();
    let joining = hub.join(Some("abc.good")).await;
    let reason = joining.session.closed().await;
    assert!(matches!(reason, CloseReason::Rejected(_)), "{reason}");
    let lasted = begun.elapsed();
    assert!((590..660).contains(&lasted.as_secs()), "{lasted:?}");
}
