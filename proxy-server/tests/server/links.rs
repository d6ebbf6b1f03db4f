//! How the links of one agent make one session.

use std::time::Duration;

use proto::{SessionKey, Target};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::time::timeout;
use tunnel::Link;

use crate::hub::{Agent, DEADLINE, Hub, LONG};

fn key(seed: u64) -> SessionKey {
    SessionKey::random(&mut SmallRng::seed_from_u64(seed))
}

/// Dials, and tells which of the agent's links the stream came on.
async fn dial_lands_on(hub: &Hub, links: &mut [&mut Agent]) -> usize {
    let cluster = hub.cluster("edge-7");
    let dial = hub.server.dial(&cluster, Target::KubeApiserver, DEADLINE);
    let taken = async {
        let takes = links.iter_mut().map(|link| Box::pin(link.incoming.next()));
        let (stream, index, _) = futures_util::future::select_all(takes).await;
        (stream.unwrap().accept().unwrap(), index)
    };
    let (near, (far, index)) = tokio::join!(dial, taken);
    // Kept for good: the next dial finds the link taken.
    std::mem::forget((near.unwrap(), far));
    index
}

async fn gone(link: &Link) -> bool {
    timeout(Duration::from_secs(60), link.closed())
        .await
        .is_ok()
}

#[tokio::test(start_paused = true)]
async fn links_with_one_key_are_one_session_and_share_its_streams() {
    let mut hub = Hub::new(["edge-7"]);
    let mut first = hub.link("edge-7", "a", Some(key(1))).await;
    let mut second = hub.link("edge-7", "a", Some(key(1))).await;
    hub.until_links(2).await;
    assert_eq!(hub.server.sessions().len(), 1);
    let mut landed = Vec::new();
    for _ in 0..4 {
        landed.push(dial_lands_on(&hub, &mut [&mut first, &mut second]).await);
    }
    landed.sort_unstable();
    assert_eq!(landed, [0, 0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_full_hub_takes_further_links_of_its_sessions_and_others_in_their_place() {
    let mut hub = Hub::with_limit(["edge-7"], 1);
    let first = hub.link("edge-7", "a", Some(key(1))).await;
    let _second = hub.link("edge-7", "a", Some(key(1))).await;
    hub.until_links(2).await;
    // With another certificate an agent begins another session.
    let _renewed = hub.link("edge-7", "a", Some(key(2))).await;
    assert!(gone(&first.session).await);
    assert_eq!(hub.server.sessions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_ends_takes_only_its_own_streams_along() {
    let mut hub = Hub::new(["edge-7"]);
    let mut first = hub.link("edge-7", "a", Some(key(1))).await;
    let second = hub.link("edge-7", "a", Some(key(1))).await;
    hub.until_links(2).await;
    drop(second);
    hub.until_links(1).await;
    assert!(first.session.takes_streams());
    assert_eq!(dial_lands_on(&hub, &mut [&mut first]).await, 0);
    drop(first);
    hub.until(|sessions| sessions == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_drains_gets_no_new_streams() {
    let mut hub = Hub::new(["edge-7"]);
    let mut first = hub.link("edge-7", "a", Some(key(1))).await;
    let mut second = hub.link("edge-7", "a", Some(key(1))).await;
    hub.until_links(2).await;
    assert_eq!(dial_lands_on(&hub, &mut [&mut first, &mut second]).await, 0);
    first.session.drain(LONG);
    tokio::time::sleep(Duration::from_millis(10)).await;
    for _ in 0..3 {
        assert_eq!(dial_lands_on(&hub, &mut [&mut first, &mut second]).await, 1);
    }
    assert_eq!(hub.server.sessions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_key_is_another_session_which_takes_the_place_of_the_older() {
    let mut hub = Hub::new(["edge-7"]);
    let first = hub.link("edge-7", "a", Some(key(1))).await;
    let sibling = hub.link("edge-7", "a", Some(key(1))).await;
    hub.until_links(2).await;
    let second = hub.link("edge-7", "a", Some(key(2))).await;
    assert!(gone(&first.session).await && gone(&sibling.session).await);
    hub.until(|sessions| sessions == 1).await;
    assert!(second.session.takes_streams());
}

#[tokio::test(start_paused = true)]
async fn another_agent_with_the_same_key_is_another_session() {
    let mut hub = Hub::new(["edge-7"]);
    let first = hub.link("edge-7", "a", Some(key(1))).await;
    let second = hub.link("edge-7", "b", Some(key(1))).await;
    hub.until(|sessions| sessions == 2).await;
    assert!(first.session.takes_streams() && second.session.takes_streams());
}

#[tokio::test(start_paused = true)]
async fn a_session_has_twenty_links_and_no_more() {
    let mut hub = Hub::new(["edge-7"]);
    let mut links = Vec::new();
    for _ in 0..20 {
        links.push(hub.link("edge-7", "a", Some(key(1))).await);
    }
    hub.until_links(20).await;
    let surplus = hub.link("edge-7", "a", Some(key(1))).await;
    assert!(gone(&surplus.session).await);
    assert!(links.iter().all(|link| link.session.takes_streams()));
}

#[tokio::test(start_paused = true)]
async fn agents_are_told_where_the_replicas_are_and_how_fast_to_come_back() {
    let mut hub = Hub::new(["edge-7"]);
    let agent = hub.link("edge-7", "a", None).await;
    let mut told = agent.session.reconnect();
    assert!(told.borrow().is_some(), "the hello tells the pace");
    let replicas = vec!["hub-1:8443".to_owned(), "hub-2:8443".to_owned()];
    hub.server.set_hubs(replicas.clone());
    let heard = told.wait_for(|told| told.as_ref().is_some_and(|told| told.hubs == replicas));
    timeout(LONG, heard).await.unwrap().unwrap();
}
