use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::TargetPolicy;

mod api;

use api::FakeApi;

/// An agent that exposes what the patterns say of a cluster.
async fn exposing(patterns: &[&str]) -> (FakeApi, ServiceTargets, LiveTargets) {
    let api = FakeApi::start().await;
    let policy = patterns
        .iter()
        .try_fold(TargetPolicy::default(), |policy, pattern| {
            policy.expose(pattern)
        })
        .unwrap();
    let live = LiveTargets::from(policy);
    let targets = ServiceTargets::new(live.clone(), Some(api.server()), Duration::from_secs(10));
    (api, targets, live)
}

fn web() -> ServiceName {
    ServiceName::new("shop", "web").unwrap()
}

/// The addresses that the next stream would try.
async fn next(
    targets: &ServiceTargets,
    port: &str,
) -> Result<Vec<String>, (RefusalReason, String)> {
    let web = web();
    let asked = targets.addresses(&web, port);
    let asked = timeout(Duration::from_secs(30), asked).await.unwrap();
    let addresses = asked.map_err(|error| {
        let refusal = Refusal::from(error);
        (refusal.reason, refusal.message)
    })?;
    Ok(addresses.iter().map(ToString::to_string).collect())
}

/// Asks again until one of the answers is as wanted: the API server tells by itself.
async fn until(targets: &ServiceTargets, wanted: &[&str]) {
    let settled = async {
        loop {
            let mut next = next(targets, "80").await.unwrap_or_default();
            next.sort();
            if next == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), settled).await.unwrap();
}

#[tokio::test]
async fn streams_take_turns_at_the_ready_endpoints() {
    let (api, targets, _) = exposing(&["shop/web:80"]).await;
    api.put_service("web", json!([{"port": 80}]));
    api.put_slice("web-a", &["10.0.0.1", "10.0.0.2"]);
    let mut first = Vec::new();
    for _ in 0..4 {
        let addresses = next(&targets, "80").await.unwrap();
        assert_eq!(addresses.len(), 2);
        first.push(addresses[0].clone());
    }
    assert_eq!(first[0], first[2]);
    assert_eq!(first[1], first[3]);
    assert_ne!(first[0], first[1]);
}

#[tokio::test]
async fn endpoints_are_followed_as_they_come_and_go() {
    let (api, targets, _) = exposing(&["shop/web:80"]).await;
    api.put_service("web", json!([{"port": 80}]));
    api.put_slice("web-a", &["10.0.0.1"]);
    until(&targets, &["10.0.0.1:8080"]).await;
    api.put_slice("web-b", &["10.0.0.2"]);
    until(&targets, &["10.0.0.1:8080", "10.0.0.2:8080"]).await;
    api.delete_slice("web-a");
    until(&targets, &["10.0.0.2:8080"]).await;
    assert_eq!(
        api.lists(),
        2,
        "one list for each kind, and watches from there on"
    );
}

#[tokio::test]
async fn a_watch_that_breaks_goes_on_where_it_was() {
    let (api, targets, _) = exposing(&["shop/web:80"]).await;
    api.put_service("web", json!([{"port": 80}]));
    api.put_slice("web-a", &["10.0.0.1"]);
    until(&targets, &["10.0.0.1:8080"]).await;
    api.cut_watches();
    api.put_slice("web-a", &["10.0.0.2"]);
    until(&targets, &["10.0.0.2:8080"]).await;
    assert_eq!(api.lists(), 2);
}

#[tokio::test]
async fn a_watch_that_is_too_old_begins_with_a_new_list() {
    let (api, targets, _) = exposing(&["shop/web:80"]).await;
    api.put_service("web", json!([{"port": 80}]));
    api.put_slice("web-a", &["10.0.0.1"]);
    until(&targets, &["10.0.0.1:8080"]).await;
    api.forget_history();
    api.put_slice("web-a", &["10.0.0.2"]);
    until(&targets, &["10.0.0.2:8080"]).await;
    assert!(api.lists() > 2);
}

#[tokio::test]
async fn what_is_not_exposed_is_refused_without_asking_the_api_server() {
    let (api, targets, live) = exposing(&[]).await;
    api.put_service("web", json!([{"name": "http", "port": 80}]));
    let (reason, message) = next(&targets, "80").await.unwrap_err();
    assert_eq!(reason, RefusalReason::Forbidden);
    assert!(
        message.contains("shop/web:80") && message.contains("--expose"),
        "{message}"
    );
    assert_eq!(api.lists(), 0);
    // A port that is not exposed is refused like a Service that is not.
    live.replace(TargetPolicy::default().expose("shop/web:metrics").unwrap());
    assert_eq!(
        next(&targets, "80").await.unwrap_err().0,
        RefusalReason::Forbidden
    );
}

