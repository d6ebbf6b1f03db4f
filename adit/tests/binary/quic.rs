//! Agents that come by QUIC.

use std::net::UdpSocket;
use std::path::Path;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Process, TestHub, arg, run, until};

/// Starts an agent that dials over one carrier.
fn agent_by(carrier: &str, credentials: &Path) -> Process {
    Process::start(&[
        "agent",
        "--credentials",
        arg(credentials),
        "--carrier",
        carrier,
        "--allow-target",
        "127.0.0.1:*",
    ])
}

/// Waits for the one session of a cluster, and tells what carries it.
async fn carrier(hub: &TestHub, cluster: &str) -> String {
    until("the agent's session", async || {
        hub.sessions(cluster).await.len() == 1
    })
    .await;
    let session = &hub.sessions(cluster).await[0];
    session["links"][0]["carrier"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_agent_by_quic_is_listed_and_serves_streams() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("target.sock");
    let forward = format!(
        "unix:{}=edge-1/{}",
        arg(&socket),
        target.local_addr().unwrap()
    );
    let hub = TestHub::start_with(&["--udp", "require", "--forward-listen", &forward]).await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let _agent = agent_by("quic", &credentials);
    assert_eq!(carrier(&hub, "edge-1").await, "quic");
    let mut client = tokio::net::UnixStream::connect(&socket).await.unwrap();
    let (mut far, _) = target.accept().await.unwrap();
    let sent = vec![7; 3 * 1024 * 1024];
    let sending = async {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let ((), count) = tokio::join!(sending, far.read_to_end(&mut received));
    count.unwrap();
    assert!(received == sent, "{} bytes arrived", received.len());
    far.write_all(b"done").await.unwrap();
    drop(far);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "done");
}

#[tokio::test]
async fn revoking_ends_a_session_by_quic_and_keeps_its_agent_out() {
    let hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let agent = agent_by("quic", &credentials);
    assert_eq!(carrier(&hub, "edge-1").await, "quic");
    hub.adit(&["credentials", "edge-1", "--revoke"]).await;
    until("no session", async || {
        hub.sessions("edge-1").await.is_empty()
    })
    .await;
    until("the agent is told why", async || {
        agent.stderr().contains("no longer accepted") && agent.stderr().contains("revoked")
    })
    .await;
}

#[tokio::test]
async fn agents_by_quic_come_back_to_a_restarted_hub_and_leave_at_once() {
    let mut hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let mut agent = agent_by("quic", &credentials);
    assert_eq!(carrier(&hub, "edge-1").await, "quic");
    hub.restart().await;
    assert_eq!(carrier(&hub, "edge-1").await, "quic");
    agent.signal(Signal::TERM);
    assert_eq!(agent.end().await, Some(0), "{}", agent.stderr());
    until("no session", async || {
        hub.sessions("edge-1").await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_stranger_s_certificate_opens_no_session_by_quic() {
    let (hub, other) = (TestHub::start().await, TestHub::start().await);
    let credentials = other.credentials("edge-1", "agent").await;
    let text = std::fs::read_to_string(&credentials).unwrap();
    let own = other.address().to_string();
    assert!(text.contains(&own), "{text}");
    std::fs::write(&credentials, text.replace(&own, &hub.address().to_string())).unwrap();
    let agent = agent_by("quic", &credentials);
    until("the agent's failure", async || {
        agent.stderr().contains("by QUIC: cannot connect")
    })
    .await;
    assert!(hub.sessions("edge-1").await.is_empty());
}

#[tokio::test]
async fn without_udp_agents_come_by_tcp_and_whoever_insists_on_quic_is_told() {
    let hub = TestHub::start_with(&["--udp", "off"]).await;
    let insists = agent_by("quic", &hub.credentials("edge-1", "agent").await);
    let _agent = agent_by("auto", &hub.credentials("edge-2", "agent").await);
    assert_eq!(carrier(&hub, "edge-2").await, "h2");
    until("the agent's failure", async || {
        insists.stderr().contains("by QUIC: cannot connect")
    })
    .await;
}

#[tokio::test]
async fn a_taken_udp_port_is_told_and_stops_only_a_hub_that_needs_it() {
    // Whoever has the port over UDP leaves it free over TCP.
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("hub");
    let args = ["hub", "--data-dir", arg(&data), "--listen", &address];
    let finished = run(&[&args[..], &["--udp", "require"]].concat()).await;
    assert_eq!(finished.code, 1);
    let reason = format!("cannot listen on {address} over UDP; is the port taken?");
    assert!(finished.stderr.contains(&reason), "{}", finished.stderr);
    let hub = Process::start(&args);
    until("the hub's warning", async || {
        hub.stderr().contains("agents can come over TCP alone")
    })
    .await;
    until("the hub's port", async || {
        TcpStream::connect(&address).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn while_bulk_runs_a_session_has_a_link_without_it() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("target.sock");
    let forward = format!(
        "unix:{}=edge-1/{}",
        arg(&socket),
        target.local_addr().unwrap()
    );
    let hub = TestHub::start_with(&["--forward-listen", &forward]).await;
    let _agent = agent_by("h2", &hub.credentials("edge-1", "agent").await);
    assert_eq!(carrier(&hub, "edge-1").await, "h2");
    let mut client = tokio::net::UnixStream::connect(&socket).await.unwrap();
    let (mut far, _) = target.accept().await.unwrap();
    let moving = async {
        let mut buffer = vec![0; 64 * 1024];
        let piece = vec![7; 16 * 1024];
        loop {
            far.write_all(&piece).await.unwrap();
            client.read_exact(&mut buffer[..16 * 1024]).await.unwrap();
            // Bulk, and no burden for the machine.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let two_links = until("a second link", async || {
        let sessions = hub.sessions("edge-1").await;
        sessions.len() == 1 && sessions[0]["links"].as_array().unwrap().len() == 2
    });
    tokio::select! {
        () = two_links => {}
        () = moving => {}
    }
}
