//! What a client is told when his request does not get through.

use std::time::Duration;

use gateway::GatewayConfig;
use proto::RefusalReason;
use tunnel::{CloseReason, ResetReason};

use crate::harness::{End, Hub};

#[tokio::test]
async fn an_unknown_cluster_is_a_404_to_those_who_may_know() {
    let mut hub = Hub::start();
    let mut client = hub.client();
    client.get("/clusters/edge-9/api", "root").await;
    let answer = client.answer().await;
    assert_eq!(answer.failure(), (404, "NotFound".into(), "hub".into()));
    let status = answer.status();
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .contains("no such cluster edge-9")
    );
    assert_eq!(status["details"]["name"], "edge-9");
}

#[tokio::test]
async fn a_cluster_without_an_agent_is_a_503_that_says_when_to_try_again() {
    let mut hub = Hub::start();
    let mut client = hub.client();
    client.get("/clusters/edge-8/api", "alice").await;
    let answer = client.answer().await;
    assert_eq!(
        answer.failure(),
        (503, "ServiceUnavailable".into(), "tunnel".into())
    );
    assert!(answer.head.contains("\r\nretry-after: 1\r\n"), "{answer:?}");
}

#[tokio::test]
async fn a_refusal_of_the_agent_is_told_by_its_kind() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (reason, code, place) in [
        (RefusalReason::Forbidden, 403, "agent"),
        (RefusalReason::Busy, 503, "agent"),
        (RefusalReason::Draining, 503, "agent"),
        (RefusalReason::DialFailed, 502, "target"),
        (RefusalReason::NotFound, 502, "target"),
        (RefusalReason::DialTimeout, 504, "target"),
        (RefusalReason::Malformed, 502, "agent"),
        (RefusalReason::Unsupported, 502, "agent"),
    ] {
        let mut client = hub.client();
        client.get("/clusters/edge-7/api", "alice").await;
        agent.refuse(reason).await;
        let answer = client.answer().await;
        let (told, _, at) = answer.failure();
        assert_eq!((told, at.as_str()), (code, place), "{reason:?}");
        assert_eq!(
            answer.head.contains("retry-after"),
            code == 503,
            "{reason:?}"
        );
        let message = answer.status()["message"].to_string();
        assert!(message.contains("said the agent"), "{message}");
        assert!(message.contains("edge-7"), "{message}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_while_the_upload_still_runs() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    client
        .ask(
            "POST",
            "/clusters/edge-7/a",
            "alice",
            &["content-length: 1000000"],
        )
        .await;
    client.send("start").await;
    agent.refuse(RefusalReason::Forbidden).await;
    assert_eq!(client.answer().await.code, 403);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_is_a_504() {
    let mut hub = Hub::with(GatewayConfig {
        dial_timeout: Duration::from_secs(5),
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let mut client = hub.client();
    client
        .get("/clusters/edge-7/api/v1/pods?watch=1", "alice")
        .await;
    let _unanswered = agent.stream().await;
    let failure = client.answer().await.failure();
    assert_eq!(failure, (504, "Timeout".into(), "agent".into()));
}

#[tokio::test]
async fn a_stream_that_ends_without_a_response_is_a_502() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (reset, place) in [
        (Some(ResetReason::TargetFailed), "target"),
        (Some(ResetReason::Cancelled), "agent"),
        (None, "agent"),
    ] {
        let mut client = hub.client();
        client.get("/clusters/edge-7/api", "alice").await;
        let mut upstream = agent.accept().await;
        upstream.head().await;
        match reset {
            Some(reason) => upstream.reset(reason),
            None => upstream.finish().await,
        }
        let answer = client.answer().await;
        assert_eq!(
            answer.failure(),
            (502, "InternalError".into(), place.into())
        );
        // The request may have had its effect: no client may repeat it by itself.
        assert!(!answer.head.contains("retry-after"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_lost_session_fails_its_requests_at_once_and_visibly() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut waiting = hub.client();
    waiting.get("/clusters/edge-7/api", "alice").await;
    let mut first = agent.accept().await;
    first.head().await;
    let mut reading = hub.client();
    reading.get("/clusters/edge-7/api", "alice").await;
    let mut second = agent.accept().await;
    second.head().await;
    second
        .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .await;
    reading.until(b"hello").await;
    agent.session.close(CloseReason::Aborted);
    let failure = waiting.answer().await.failure();
    assert_eq!(failure, (502, "InternalError".into(), "tunnel".into()));
    let (rest, _) = reading.rest().await;
    assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"));
    assert_eq!(first.rest().await.1, End::Broken);
}

#[tokio::test]
async fn other_paths_are_left_to_the_hub() {
    let mut hub = Hub::start();
    let mut client = hub.client();
    client.get("/healthz", "").await;
    let answer = client.answer().await;
    assert!(
        answer.status()["message"] == "hub: nothing here",
        "{answer:?}"
    );
}
