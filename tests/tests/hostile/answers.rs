//! An API server that answers wrongly, or not at all.

use tests::api_double::Reply;
use tests::https::Answer;
use tests::wait::GENEROUS;
use tokio::time::{Instant, timeout};

use crate::{Double, Others, SITE};

fn script(target: &str) -> Reply {
    match target {
        "/redirect/away" => Reply::Answer(
            "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
        ),
        "/redirect/sideways" => Reply::Answer(
            "HTTP/1.1 302 Found\r\nLocation: //elsewhere.example/x\r\nContent-Length: 0\r\n\r\n",
        ),
        "/redirect/rooted" => Reply::Answer(
            "HTTP/1.1 301 Moved Permanently\r\nLocation: /api/v1?x=1\r\nContent-Length: 0\r\n\r\n",
        ),
        "/switch" => Reply::Answer(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nbytes",
        ),
        "/broken-chunk" => Reply::Cut(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\nrest",
        ),
        "/cut-chunks" => {
            Reply::Cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        }
        "/cut-length" => Reply::Cut("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"),
        "/garbage" => Reply::Cut("this is not HTTP\r\n\r\n"),
        "/nothing" => Reply::Cut(""),
        "/silence" => Reply::Silence,
        _ => Reply::Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    }
}

/// The error says that it is the API server that failed.
fn names_the_api_server(refused: &Answer) {
    let message = refused.status_message();
    assert!(
        message.contains("API server") || message.contains("kube-apiserver"),
        "{message}"
    );
}

#[test]
fn no_redirect_leads_out_of_the_cluster() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "redirects", script).await;
        for target in ["/redirect/away", "/redirect/sideways"] {
            let refused = others.alice.get(&double.path(target)).await.unwrap();
            assert_eq!(refused.status, 502, "{target}: {}", refused.text());
            assert!(
                refused.status_message().contains("redirect"),
                "{}",
                refused.text()
            );
            assert!(refused.header("location").is_none(), "{refused:?}");
        }
        let moved = others
            .alice
            .get(&double.path("/redirect/rooted"))
            .await
            .unwrap();
        assert_eq!(moved.status, 301, "{}", moved.text());
        assert_eq!(
            moved.header("location"),
            Some(double.path("/api/v1?x=1").as_str())
        );
        others.are_served().await;
    });
}

#[test]
fn an_upgrade_that_nobody_asked_for_is_an_error() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "switch", script).await;
        let refused = others.alice.get(&double.path("/switch")).await.unwrap();
        assert_eq!(refused.status, 502, "{}", refused.text());
        refused.status_message();
        others.are_served().await;
    });
}

#[test]
fn a_body_that_is_cut_short_does_not_look_whole() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "cut", script).await;
        for target in ["/broken-chunk", "/cut-chunks", "/cut-length"] {
            let answer = others.alice.get(&double.path(target)).await;
            let told = answer.as_ref().map_or(true, |answer| answer.status == 502);
            assert!(told, "{target}: {answer:?}");
        }
        others.are_served().await;
    });
}

#[test]
fn an_answer_that_is_none_is_a_bad_gateway() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "garbage", script).await;
        for target in ["/garbage", "/nothing"] {
            let refused = others.alice.get(&double.path(target)).await.unwrap();
            assert_eq!(refused.status, 502, "{target}: {}", refused.text());
            names_the_api_server(&refused);
        }
        let fine = others.alice.get(&double.path("/fine")).await.unwrap();
        assert_eq!(fine.status, 200, "{}", fine.text());
        others.are_served().await;
    });
}

#[test]
fn an_api_server_that_hangs_is_given_up() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "silence", script).await;
        let begun = Instant::now();
        let target = double.path("/silence");
        let refused = timeout(5 * GENEROUS, others.alice.get(&target)).await;
        let refused = refused.expect("the gateway hangs with it").unwrap();
        eprintln!(
            "hostile: a hanging API server is given up after {:?}",
            begun.elapsed()
        );
        assert_eq!(refused.status, 504, "{}", refused.text());
        refused.status_message();
        let fine = others.alice.get(&double.path("/fine")).await.unwrap();
        assert_eq!(fine.status, 200, "{}", fine.text());
        others.are_served().await;
    });
}

#[test]
fn an_api_server_that_is_down_is_named() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "down", script).await;
        let path = double.path("/version");
        let Double {
            api, _agent: agent, ..
        } = double;
        drop(api);
        let refused = others.alice.get(&path).await.unwrap();
        assert!([502, 503].contains(&refused.status), "{}", refused.text());
        names_the_api_server(&refused);
        drop(agent);
        others.are_served().await;
    });
}
