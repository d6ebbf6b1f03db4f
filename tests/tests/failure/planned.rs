//! What is meant to happen: a hub is stopped, an agent has a second beside it.

use tests::cluster::User;
use tests::hub::{Agent, interrupt};
use tests::site::path;
use tests::wait::{GENEROUS, once, until};
use tokio::time::{Instant, timeout};

use crate::{RUIN, administrator, service_returns};

#[test]
fn a_hub_that_is_told_to_stop_lets_requests_end() {
    RUIN.test(async |ruin| {
        let mut tunnel = ruin.tunnel(0).await;
        let client = administrator(&tunnel).await;
        service_returns(&client).await;
        // The API server holds it for 3 s: the version it asks for is far away.
        let target = path("/api/v1/namespaces/default/configmaps?resourceVersion=999999999");
        let begun = async || once(tunnel.streams(&client).await.ok()? > 0);
        let (held, ended) = tokio::join!(client.get(&target), async {
            until("the held request", GENEROUS, begun).await.unwrap();
            interrupt(tunnel.hub.process()).await
        });
        let held = held.unwrap();
        assert_eq!(held.status, 504, "{}", held.text());
        assert!(
            held.text().contains("Too large resource version"),
            "{}",
            held.text()
        );
        let status = ended.unwrap();
        assert!(
            status.success(),
            "{status}: {}",
            tunnel.hub.process().output()
        );
        tunnel.hub.restart().await.unwrap();
        service_returns(&client).await;
    });
}

#[test]
fn a_second_agent_takes_over_from_a_killed_one() {
    RUIN.test(async |ruin| {
        let mut tunnel = ruin.tunnel(0).await;
        let client = tunnel.client(User::ADMIN).await.unwrap();
        service_returns(&client).await;
        let credentials = tunnel.hub.credentials("edge", "second").await.unwrap();
        let (network, kubeconfig) = (ruin.site.network.cluster(), ruin.site.cluster.kubeconfig());
        let _second =
            Agent::start(ruin.site.needs, network, &credentials, &kubeconfig, &[]).unwrap();
        let both = async || once(tunnel.sessions(&client, "edge").await.ok()?.len() == 2);
        until("two sessions", GENEROUS, both).await.unwrap();

        tunnel.agent.process().kill();
        let one = async || once(tunnel.sessions(&client, "edge").await.ok()?.len() == 1);
        until("the end of the killed one's session", GENEROUS, one)
            .await
            .unwrap();
        let begun = Instant::now();
        for _ in 0..10 {
            let answer = timeout(GENEROUS, client.get(&path("/version")))
                .await
                .expect("a request hangs");
            assert_eq!(answer.unwrap().status, 200);
        }
        eprintln!(
            "failure: ten answers of the second agent in {:?}",
            begun.elapsed()
        );
        tunnel.agent.restart().unwrap();
        service_returns(&client).await;
    });
}
