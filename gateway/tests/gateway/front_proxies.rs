//! Who asks by way of a front proxy, and who only says so.

use gateway::{FrontProxies, GatewayConfig};
use http::HeaderName;

use crate::harness::{Hub, user_certificate};

const PODS: &str = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge-7/proxy/api/v1/pods";

fn hub() -> Hub {
    let front_proxies = FrontProxies {
        names: vec!["aggregator".to_owned()],
        user: vec![HeaderName::from_static("x-remote-user")],
        groups: vec![HeaderName::from_static("x-remote-group")],
        others: vec![HeaderName::from_static("x-remote-uid")],
        prefixes: vec!["x-remote-extra-".to_owned()],
    };
    Hub::behind(GatewayConfig::default(), Some(front_proxies))
}

fn request(lines: &[&str]) -> String {
    let mut text = format!("GET {PODS} HTTP/1.1\r\nhost: hub\r\n");
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text + "\r\n"
}

#[tokio::test]
async fn who_asks_by_a_front_proxy_arrives_as_himself() {
    let mut hub = hub();
    let mut agent = hub.agent("edge-7").await;
    let mut client = hub.front_proxy(user_certificate("aggregator", &[]));
    let lines = [
        "X-Remote-User: alice",
        "X-Remote-Group: dev",
        "X-Remote-Uid: 7",
    ];
    client.send(request(&lines)).await;
    let mut upstream = agent.accept().await;
    let head = upstream.head().await;
    assert!(head.contains("\r\nimpersonate-user: alice\r\n"), "{head}");
    assert!(head.contains("\r\nimpersonate-group: dev\r\n"), "{head}");
    assert!(!head.contains("x-remote-"), "{head}");
    upstream.respond("hello").await;
    assert_eq!(client.answer().await.code, 200);
}

#[tokio::test]
async fn one_connection_of_a_front_proxy_carries_many_users() {
    let mut hub = hub();
    let mut agent = hub.agent("edge-7").await;
    let mut client = hub.front_proxy(user_certificate("aggregator", &[]));
    client.send(request(&["X-Remote-User: mallory"])).await;
    let answer = client.answer().await;
    assert_eq!(answer.code, 403);
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let missing = "cannot get resource \\\"clustergateways/proxy\\\"";
    assert!(body.contains(missing), "the permission is named: {body}");
    client.send(request(&["X-Remote-User: alice"])).await;
    let mut upstream = agent.accept().await;
    assert!(
        upstream
            .head()
            .await
            .contains("impersonate-user: alice\r\n")
    );
    upstream.respond("hello").await;
    assert_eq!(client.answer().await.code, 200);
}

#[tokio::test]
async fn nobody_else_says_who_asks() {
    let mut hub = hub();
    let _agent = hub.agent("edge-7").await;
    let alice = "authorization: Bearer alice";
    for line in [
        "X-Remote-User: alice",
        "x-remote-group: system:masters",
        "X-REMOTE-EXTRA-SCOPES: all",
        "X_Remote_User: alice",
    ] {
        for with in [&[line][..], &[alice, line]] {
            let mut client = hub.client();
            client.send(request(with)).await;
            assert_eq!(client.answer().await.code, 403, "{with:?}");
            let user = user_certificate("aggregator", &["system:masters"]);
            let mut client = hub.client_with(user);
            client.send(request(with)).await;
            assert_eq!(client.answer().await.code, 403, "{with:?} of a user");
            let mut client = hub.front_proxy(user_certificate("another", &[]));
            client.send(request(with)).await;
            assert_eq!(client.answer().await.code, 403, "{with:?} by another name");
        }
    }
}

#[tokio::test]
async fn a_front_proxy_is_nobody_itself_and_tells_of_one_user() {
    let mut hub = hub();
    let _agent = hub.agent("edge-7").await;
    for (lines, code) in [
        (&[][..], 401),
        (&["X-Remote-User: alice", "X-Remote-User: root"], 400),
        (&["X-Remote-User: alice", "X_Remote_User: root"], 400),
        (&["X-Remote-Group: system:masters"], 400),
        (&["X-Remote-User: alice", "Impersonate-User: root"], 403),
        (&["X-Remote-User: alice", "Connection: X-Remote-User"], 400),
    ] {
        let mut client = hub.front_proxy(user_certificate("aggregator", &["system:masters"]));
        client.send(request(lines)).await;
        assert_eq!(client.answer().await.code, code, "{lines:?}");
    }
}
