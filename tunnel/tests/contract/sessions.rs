//! What a session does as a whole.

use futures_util::future::join_all;
use std::sync::Arc;

use proto::{Hello, RefusalReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, Instant, sleep, timeout};
use tunnel::{CloseReason, OpenError, ProcessBudget, ResetReason, StreamError};

use super::pair::{Pair, Settings};

const LONG: Duration = Duration::from_secs(3600);

pub(crate) async fn a_thousand_dials_cancelled_at_once_leave_nothing_behind(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    let Pair {
        mut hub, mut agent, ..
    } = connect(Settings::default()).await;
    for _ in 0..3 {
        let dials = join_all((0..1000).map(|_| hub.open())).await;
        tokio::task::yield_now().await;
        drop(dials);
        // The agent's end may have seen some of them; none stays.
        while let Ok(Some(cancelled)) = timeout(LONG, agent.incoming.next()).await {
            drop(cancelled);
        }
        settle(|| hub.session.stats().open_streams + agent.session.stats().open_streams == 0).await;
    }
    hub.connect(&mut agent).await;
}

pub(crate) async fn an_opener_out_of_ready_streams_waits_its_turn(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    let Pair { mut hub, agent, .. } = connect(Settings::default()).await;
    let opened = join_all((0..60).map(|_| async { agent.open().await.unwrap().opened().await }));
    let taken = async {
        let mut taken = Vec::new();
        for _ in 0..60 {
            taken.push(hub.incoming.next().await.unwrap().accept().unwrap());
        }
        taken
    };
    let (opened, _taken) = tokio::join!(opened, taken);
    assert!(opened.iter().all(Result::is_ok));
}

pub(crate) async fn streams_over_the_limit_are_refused_and_the_others_live(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    let mut settings = Settings::default();
    settings.hub.max_streams = 20;
    settings.agent.max_streams = 10;
    let Pair {
        mut hub, mut agent, ..
    } = connect(settings).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(hub.connect(&mut agent).await);
    }
    // The agent's limit: it refuses.
    let refused = hub.open().await.unwrap().opened().await.unwrap_err();
    let OpenError::Stream(StreamError::Refused(refusal)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refusal.reason, RefusalReason::Busy);
    // The hub's own limit: nothing is sent.
    let mut openings = Vec::new();
    for _ in 0..10 {
        openings.push(hub.open().await.unwrap());
    }
    assert_eq!(
        hub.open().await.unwrap_err(),
        OpenError::StreamLimit { limit: 20 }
    );
    drop(openings);
    for (near, far) in &mut streams {
        near.write_all(b"x").await.unwrap();
        far.read_u8().await.unwrap();
    }
    drop(streams);
    settle(|| agent.session.stats().open_streams == 0).await;
    hub.connect(&mut agent).await;
}

pub(crate) async fn the_longest_stalled_stream_is_reset_at_the_budget(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    let mut settings = Settings::default();
    settings.hub.unread_budget = 1024 * 1024;
    let Pair {
        mut hub, mut agent, ..
    } = connect(settings).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let (near, mut far) = hub.connect(&mut agent).await;
        let fill = far.write_all(&[0; 200 * 1024]);
        timeout(LONG, fill).await.unwrap().unwrap();
        sleep(Duration::from_millis(1)).await;
        streams.push((near, far));
    }
    sleep(Duration::from_secs(1)).await;
    let mut ends = Vec::new();
    for (near, far) in &mut streams {
        far.shutdown().await.ok();
        let mut all = Vec::new();
        ends.push(near.read_to_end(&mut all).await.map_err(|e| e.kind()));
    }
    let reset = Err(std::io::ErrorKind::ConnectionReset);
    assert_eq!(ends[..3], [reset, reset, reset]);
    assert!(
        ends[3..].iter().all(|end| *end == Ok(200 * 1024)),
        "{ends:?}"
    );
    let (_near, far) = &mut streams[0];
    let error = far.read_u8().await.unwrap_err();
    let inner = error.get_ref().unwrap().downcast_ref::<StreamError>();
    assert_eq!(inner, Some(&StreamError::Reset(ResetReason::Budget)));
}

pub(crate) async fn sessions_that_share_a_budget_keep_it_together(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    const LIMIT: u64 = 2 * 1024 * 1024;
    const EACH: usize = 200 * 1024;
    let budget = Arc::new(ProcessBudget::new(LIMIT));
    let mut pairs = Vec::new();
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut settings = Settings::default();
        settings.hub.process_budget = Arc::clone(&budget);
        let mut pair = connect(settings).await;
        for _ in 0..8 {
            let (near, mut far) = pair.hub.connect(&mut pair.agent).await;
            far.write_all(&[0; EACH]).await.unwrap();
            far.shutdown().await.unwrap();
            streams.push((near, far));
        }
        pairs.push(pair);
    }
    sleep(Duration::from_secs(5)).await;
    assert!(budget.used() <= LIMIT, "{} bytes are unread", budget.used());
    let mut whole = 0;
    for (mut near, _far) in streams {
        let mut all = Vec::new();
        match near.read_to_end(&mut all).await {
            Ok(_) => whole += all.len(),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
    let most = usize::try_from(LIMIT).unwrap();
    assert!(
        (most / 2..=most).contains(&whole),
        "{whole} bytes were still there"
    );
    // What was read, and what ended, is not counted any more.
    sleep(Duration::from_secs(5)).await;
    assert_eq!(budget.used(), 0);
}

pub(crate) async fn a_drained_session_ends_after_its_last_stream(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    for drained_by_hub in [true, false] {
        let Pair {
            mut hub, mut agent, ..
        } = connect(Settings::default()).await;
        let (mut near, mut far) = hub.connect(&mut agent).await;
        let drainer = if drained_by_hub {
            &hub.session
        } else {
            &agent.session
        };
        drainer.drain(LONG);
        timeout(LONG, async {
            tokio::join!(hub.session.draining(), agent.session.draining())
        })
        .await
        .unwrap();
        assert_eq!(hub.open().await.unwrap_err(), OpenError::Draining);
        assert_eq!(agent.open().await.unwrap_err(), OpenError::Draining);
        // The open stream goes on, and its last bytes arrive.
        far.write_all(b"last words").await.unwrap();
        far.shutdown().await.unwrap();
        let mut all = Vec::new();
        near.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"last words");
        near.shutdown().await.unwrap();
        drop((near, far));
        let ends = async { tokio::join!(hub.session.closed(), agent.session.closed()) };
        let (hub_end, agent_end) = timeout(LONG / 2, ends).await.unwrap();
        for end in [hub_end, agent_end] {
            assert!(
                matches!(end, CloseReason::Drained | CloseReason::PeerClosed),
                "{end:?}"
            );
        }
    }
}

