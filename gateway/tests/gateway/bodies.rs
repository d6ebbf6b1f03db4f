//! Bodies: streamed both ways, whole or visibly broken.

use tunnel::ResetReason;

use crate::harness::{End, Hub, pattern};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn every_method_passes_with_its_body() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let lines = [
            "content-type: application/merge-patch+json",
            "content-length: 4",
        ];
        client
            .ask(method, "/clusters/edge-7/api?x=1", "alice", &lines)
            .await;
        client.send("body").await;
        let mut upstream = agent.accept().await;
        let head = upstream.head().await;
        assert!(
            head.starts_with(&format!("{method} /api?x=1 HTTP/1.1\r\n")),
            "{head}"
        );
        assert!(
            head.contains("\r\ncontent-type: application/merge-patch+json\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\ncontent-length: 4\r\n"), "{head}");
        assert_eq!(upstream.take(4).await, b"body");
        upstream.respond(method).await;
        assert_eq!(client.answer().await.body, method.as_bytes());
    }
    // The same connection has served all: nothing is left between requests.
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn a_head_request_gets_the_head_alone() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    client
        .ask("HEAD", "/clusters/edge-7/api", "alice", &[])
        .await;
    let mut upstream = agent.accept().await;
    assert!(upstream.head().await.starts_with("HEAD /api "));
    upstream
        .send("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n")
        .await;
    let head = client.head().await;
    assert!(head.contains("\r\ncontent-length: 1234\r\n"), "{head}");
    client.get("/clusters/edge-7/api", "alice").await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    upstream.respond("next").await;
    assert_eq!(client.answer().await.body, b"next");
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    let lines = ["expect: 100-continue", "content-length: 4"];
    client
        .ask("PUT", "/clusters/edge-7/api", "alice", &lines)
        .await;
    let mut upstream = agent.accept().await;
    let head = upstream.head().await;
    assert!(!head.contains("expect"), "{head}");
    assert!(client.head().await.starts_with("HTTP/1.1 100 Continue\r\n"));
    client.send("body").await;
    assert_eq!(upstream.take(4).await, b"body");
    upstream.respond("done").await;
    assert_eq!(client.answer().await.body, b"done");
}

#[tokio::test]
async fn chunked_uploads_arrive_as_they_are_sent() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for method in ["POST", "GET"] {
        let mut client = hub.client();
        client
            .ask(
                method,
                "/clusters/edge-7/a",
                "alice",
                &["transfer-encoding: chunked"],
            )
            .await;
        let mut upstream = agent.accept().await;
        assert!(
            upstream
                .head()
                .await
                .contains("\r\ntransfer-encoding: chunked\r\n")
        );
        client.send("3\r\none\r\n").await;
        assert_eq!(upstream.until(b"one\r\n").await, "3\r\none\r\n");
        client.send("3\r\ntwo\r\n0\r\n\r\n").await;
        assert_eq!(upstream.until(b"0\r\n\r\n").await, "3\r\ntwo\r\n0\r\n\r\n");
        upstream.respond("done").await;
        assert_eq!(client.answer().await.body, b"done");
    }
}

#[tokio::test]
async fn large_bodies_come_through_whole_in_both_directions() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let body = pattern(8 * MIB);
    let mut client = hub.client();
    let length = format!("content-length: {}", body.len());
    client
        .ask("POST", "/clusters/edge-7/a", "alice", &[&length])
        .await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    let (received, ()) = tokio::join!(upstream.take(body.len()), client.send(&body));
    assert!(received == body, "the upload arrived unchanged");
    upstream
        .send(format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n"))
        .await;
    client.head().await;
    let (received, ()) = tokio::join!(client.take(body.len()), upstream.send(&body));
    assert!(received == body, "the download arrived unchanged");
}

