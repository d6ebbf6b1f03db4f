//! `kill -9`.

use std::time::Duration;

use tests::https::Client;
use tests::site::Tunnel;
use tests::wait::{GENEROUS, once, until};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{
    Caught, RUIN, administrator, held, no_stream_is_left, no_task_is_left, nothing_is_left, rounds,
    service_returns,
};

#[test]
fn a_killed_agent_leaves_nothing_behind_and_the_next_one_serves() {
    RUIN.test(async |ruin| {
        let mut tunnel = ruin.tunnel(0).await;
        let client = administrator(&tunnel).await;
        service_returns(&client).await;
        let before = held(tunnel.hub.process());
        let tasks = tunnel.tasks(&client).await.unwrap();
        let (mut told, mut back) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..rounds() {
            let caught = Caught::start(&client).await;
            tunnel.agent.process().kill();
            told = told.max(caught.learns().await);
            let refused = client.get(&tests::site::path("/readyz")).await.unwrap();
            assert_eq!(refused.status, 503, "{}", refused.text());
            assert!(refused.header("retry-after").is_some(), "{refused:?}");
            assert!(refused.status_message().contains("edge"), "{}", refused.text());
            tunnel.agent.restart().unwrap();
            back = back.max(service_returns(&client).await);
        }
        eprintln!("failure: with the agent killed clients know after {told:?}, service is back after {back:?}");
        no_stream_is_left(&tunnel, &client).await;
        no_task_is_left(&tunnel, &client, tasks).await;
        nothing_is_left("hub", tunnel.hub.process(), before, rounds()).await;
    });
}

#[test]
fn a_killed_hub_comes_back_with_its_agents_and_its_users() {
    RUIN.test(async |ruin| {
        let mut tunnel = ruin.tunnel(1).await;
        let client = administrator(&tunnel).await;
        service_returns(&client).await;
        let before = held(tunnel.agent.process());
        let (mut told, mut back) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..rounds() {
            settled(&tunnel, &client).await;
            let caught = Caught::start(&client).await;
            // Acknowledged before the crash, so it holds after.
            let alice = tunnel.client(tests::cluster::User::ALICE).await.unwrap();
            tunnel.hub.process().kill();
            told = told.max(caught.learns().await);
            tunnel.hub.restart().await.unwrap();
            back = back.max(service_returns(&client).await);
            let answer = alice.get(&tests::site::path("/version")).await.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        eprintln!("failure: with the hub killed clients know after {told:?}, service is back after {back:?}");
        no_stream_is_left(&tunnel, &client).await;
        nothing_is_left("agent", tunnel.agent.process(), before, rounds()).await;
    });
}

/// Waits until the session is some seconds old. One that ends sooner is no
/// success to its agent, which then waits longer each time.
async fn settled(tunnel: &Tunnel, client: &Client) {
    let old = async || {
        let sessions = tunnel.sessions(client, "edge").await.ok()?;
        let since = sessions.first()?["connectedSince"].as_str()?;
        let since = OffsetDateTime::parse(since, &Rfc3339).ok()?;
        once(OffsetDateTime::now_utc() - since > Duration::from_secs(2))
    };
    until("a session that holds", GENEROUS, old).await.unwrap();
}
