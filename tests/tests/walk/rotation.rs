//! Clusters that have joined, when the hub's authority is replaced.

use tests::wait::{self, GENEROUS, once};

use crate::PLACE;
use crate::hub::Hub;

const NAME: &str = "edge-7";

#[test]
fn clusters_that_have_joined_go_over_to_another_authority_by_themselves() {
    PLACE.test(async |place| {
        let _turn = place.turn().await;
        let hub = Hub::start(place).await.unwrap();
        let machine = place.beside().await.unwrap();
        let join = hub.join_command(NAME).await.unwrap();
        let first = format!("{join} --kubeconfig ~/.kube/config");
        let agent = machine.start("join", &first).unwrap();
        hub.run("adit accept edge-7 --wait 1m").await.unwrap();
        hub.until_available(NAME).await.unwrap();

        hub.run("adit ca rotate").await.unwrap();
        let old = "only of the old authority: edge-7:";
        let shown = hub.run("adit ca show").await.unwrap();
        if shown.contains(old) {
            // It is one of the few seconds that it takes.
            let refused = hub.machine.run("adit ca retire").await.unwrap();
            assert!(
                refused.code == 0 || refused.stderr.contains(NAME),
                "{refused:?}"
            );
        }
        let over = async || {
            let shown = hub.run("adit ca show").await.ok()?;
            once(!shown.contains(old))
        };
        let waited = wait::until("a new certificate", GENEROUS, over).await;
        waited.unwrap_or_else(|error| panic!("{error}: {}", agent.output()));
        hub.machine.run("adit ca retire").await.unwrap();
        let shown = hub.run("adit ca show").await.unwrap();
        assert!(shown.contains("everything"), "{shown}");

        // It goes on, also when it starts anew with nothing but what it has kept.
        let lease = "kubectl get managedcluster edge-7 -o jsonpath={.status.conditions[*].status}";
        hub.until(lease, "True").await.unwrap();
        let one = r#""agent":"#;
        hub.until("adit clusters --output json", one).await.unwrap();
        drop(agent);
        let none = async || {
            let listed = hub.run("adit clusters --output json").await.ok()?;
            once(!listed.contains(one))
        };
        wait::until("its session's end", GENEROUS, none)
            .await
            .unwrap();
        let again = "adit join --kubeconfig ~/.kube/config";
        let agent = machine.start("join", again).unwrap();
        let back = hub.until("adit clusters --output json", one).await;
        back.unwrap_or_else(|error| panic!("{error}: {}", agent.output()));
        hub.run("adit detach edge-7").await.unwrap();
        drop(agent);
        let unjoin = machine.run("adit unjoin --kubeconfig ~/.kube/config").await;
        unjoin.unwrap().ok();
    });
}