pub(crate) async fn a_drained_session_ends_its_streams_at_the_deadline(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    let Pair {
        mut hub, mut agent, ..
    } = connect(Settings::default()).await;
    let (mut near, mut far) = hub.connect(&mut agent).await;
    let start = Instant::now();
    hub.session.drain(Duration::from_secs(20));
    let (near, far) = tokio::join!(near.read_u8(), far.read_u8());
    assert!(near.is_err() && far.is_err());
    assert!(
        (20..25).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
}

pub(crate) async fn closing_a_session_tells_its_reason(connect: impl AsyncFn(Settings) -> Pair) {
    let Pair {
        mut hub, mut agent, ..
    } = connect(Settings::default()).await;
    let (near, mut far) = hub.connect(&mut agent).await;
    hub.session.close(CloseReason::Revoked);
    assert_eq!(hub.session.closed().await, CloseReason::Revoked);
    let (mut read, _write) = near.into_split();
    assert_eq!(
        read.chunk().await,
        Err(StreamError::Closed(CloseReason::Revoked))
    );
    assert!(far.read_u8().await.is_err());
    let closed = StreamError::Closed(CloseReason::Revoked);
    assert_eq!(hub.open().await.unwrap_err(), OpenError::Stream(closed));
    assert!(agent.incoming.next().await.is_none());
}

pub(crate) async fn a_dropped_driver_fails_the_streams_of_both_ends(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    let Pair {
        mut hub, mut agent, ..
    } = connect(Settings::default()).await;
    let (near, mut far) = hub.connect(&mut agent).await;
    hub.kill();
    assert_eq!(hub.session.closed().await, CloseReason::Aborted);
    let (mut read, _write) = near.into_split();
    assert_eq!(
        read.chunk().await,
        Err(StreamError::Closed(CloseReason::Aborted))
    );
    assert!(far.read_u8().await.is_err());
}

pub(crate) async fn a_peer_that_closes_its_connection_fails_streams_at_once(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    let Pair {
        mut hub, mut agent, ..
    } = connect(Settings::default()).await;
    let (mut near, _far) = hub.connect(&mut agent).await;
    let start = Instant::now();
    agent.kill();
    assert!(near.read_u8().await.is_err());
    hub.session.closed().await;
    assert!(hub.open().await.is_err());
    assert!(start.elapsed() < Duration::from_secs(1));
}

pub(crate) async fn a_silent_link_is_given_up_within_ten_seconds(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    let Pair {
        mut hub,
        mut agent,
        network,
    } = connect(Settings::default()).await;
    let (mut near, mut far) = hub.connect(&mut agent).await;
    let start = Instant::now();
    network.fall_silent();
    let (near, far) = tokio::join!(near.read_u8(), far.read_u8());
    assert!(near.is_err() && far.is_err());
    assert!(
        start.elapsed() <= Duration::from_millis(10_100),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(hub.session.closed().await, CloseReason::Silent);
    assert_eq!(agent.session.closed().await, CloseReason::Silent);
}

pub(crate) async fn an_idle_session_outlives_hours_of_silence(
    connect: impl AsyncFn(Settings) -> Pair,
) {
    let Pair {
        mut hub, mut agent, ..
    } = connect(Settings::default()).await;
    let (mut near, mut far) = hub.connect(&mut agent).await;
    sleep(LONG).await;
    far.write_all(b"event").await.unwrap();
    near.read_exact(&mut [0; 5]).await.unwrap();
}

pub(crate) async fn features_of_a_newer_peer_are_ignored(connect: impl AsyncFn(Settings) -> Pair) {
    let mut settings = Settings::default();
    settings.agent.hello.protocol_version = 7;
    settings.agent.hello.features = vec!["telepathy".to_owned()];
    let Pair {
        mut hub, mut agent, ..
    } = connect(settings).await;
    hub.connect(&mut agent).await;
    assert_eq!(hub.session.peer().features, ["telepathy"]);
    assert_eq!(agent.session.peer().software_version, "hub");
}

/// Takes what the two ends say, for there is no pair.
pub(crate) async fn a_required_feature_that_is_missing_is_named(
    fail: impl AsyncFn(Settings) -> [String; 2],
) {
    for required_by_hub in [true, false] {
        let mut settings = Settings::default();
        let hello: &mut Hello = if required_by_hub {
            &mut settings.hub.hello
        } else {
            &mut settings.agent.hello
        };
        hello.required_features = vec!["telepathy".to_owned()];
        for error in fail(settings).await {
            assert!(error.contains("telepathy"), "{error}");
        }
    }
}

/// Waits for a condition that other tasks bring about.
async fn settle(condition: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
    panic!("the condition did not come about");
}
