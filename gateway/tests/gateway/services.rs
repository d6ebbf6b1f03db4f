//! Services of a managed cluster, below a path of their own.

use proto::{RefusalReason, Target};

use crate::harness::{AccessLog, End, Hub, user_certificate};

const WEB: &str = "/clusters/edge-7/api/v1/namespaces/shop/services/web:8080/proxy-service";

pub(crate) fn service(port: &str) -> Target {
    Target::Service {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        port: port.to_owned(),
    }
}

#[tokio::test]
async fn a_request_goes_to_the_service_and_says_where_it_comes_from() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    let lines = [
        "cookie: session=1",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-user: root",
        "forwarded: for=127.0.0.1",
        "x-remote-user: root",
        "proxy-authorization: Basic x",
    ];
    client
        .ask("GET", &format!("{WEB}/a//b%2Fc?d=e"), "alice", &lines)
        .await;
    let mut upstream = agent.accept_to(service("8080")).await;
    let head = upstream.head().await;
    assert!(head.starts_with("GET /a//b%2Fc?d=e HTTP/1.1\r\n"), "{head}");
    for line in [
        "host: web.shop.svc:8080",
        "cookie: session=1",
        "x-forwarded-for: 192.0.2.7",
        "x-forwarded-host: hub",
        "x-forwarded-proto: https",
        &format!("x-forwarded-prefix: {WEB}"),
    ] {
        assert!(
            head.contains(&format!("\r\n{line}\r\n")),
            "{line} in {head}"
        );
    }
    for name in [
        "authorization",
        "impersonate-",
        "x-remote-",
        "127.0.0.1",
        "x-forwarded-user",
    ] {
        assert!(!head.contains(name), "{name} in {head}");
    }
    upstream.respond("hello").await;
    let answer = client.answer().await;
    assert_eq!((answer.code, answer.body), (200, b"hello".to_vec()));
    let line = log.line().await;
    assert_eq!(line["target"], "service shop/web:8080");
    assert_eq!(line["user"], "alice");
}

#[tokio::test]
async fn a_service_stays_below_its_path_when_it_redirects() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (location, expected) in [
        ("/login?to=/", Some("/login?to=/")),
        ("http://web.shop.svc:8080/login", Some("/login")),
        ("https://evil.example/", None),
        ("http://web.shop.svc:8081/", None),
    ] {
        let mut client = hub.client();
        client.get(&format!("{WEB}/"), "alice").await;
        let mut upstream = agent.accept_to(service("8080")).await;
        upstream.head().await;
        let head =
            format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        upstream.send(head).await;
        let answer = client.answer().await;
        match expected {
            Some(rest) => {
                let location = format!("\r\nlocation: {WEB}{rest}\r\n");
                assert!(answer.head.contains(&location), "{}", answer.head);
            }
            None => assert_eq!(answer.failure().0, 502, "{location}"),
        }
    }
}

#[tokio::test]
async fn the_access_function_decides_by_the_service_and_not_by_the_cluster_alone() {
    let (mut hub, _agent) = Hub::with_agent().await;
    for (path, user) in [
        (
            "/clusters/edge-7/api/v1/namespaces/lab/services/web:80/proxy-service/",
            "alice",
        ),
        (
            "/clusters/edge-9/api/v1/namespaces/shop/services/web:80/proxy-service/",
            "alice",
        ),
        (
            "/clusters/edge-7/api/v1/namespaces/shop/services/web:80/proxy-service/",
            "mallory",
        ),
    ] {
        let mut client = hub.client();
        client.get(path, user).await;
        let answer = client.answer().await;
        let message = answer.status()["message"].to_string();
        assert_eq!(answer.code, 403, "{path}");
        assert!(
            message.contains("clustergateways/proxy-service"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn nobody_is_impersonated_to_a_service() {
    let (mut hub, _agent) = Hub::with_agent().await;
    for (user, code) in [("alice", 403), ("root", 400)] {
        let mut client = hub.client();
        client
            .ask("GET", WEB, user, &["impersonate-user: jane"])
            .await;
        assert_eq!(client.answer().await.failure().0, code, "{user}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_reached_is_told_apart() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (refusal, code, reason, place) in [
        (RefusalReason::Forbidden, 403, "Forbidden", "agent"),
        (RefusalReason::NotFound, 404, "NotFound", "target"),
        (
            RefusalReason::DialFailed,
            503,
            "ServiceUnavailable",
            "target",
        ),
        (RefusalReason::DialTimeout, 504, "Timeout", "target"),
        (RefusalReason::Unsupported, 502, "InternalError", "agent"),
    ] {
        let mut client = hub.client();
        client.get(&format!("{WEB}/"), "alice").await;
        agent.refuse_to(service("8080"), refusal).await;
        let failure = client.answer().await.failure();
        assert_eq!(failure, (code, reason.to_owned(), place.to_owned()));
    }
}

#[tokio::test]
async fn a_service_may_switch_to_websocket() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client_with(user_certificate("alice", &[]));
    let lines = [
        "connection: Upgrade",
        "upgrade: websocket",
        "sec-websocket-key: x",
    ];
    client.ask("GET", &format!("{WEB}/ws"), "", &lines).await;
    let mut upstream = agent.accept_to(service("8080")).await;
    let head = upstream.head().await;
    assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}");
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    upstream.send(switch).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    client.send("ping").await;
    assert_eq!(upstream.take(4).await, b"ping");
    upstream.send("pong").await;
    assert_eq!(client.take(4).await, b"pong");
    upstream.finish().await;
    assert_eq!(client.rest().await, (vec![], End::Clean));
}
