//! Agents that are given other credentials while they run.

use proxy_agent::AgentStatus;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{Authority, Cluster, Hub, Target, access, within};

#[tokio::test]
async fn a_new_session_has_the_new_credentials_and_the_old_ones_streams_go_on() {
    let target = Target::new().await;
    let Cluster {
        hub: _hub,
        session: old,
        agent,
    } = Cluster::with_targets(&["127.0.0.1:*"]).await;
    let opening = old.open_tcp("127.0.0.1", target.port());
    let (stream, mut connection) = tokio::join!(opening, target.accept());
    let mut stream = stream.unwrap();
    // Nobody else trusts, or is trusted by, the other authority.
    let other = Authority::new();
    let elsewhere = Hub::new(&other).await;
    agent.renewal.renew(access(&other, &elsewhere));
    let new = elsewhere.accept().await;
    within(old.session.draining()).await;
    stream.write_all(b"still here").await.unwrap();
    assert_eq!(connection.read_exact(10).await, b"still here");
    let opening = new.open_tcp("127.0.0.1", target.port());
    let (next, _connection) = tokio::join!(opening, target.accept());
    next.unwrap();
    drop(connection);
    stream.shutdown().await.unwrap();
    within(stream.read_to_end(&mut Vec::new())).await.unwrap();
    drop(stream);
    within(old.session.closed()).await;
    assert!(new.session.takes_streams());
}

#[tokio::test]
async fn credentials_that_let_nobody_in_leave_the_agent_where_it_was() {
    let Cluster {
        hub,
        session: _old,
        mut agent,
    } = Cluster::with_targets(&[]).await;
    let stranger = Authority::new();
    agent.renewal.renew(access(&stranger, &hub));
    assert!(hub.accept_tls().await.is_err());
    let again = hub.accept().await;
    agent
        .until(|s| matches!(s, AgentStatus::Connected { .. }))
        .await;
    assert!(again.session.takes_streams());
}

#[tokio::test]
async fn an_agent_that_was_not_let_in_comes_again_at_once_with_others() {
    let stranger = Authority::new();
    let authority = Authority::new();
    let hub = Hub::new(&authority).await;
    let config = crate::harness::config(&stranger, &[&hub]);
    let mut agent = crate::harness::RunningAgent::start(config);
    assert!(hub.accept_tls().await.is_err());
    agent
        .until(|s| matches!(s, AgentStatus::Waiting { .. }))
        .await;
    agent.renewal.renew(access(&authority, &hub));
    while hub.accept_tls().await.is_err() {}
}
