//! Streams to TCP targets.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use proto::RefusalReason;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::time::timeout;
use tunnel::{OpenError, ResetReason, Stream, StreamError};

use crate::harness::{Cluster, Connection, Target, within};

const LOOPBACK: [&str; 1] = ["127.0.0.0/8:*"];

async fn connected() -> (Cluster, Stream, Connection) {
    let target = Target::new().await;
    let cluster = Cluster::with_targets(&LOOPBACK).await;
    let opening = cluster.session.open_tcp("127.0.0.1", target.port());
    let (stream, connection) = tokio::join!(opening, target.accept());
    (cluster, stream.unwrap(), connection)
}

fn refusal(result: Result<Stream, OpenError>) -> (RefusalReason, String) {
    match result {
        Err(OpenError::Stream(StreamError::Refused(refusal))) => (refusal.reason, refusal.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn bytes_pass_in_both_directions_and_each_ends_on_its_own() {
    let (_cluster, mut stream, mut target) = connected().await;
    stream.write_all(b"ping").await.unwrap();
    assert_eq!(target.read_exact(4).await, b"ping");
    stream.shutdown().await.unwrap();
    assert_eq!(target.rest().await, Ok(vec![]));
    target.send("late words").await;
    drop(target);
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"late words");
}

#[tokio::test]
async fn a_target_that_ends_first_still_hears_the_rest() {
    let (_cluster, mut stream, mut target) = connected().await;
    target.io.shutdown().await.unwrap();
    assert_eq!(within(stream.read(&mut [0; 1])).await.unwrap(), 0);
    stream.write_all(b"late words").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(target.rest().await, Ok(b"late words".to_vec()));
}

#[tokio::test]
async fn megabytes_pass_through_an_echo() {
    const SIZE: usize = 16 * 1024 * 1024;
    let (_cluster, stream, mut target) = connected().await;
    let (mut read, mut write) = stream.into_split();
    let data: Vec<u8> = (0..SIZE).map(|i| (i % 251) as u8).collect();
    let echo = async {
        let (mut from, mut to) = target.io.split();
        tokio::io::copy(&mut from, &mut to).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let send = async {
        write.write_all(&data).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let mut back = Vec::new();
    let all = async {
        tokio::join!(echo, send, read.read_to_end(&mut back))
            .2
            .unwrap()
    };
    within(all).await;
    assert!(back == data);
}

#[tokio::test]
async fn a_target_that_resets_resets_the_stream() {
    let (_cluster, mut stream, target) = connected().await;
    target.abort();
    let error = within(stream.read_u8()).await.unwrap_err();
    let error = error.get_ref().unwrap().downcast_ref::<StreamError>();
    assert_eq!(error, Some(&StreamError::Reset(ResetReason::TargetFailed)));
}

#[tokio::test]
async fn a_stream_that_is_reset_resets_the_target() {
    let (_cluster, stream, mut target) = connected().await;
    stream.reset(ResetReason::Cancelled);
    assert_eq!(
        target.rest().await,
        Err(std::io::ErrorKind::ConnectionReset)
    );
}

#[tokio::test]
async fn a_stream_that_is_reset_after_half_closing_resets_the_target() {
    let (_cluster, mut stream, mut target) = connected().await;
    stream.shutdown().await.unwrap();
    // The end is passed on, and only then the reset.
    assert_eq!(within(target.io.read(&mut [0; 1])).await.unwrap(), 0);
    drop(stream);
    // Linux calls a reset behind an end a broken pipe.
    within(target.io.ready(Interest::ERROR)).await.unwrap();
    let error = target.io.take_error().unwrap().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_target_that_reads_no_more_is_reset_with_its_stream() {
    let (_cluster, mut stream, target) = connected().await;
    let stalled = async { while stream.write_all(&[7; 64 * 1024]).await.is_ok() {} };
    assert!(timeout(Duration::from_secs(2), stalled).await.is_err());
    drop(stream);
    within(target.io.ready(Interest::ERROR)).await.unwrap();
    let error = target.io.take_error().unwrap().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_session_that_is_lost_resets_its_targets() {
    let (cluster, _stream, mut target) = connected().await;
    drop(cluster.session);
    assert_eq!(
        target.rest().await,
        Err(std::io::ErrorKind::ConnectionReset)
    );
}

#[tokio::test]
async fn what_no_rule_allows_is_forbidden() {
    let target = Target::new().await;
    let cluster = Cluster::with_targets(&["db.example.org:*", "*.svc:*"]).await;
    for host in ["127.0.0.1", "192.0.2.1", "other.example.org"] {
        let (reason, message) = refusal(cluster.session.open_tcp(host, target.port()).await);
        assert_eq!(reason, RefusalReason::Forbidden, "{host}");
        assert!(message.contains(host), "{message}");
    }
    target.assert_untouched();
}

#[tokio::test]
async fn a_name_for_a_special_address_is_forbidden_in_every_spelling() {
    let target = Target::new().await;
    let cluster = Cluster::with_targets(&["*:*"]).await;
    for host in [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0",
        "0.0.0.0",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "169.254.169.254",
        "0xa9fea9fe",
        "fe80::1%1",
        "fd00:ec2::254",
    ] {
        let (reason, message) = refusal(cluster.session.open_tcp(host, target.port()).await);
        assert_eq!(reason, RefusalReason::Forbidden, "{host}: {message}");
    }
    target.assert_untouched();
}

#[tokio::test]
async fn a_name_is_resolved_and_its_address_dialled() {
    let target = Target::new().await;
    let cluster = Cluster::with_targets(&["localhost:*"]).await;
    let opening = cluster.session.open_tcp("localhost", target.port());
    let (stream, _connection) = tokio::join!(opening, target.accept());
    stream.unwrap();
}

#[tokio::test]
async fn a_target_that_refuses_is_told_from_one_that_is_unknown() {
    let gone = Target::new().await.port();
    let cluster = Cluster::with_targets(&["127.0.0.1:*", "*.invalid:*"]).await;
    let (reason, message) = refusal(cluster.session.open_tcp("127.0.0.1", gone).await);
    assert_eq!(reason, RefusalReason::DialFailed);
    assert!(message.contains(&format!("127.0.0.1:{gone}")), "{message}");
    let (reason, message) = refusal(cluster.session.open_tcp("no.such.invalid", 80).await);
    assert_eq!(reason, RefusalReason::NotFound);
    assert!(message.contains("no.such.invalid"), "{message}");
}

/// A port whose queue of connections is full, so that it answers no more.
fn silent_port() -> (Socket, Vec<TcpStream>, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let patience = Duration::from_millis(300);
    let mut queued = Vec::new();
    while let Ok(connection) = TcpStream::connect_timeout(&address, patience) {
        queued.push(connection);
    }
    (socket, queued, address.port())
}

#[tokio::test]
async fn a_target_that_does_not_answer_in_time_is_told_as_such() {
    let (_socket, _queued, port) = silent_port();
    let cluster = Cluster::with_targets(&LOOPBACK).await;
    let host = "127.0.0.1".to_owned();
    let target = proto::Target::Tcp { host, port };
    let deadline = Duration::from_millis(200);
    let (reason, message) = refusal(cluster.session.open_within(target, deadline).await);
    assert_eq!(reason, RefusalReason::DialTimeout, "{message}");
    assert!(message.contains("200ms"), "{message}");
}

#[tokio::test]
async fn targets_that_the_agent_does_not_serve_are_refused_by_name() {
    let cluster = Cluster::with_targets(&["*:*"]).await;
    for (target, name) in [
        (proto::Target::HubApi, "hub-api"),
        (proto::Target::KubeApiserver, "API server"),
    ] {
        let (reason, message) = refusal(cluster.session.open(target).await);
        assert_eq!(reason, RefusalReason::Unsupported);
        assert!(message.contains(name), "{message}");
    }
}