#[tokio::test]
async fn watch_events_come_one_by_one() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    client
        .get("/clusters/edge-7/api/v1/pods?watch=1", "alice")
        .await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    upstream
        .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    assert!(
        client
            .head()
            .await
            .contains("transfer-encoding: chunked\r\n")
    );
    for event in ["{1}\n", "{2}\n", "{3}\n"] {
        upstream.send(format!("4\r\n{event}\r\n")).await;
        assert_eq!(client.until(b"\n\r\n").await, format!("4\r\n{event}\r\n"));
    }
    upstream.send("0\r\n\r\n").await;
    assert_eq!(client.until(b"\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    let lines = [
        "te: trailers",
        "trailer: x-sent",
        "transfer-encoding: chunked",
    ];
    client
        .ask("POST", "/clusters/edge-7/a", "alice", &lines)
        .await;
    client.send("0\r\nx-sent: 1\r\n\r\n").await;
    let mut upstream = agent.accept().await;
    let head = upstream.head().await;
    assert!(head.contains("\r\ntrailer: x-sent\r\n"), "{head}");
    assert!(upstream.until(b"\r\n\r\n").await.contains("x-sent: 1\r\n"));
    upstream
        .send("HTTP/1.1 200 OK\r\ntrailer: x-got\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    upstream.send("2\r\nhi\r\n0\r\nx-got: 2\r\n\r\n").await;
    assert!(client.head().await.contains("trailer: x-got\r\n"));
    assert_eq!(
        client.until(b"\r\n\r\n").await,
        "2\r\nhi\r\n0\r\nx-got: 2\r\n\r\n"
    );
}

#[tokio::test]
async fn an_answer_without_a_length_is_whole_when_its_stream_is_finished() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    client.get("/clusters/edge-7/a", "alice").await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\n\r\nhello").await;
    upstream.finish().await;
    client.head().await;
    assert_eq!(client.until(b"0\r\n\r\n").await, "5\r\nhello\r\n0\r\n\r\n");
    let (more, end) = upstream.rest().await;
    assert_eq!(
        (more.as_slice(), end),
        (&b""[..], End::Clean),
        "our side is finished too"
    );
}

#[tokio::test]
async fn an_answer_cut_short_never_looks_whole() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (response, end_of_chunked) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", false),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            true,
        ),
        // Without either, only the stream's own end says that it was whole.
        ("HTTP/1.1 200 OK\r\n\r\nhello", true),
    ] {
        for reset in [Some(ResetReason::TargetFailed), None] {
            let mut client = hub.client();
            client.get("/clusters/edge-7/a", "alice").await;
            let mut upstream = agent.accept().await;
            upstream.head().await;
            upstream.send(response).await;
            client.until(b"hello").await;
            match reset {
                Some(reason) => upstream.reset(reason),
                None => drop(upstream),
            }
            let (rest, _) = client.rest().await;
            let rest = String::from_utf8_lossy(&rest);
            assert!(
                !end_of_chunked || !rest.contains("0\r\n\r\n"),
                "{response}: {rest}"
            );
            assert!(rest.len() < 5, "{response}: {rest}");
        }
    }
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn an_upload_cut_short_never_looks_whole() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (line, start) in [
        ("content-length: 10", "hello"),
        ("transfer-encoding: chunked", "5\r\nhello\r\n"),
    ] {
        let mut client = hub.client();
        client
            .ask("POST", "/clusters/edge-7/a", "alice", &[line])
            .await;
        client.send(start).await;
        let mut upstream = agent.accept().await;
        upstream.head().await;
        upstream.until(b"hello").await;
        drop(client);
        let (rest, end) = upstream.rest().await;
        assert_eq!(
            end,
            End::Broken,
            "{line}: {:?}",
            String::from_utf8_lossy(&rest)
        );
    }
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_watch_in_the_cluster() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for answered in [true, false] {
        let mut client = hub.client();
        client
            .get("/clusters/edge-7/api/v1/pods?watch=1", "alice")
            .await;
        let mut upstream = agent.accept().await;
        upstream.head().await;
        if answered {
            upstream
                .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await;
            client.head().await;
        }
        drop(client);
        assert_eq!(upstream.rest().await.1, End::Broken);
    }
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_back_its_own_stream_only() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut lazy = hub.client();
    lazy.get("/clusters/edge-7/big", "alice").await;
    let mut big = agent.accept().await;
    big.head().await;
    let body = pattern(8 * MIB);
    let length = body.len();
    big.send(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"
    ))
    .await;
    let mut sending = Box::pin(big.send(&body));
    let others = async {
        for _ in 0..3 {
            let mut client = hub.client();
            client.get("/clusters/edge-7/small", "alice").await;
            let mut upstream = agent.accept().await;
            upstream.head().await;
            upstream.respond("small").await;
            assert_eq!(client.answer().await.body, b"small");
        }
    };
    tokio::select! {
        () = &mut sending => panic!("8 MiB went into buffers for a client that reads nothing"),
        () = others => {}
    }
    lazy.head().await;
    let (received, ()) = tokio::join!(lazy.take(length), sending);
    assert!(received == body);
}

#[tokio::test]
async fn an_answer_may_come_before_the_upload_ends() {
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
    let mut upstream = agent.accept().await;
    upstream.head().await;
    upstream.until(b"start").await;
    upstream
        .send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig")
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.code, answer.body.as_slice()), (413, &b"big"[..]));
    drop(upstream);
    hub.until_no_stream_is_open().await;
}
