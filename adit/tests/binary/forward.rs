//! `adit forward`.

use std::io::ErrorKind;
use std::net::SocketAddr;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Process, TestHub, arg, run, until};

/// A hub, a cluster `edge-1` whose agent reaches this machine, and a target there.
async fn setup() -> (TestHub, Process, TcpListener) {
    let hub = Box::pin(TestHub::start()).await;
    let agent = Box::pin(hub.cluster_with("edge-1", "127.0.0.1:*")).await;
    (hub, agent, TcpListener::bind("127.0.0.1:0").await.unwrap())
}

/// Where a forward listens, by what it has printed.
async fn address(forward: &Process) -> SocketAddr {
    let printed = || Some(forward.stdout().split_once(" leads to ")?.0.to_owned());
    until("a forward that listens", async || printed().is_some()).await;
    printed().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_local_port_leads_to_the_target_until_ctrl_c() {
    let (hub, _agent, target) = setup().await;
    let data = hub.data();
    let wanted = target.local_addr().unwrap();
    // The target's own port is taken here, by the target.
    let args = [
        "forward",
        "edge-1",
        &wanted.to_string(),
        "--data-dir",
        arg(&data),
    ];
    let mut forward = Process::start(&args);
    let address = address(&forward).await;
    assert_ne!(address.port(), wanted.port());
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut far, _) = target.accept().await.unwrap();
    client.write_all(b"ping").await.unwrap();
    client.shutdown().await.unwrap();
    let mut received = Vec::new();
    far.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"ping");
    far.write_all(b"pong").await.unwrap();
    drop(far);
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"pong");

    let mut client = TcpStream::connect(address).await.unwrap();
    let (far, _) = target.accept().await.unwrap();
    far.set_zero_linger().unwrap();
    drop(far);
    let error = client.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    forward.signal(Signal::INT);
    assert_eq!(forward.end().await, Some(0), "{}", forward.stderr());
}

#[tokio::test]
async fn a_connection_that_fails_is_one_line_that_says_why() {
    let (hub, _agent, target) = setup().await;
    let token = hub.beside("token");
    let created = hub.adit(&["token", "create", "--user", "alice"]).await;
    std::fs::write(&token, created.stdout).unwrap();
    let target = target.local_addr().unwrap().to_string();
    let authority = hub.data().join("ca.crt");
    let server = hub.address().to_string();
    let by_token = [
        "--server",
        &server,
        "--token-file",
        arg(&token),
        "--certificate-authority",
        arg(&authority),
    ];
    let data = hub.data();
    let by_certificate = ["--data-dir", arg(&data)];
    for (cluster, login, why) in [
        (
            "edge-1",
            &by_token[..],
            "User \"alice\" cannot create resource",
        ),
        ("edge-0", &by_certificate[..], "no such cluster edge-0"),
    ] {
        let args = [&["forward", cluster, &target, "0"], login].concat();
        let forward = Process::start(&args);
        let mut client = TcpStream::connect(address(&forward).await).await.unwrap();
        let error = client.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        until("the reason", async || forward.stderr().ends_with('\n')).await;
        let told = forward.stderr();
        assert!(
            told.starts_with(&format!("{target} in {cluster}: ")),
            "{told}"
        );
        assert!(told.contains(why) && told.lines().count() == 1, "{told}");
    }
}

#[tokio::test]
async fn only_this_machine_is_listened_to() {
    let finished = run(&["forward", "edge-1", "db:5432", "0.0.0.0:5432"]).await;
    assert_eq!(finished.code, 2);
    assert!(
        finished.stderr.contains("is no loopback address"),
        "{}",
        finished.stderr
    );
}
