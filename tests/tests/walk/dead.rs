//! A cluster whose agent is dead.

use crate::PLACE;
use crate::hub::Hub;
use crate::place::without;

/// The only ones left who know of it are the hub, and whoever reads there.
#[test]
fn a_dead_spoke_is_detached_by_force_and_it_is_known_who_did_so() {
    PLACE.test(async |place| {
        let _turn = place.turn().await;
        let before = place.inventory().await.unwrap();
        let hub = Hub::start(place).await.unwrap();
        let machine = place.beside().await.unwrap();
        let join = hub.join_command("edge-7").await.unwrap();
        let join = format!("{join} --kubeconfig ~/.kube/config");
        let agent = machine.start("join", &join).unwrap();
        hub.run("adit accept edge-7 --wait 1m").await.unwrap();
        hub.until_available("edge-7").await.unwrap();
        hub.run("kubectl apply -f docs/examples/work.yaml")
            .await
            .unwrap();
        let wait =
            "kubectl wait --for=condition=Applied manifestwork/hello -n edge-7 --timeout=60s";
        hub.run(wait).await.unwrap();
        agent.kill();

        let said = hub.run("adit detach edge-7 --force").await.unwrap();
        assert!(said.contains("manifestworks/hello"), "{said}");
        assert!(said.contains("edge-7 is detached"), "{said}");
        let events = "kubectl get events -n edge-7 -o json";
        let events = hub
            .until(events, "ManagedClusterForceDetached")
            .await
            .unwrap();
        assert!(events.contains("adit:admin"), "{events}");

        // What is left in the cluster is not forgotten there.
        let unjoin = machine
            .run("adit unjoin --kubeconfig ~/.kube/config")
            .await
            .unwrap();
        assert_ne!(unjoin.code, 0, "{unjoin:?}");
        assert!(
            unjoin.stderr.contains("1 AppliedManifestWork"),
            "{unjoin:?}"
        );
        let unjoin = "adit unjoin --kubeconfig ~/.kube/config --force";
        machine.run(unjoin).await.unwrap().ok();
        let after = place.inventory().await.unwrap();
        assert_eq!(without(&after, &before), [""; 0]);
        assert_eq!(without(&before, &after), [""; 0]);
    });
}