#[tokio::test]
async fn another_policy_holds_from_the_next_stream_on() {
    let (api, targets, live) = exposing(&["shop/web:http"]).await;
    api.put_service("web", json!([{"name": "http", "port": 80}]));
    api.put_named_slice("web-a", "http", &["10.0.0.1"]);
    assert_eq!(next(&targets, "80").await.unwrap(), ["10.0.0.1:8080"]);
    live.replace(TargetPolicy::default());
    assert_eq!(
        next(&targets, "http").await.unwrap_err().0,
        RefusalReason::Forbidden
    );
}

#[tokio::test]
async fn endpoints_where_nothing_may_be_dialled_are_passed_over() {
    let (api, targets, live) = exposing(&["*/*:*"]).await;
    api.put_service("web", json!([{"port": 80}]));
    api.put_slice(
        "web-a",
        &["169.254.169.254", "127.0.0.1", "10.0.0.1", "10.9.0.1"],
    );
    let policy = TargetPolicy::default().expose("*/*:*").unwrap();
    live.replace(policy.deny("10.9.0.0/16:*").unwrap());
    for _ in 0..4 {
        assert_eq!(next(&targets, "80").await.unwrap(), ["10.0.0.1:8080"]);
    }
    api.put_slice("web-a", &["127.0.0.1"]);
    until(&targets, &[]).await;
    let (reason, message) = next(&targets, "80").await.unwrap_err();
    assert_eq!(reason, RefusalReason::Forbidden);
    assert!(
        message.contains("127.0.0.1 is a loopback address"),
        "{message}"
    );
    let policy = TargetPolicy::default().expose("*/*:*").unwrap();
    live.replace(policy.deny("*.shop.svc:80").unwrap());
    let (_, message) = next(&targets, "80").await.unwrap_err();
    assert!(message.contains("denies web.shop.svc:80"), "{message}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_apart() {
    let (api, targets, _) = exposing(&["*/*:*"]).await;
    let (reason, message) = next(&targets, "80").await.unwrap_err();
    assert_eq!(reason, RefusalReason::NotFound);
    assert!(message.contains("there is no such Service"), "{message}");
    api.put_service("web", json!([{"port": 80}]));
    let settled = async {
        while next(&targets, "80").await.unwrap_err().0 == RefusalReason::NotFound {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), settled).await.unwrap();
    let (reason, message) = next(&targets, "80").await.unwrap_err();
    assert_eq!(reason, RefusalReason::DialFailed);
    assert!(message.contains("no endpoint that is ready"), "{message}");
    let (reason, message) = next(&targets, "81").await.unwrap_err();
    assert_eq!(reason, RefusalReason::NotFound);
    assert!(message.contains("no TCP port \"81\""), "{message}");
}

#[tokio::test]
async fn an_api_server_that_does_not_tell_is_named_with_the_right_that_is_missing() {
    let (api, targets, _) = exposing(&["*/*:*"]).await;
    api.forbid();
    let (reason, message) = next(&targets, "80").await.unwrap_err();
    assert_eq!(reason, RefusalReason::DialFailed);
    assert!(
        message.contains("endpointslices.discovery.k8s.io"),
        "{message}"
    );
}

#[tokio::test]
async fn a_service_that_nobody_asks_for_is_followed_no_more() {
    let (api, targets, _) = exposing(&["shop/web:80"]).await;
    api.put_service("web", json!([{"port": 80}]));
    api.put_slice("web-a", &["10.0.0.1"]);
    next(&targets, "80").await.unwrap();
    api.watches(2).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5 * 60 + 1)).await;
    tokio::time::resume();
    api.watches(0).await;
    assert_eq!(next(&targets, "80").await.unwrap(), ["10.0.0.1:8080"]);
    assert_eq!(api.lists(), 4);
}

#[tokio::test]
async fn names_that_no_service_has_reach_no_api_server() {
    for (namespace, name) in [
        ("..", "web"),
        ("shop", ".."),
        ("Shop", "web"),
        ("a.b", "web"),
        ("-", "a"),
    ] {
        assert!(
            ServiceName::new(namespace, name).is_none(),
            "{namespace}/{name}"
        );
    }
}
