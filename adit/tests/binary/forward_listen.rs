//! Listeners of the hub that are bound to one target.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{TestHub, arg, run};

/// A hub, an agent that reaches `target`, and a listener for it.
async fn listener_for(target: &TcpListener, allowed: &str) -> (TestHub, impl Sized, SocketAddr) {
    let forward = format!("127.0.0.1:0=edge-1/{}", target.local_addr().unwrap());
    let hub = TestHub::start_with(&["--forward-listen", &forward]).await;
    let agent = Box::pin(hub.cluster_with("edge-1", allowed)).await;
    let address = hub.logged_address("forward-listen:").await;
    (hub, agent, address)
}

#[tokio::test]
async fn a_listener_takes_its_connections_to_its_target() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_hub, _agent, address) = listener_for(&target, "127.0.0.1:*").await;
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
}

#[tokio::test]
async fn a_reset_of_either_end_is_one_at_the_other() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_hub, _agent, address) = listener_for(&target, "127.0.0.1:*").await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut far, _) = target.accept().await.unwrap();
    far.write_all(b"half").await.unwrap();
    let mut half = [0; 4];
    client.read_exact(&mut half).await.unwrap();
    far.set_zero_linger().unwrap();
    drop(far);
    let error = client.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let client = TcpStream::connect(address).await.unwrap();
    let (mut far, _) = target.accept().await.unwrap();
    client.set_zero_linger().unwrap();
    drop(client);
    let error = far.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// They are many at once, so that the agent makes further links and streams
/// move between them while they are written to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_was_written_before_a_close_arrives() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_hub, _agent, address) = listener_for(&target, "127.0.0.1:*").await;
    let mut writers = JoinSet::new();
    for writer in 0..8_u8 {
        writers.spawn(async move {
            let data = vec![writer; WRITTEN];
            for _ in 0..CONNECTIONS / 8 {
                let mut client = TcpStream::connect(address).await.unwrap();
                client.write_all(&data).await.unwrap();
            }
        });
    }
    let mut readers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (mut far, _) = timeout(LONG, target.accept()).await.unwrap().unwrap();
        readers.spawn(async move {
            let mut received = Vec::new();
            far.read_to_end(&mut received).await.map(|_| received.len())
        });
    }
    let read = timeout(LONG, readers.join_all()).await;
    let read = read.expect("a connection stands still");
    assert!(read.into_iter().all(|read| read.unwrap() == WRITTEN));
}

const CONNECTIONS: usize = 1000;
const WRITTEN: usize = 1024 * 1024;
const LONG: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_target_that_the_agent_refuses_is_a_reset_and_no_empty_answer() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_hub, _agent, address) = listener_for(&target, "192.0.2.1:80").await;
    let answer = async {
        let mut client = TcpStream::connect(address).await?;
        client.read_to_end(&mut Vec::new()).await
    };
    // The reset may come even before the client knows that it is connected.
    let error = answer.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_unix_socket_serves_as_well() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sock");
    let forward = format!(
        "unix:{}=edge-1/{}",
        arg(&path),
        target.local_addr().unwrap()
    );
    let hub = TestHub::start_with(&["--forward-listen", &forward]).await;
    let _agent = hub.cluster_with("edge-1", "127.0.0.1:*").await;
    let mut client = UnixStream::connect(&path).await.unwrap();
    client.write_all(b"ping").await.unwrap();
    let (mut far, _) = target.accept().await.unwrap();
    let mut received = [0; 4];
    far.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"ping");
}

#[tokio::test]
async fn an_address_that_other_machines_reach_is_refused_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let finished = run(&[
        "hub",
        "--data-dir",
        arg(folder.path()),
        "--forward-listen",
        "0.0.0.0:9000=edge-1/db:5432",
    ])
    .await;
    assert_eq!(finished.code, 2);
    assert!(
        finished.stderr.contains("is no loopback address"),
        "{}",
        finished.stderr
    );
}
