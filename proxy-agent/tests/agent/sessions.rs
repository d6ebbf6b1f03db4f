//! How an agent comes by its sessions, and how they end.

use std::time::Duration;

use proxy_agent::{AgentError, AgentStatus};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{Authority, Cluster, Hub, RunningAgent, Target, config, within};

/// What an agent says that cannot get a session.
async fn failure(agent: &mut RunningAgent) -> String {
    let status = agent
        .until(|s| matches!(s, AgentStatus::Waiting { .. }))
        .await;
    let AgentStatus::Waiting { error, .. } = status else {
        unreachable!("it was waited for")
    };
    error
}

#[tokio::test]
async fn an_agent_shows_its_certificate_and_says_what_it_is() {
    let authority = Authority::new();
    let hub = Hub::new(&authority).await;
    let mut agent = RunningAgent::start(config(&authority, &[&hub]));
    let session = hub.accept().await;
    assert_eq!(session.session.peer().software_version, "test");
    let status = agent
        .until(|s| matches!(s, AgentStatus::Connected { .. }))
        .await;
    let expected = AgentStatus::Connected {
        hub: hub.address(),
        remote: hub.address().to_string().parse().unwrap(),
    };
    assert_eq!(status, expected);
}

#[tokio::test]
async fn an_agent_that_lost_its_session_comes_back() {
    let Cluster {
        hub,
        session,
        mut agent,
    } = Cluster::with_targets(&[]).await;
    drop(session);
    let error = failure(&mut agent).await;
    assert!(error.contains("connection"), "{error}");
    hub.accept().await;
    agent
        .until(|s| matches!(s, AgentStatus::Connected { .. }))
        .await;
}

#[tokio::test]
async fn an_agent_goes_to_the_next_hub_if_one_is_gone() {
    let authority = Authority::new();
    let (gone, hub) = (Hub::new(&authority).await, Hub::new(&authority).await);
    let config = config(&authority, &[&gone, &hub]);
    drop(gone);
    let _agent = RunningAgent::start(config);
    hub.accept().await;
}

#[tokio::test]
async fn every_hub_that_is_not_reached_is_told_of() {
    let authority = Authority::new();
    let (one, two) = (Hub::new(&authority).await, Hub::new(&authority).await);
    let config = config(&authority, &[&one, &two]);
    let addresses = [one.address(), two.address()];
    drop((one, two));
    let mut agent = RunningAgent::start(config);
    let error = failure(&mut agent).await;
    for address in addresses {
        let told = format!("{address}: cannot connect");
        assert!(error.contains(&told), "{error}");
    }
}

#[tokio::test]
async fn an_agent_trusts_no_stranger() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let hub = Hub::new(&stranger).await;
    let mut agent = RunningAgent::start(config(&authority, &[&hub]));
    assert!(hub.accept_tls().await.is_err());
    let error = failure(&mut agent).await;
    assert!(
        error.contains("no trust") && error.contains("certificate"),
        "{error}"
    );
}

#[tokio::test]
async fn an_agent_makes_no_session_below_tls_13() {
    let authority = Authority::new();
    let hub = Hub::speaking(&authority, &[&TLS12], Some(tunnel::ALPN)).await;
    let mut agent = RunningAgent::start(config(&authority, &[&hub]));
    let _stream = hub.accept_tls().await;
    let error = failure(&mut agent).await;
    assert!(error.contains("TLS 1.3"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_no_hub_is_named_as_such() {
    let authority = Authority::new();
    let hub = Hub::speaking(&authority, &[&TLS13], None).await;
    let mut agent = RunningAgent::start(config(&authority, &[&hub]));
    let _stream = hub.accept_tls().await;
    let error = failure(&mut agent).await;
    assert!(error.contains("is it a hub?"), "{error}");
}

#[tokio::test]
async fn the_hubs_reason_for_a_rejection_is_told() {
    let authority = Authority::new();
    let hub = Hub::new(&authority).await;
    let mut agent = RunningAgent::start(config(&authority, &[&hub]));
    let stream = hub.accept_tls().await.unwrap();
    let rejecting = tunnel::h2::reject(stream, "the certificate was revoked");
    let (error, ()) = tokio::join!(failure(&mut agent), rejecting);
    assert!(error.contains("the certificate was revoked"), "{error}");
}

#[tokio::test]
async fn a_new_session_is_made_while_the_streams_of_a_draining_one_go_on() {
    let target = Target::new().await;
    let Cluster {
        hub,
        session: old,
        agent: _agent,
    } = Cluster::with_targets(&["127.0.0.1:*"]).await;
    let opening = old.open_tcp("127.0.0.1", target.port());
    let (stream, mut connection) = tokio::join!(opening, target.accept());
    let mut stream = stream.unwrap();
    old.session.drain(Duration::from_secs(3600));
    let new = hub.accept().await;
    stream.write_all(b"still here").await.unwrap();
    assert_eq!(connection.read_exact(10).await, b"still here");
    let opening = new.open_tcp("127.0.0.1", target.port());
    let (next, _connection) = tokio::join!(opening, target.accept());
    next.unwrap();
    // With its last stream the old session ends, and the new one does not.
    drop(connection);
    stream.shutdown().await.unwrap();
    within(stream.read_to_end(&mut Vec::new())).await.unwrap();
    drop(stream);
    within(old.session.closed()).await;
    assert!(new.session.takes_streams());
}

#[tokio::test]
async fn an_agent_that_is_stopped_lets_its_streams_end() {
    let target = Target::new().await;
    let Cluster {
        hub: _hub,
        session,
        mut agent,
    } = Cluster::with_targets(&["127.0.0.1:*"]).await;
    let opening = session.open_tcp("127.0.0.1", target.port());
    let (stream, mut connection) = tokio::join!(opening, target.accept());
    let mut stream = stream.unwrap();
    agent.shutdown.cancel();
    within(session.session.draining()).await;
    stream.write_all(b"last words").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(connection.rest().await, Ok(b"last words".to_vec()));
    drop(connection);
    within(stream.read_to_end(&mut Vec::new())).await.unwrap();
    drop(stream);
    assert_eq!(agent.ended().await, Ok(()));
    assert_eq!(*agent.status.borrow(), AgentStatus::Stopped);
}

#[tokio::test]
async fn an_agent_that_is_stopped_cuts_streams_that_do_not_end() {
    let target = Target::new().await;
    let Cluster {
        hub: _hub,
        session,
        mut agent,
    } = Cluster::with_targets(&["127.0.0.1:*"]).await;
    let opening = session.open_tcp("127.0.0.1", target.port());
    let (stream, mut connection) = tokio::join!(opening, target.accept());
    let _stream = stream.unwrap();
    agent.shutdown.cancel();
    assert_eq!(agent.ended().await, Ok(()));
    assert_eq!(
        connection.rest().await,
        Err(std::io::ErrorKind::ConnectionReset)
    );
}

#[tokio::test]
async fn an_agent_without_a_hub_does_not_run() {
    let mut agent = RunningAgent::start(config(&Authority::new(), &[]));
    assert_eq!(agent.ended().await, Err(AgentError::NoHub));
}
