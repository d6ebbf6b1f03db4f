//! What `adit crds` prints, given to a real API server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;
use std::time::Duration;

use tests::cluster::{Cluster, User};
use tests::command;
use tests::fixture::{Fixture, Home};
use tests::kubectl::{Call, Kubectl};
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::network::{CLUSTER, Memory, Network};
use tests::scratch;
use tests::wait::{GENEROUS, once, until};

struct Place {
    needs: &'static Needs,
    network: Network,
    cluster: Cluster,
}

impl Home for Place {
    fn home(&self) -> &Namespace {
        self.network.cluster()
    }
}

static PLACE: Fixture<Place> = Fixture::new(|needs| {
    Box::pin(async move {
        let network = Network::create(1, Memory::Default)?;
        let cluster = Cluster::start(needs, network.cluster(), CLUSTER).await?;
        Ok(Place {
            needs,
            network,
            cluster,
        })
    })
});

/// The least of each kind.
const OBJECTS: &str = include_str!("definitions/objects.yaml");

const WITHOUT_CONDITION: &str = r#"{"kind": "ManifestWork", "apiVersion": "work.open-cluster-management.io/v1", "metadata": {"name": "w"}, "spec": {"workload": {"manifests": []}, "manifestConfigs": [{"resourceIdentifier": {"group": "", "resource": "configmaps", "name": "a", "namespace": "n"}, "conditionRules": [{"type": "CEL", "condition": ""}]}]}}"#;

#[test]
fn a_kubernetes_cluster_takes_them_and_keeps_one_object_of_each() {
    PLACE.test(async |place| {
        let config = place.cluster.kubeconfig();
        let name = User::ADMIN.name;
        let kubectl = Kubectl::new(place.needs, place.home(), config, name).unwrap();
        let run = async |args: &[&str]| kubectl.run(args).await.unwrap().ok();

        let mut crds = Command::new(&place.needs.adit);
        crds.arg("crds");
        let crds = command::run(crds, Vec::new(), Duration::from_secs(60)).await;
        let folder = scratch::fresh_folder("definitions").unwrap();
        let (definitions, objects) = (folder.join("crds.yaml"), folder.join("objects.yaml"));
        std::fs::write(&definitions, crds.unwrap().ok()).unwrap();
        std::fs::write(&objects, OBJECTS).unwrap();

        let applied = run(&[
            "apply",
            "--server-side",
            "-f",
            definitions.to_str().unwrap(),
        ])
        .await;
        let kinds = applied.lines().count();
        assert_eq!(kinds, api::ocm().custom_resource_definitions().len());
        run(&[
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
            "--all",
        ])
        .await;
        // What the server takes without a word it has no objection to.
        let conditions = "{.items[*].status.conditions[?(@.type==\"NonStructuralSchema\")]}";
        let refused = run(&["get", "crd", "-o", &format!("jsonpath={conditions}")]).await;
        assert_eq!(refused, "");

        // A kind is served, and discovered, a moment after it is established.
        let objects = objects.to_str().unwrap();
        let served = async || {
            let tried = ["create", "--dry-run=server", "-f", objects];
            once(kubectl.run(&tried).await.ok()?.code == 0)
        };
        until("the kinds to be served", 2 * GENEROUS, served)
            .await
            .unwrap();
        let created = run(&["create", "-f", objects]).await;
        assert_eq!(created.lines().count(), kinds, "{created}");
        // The one rule in CEL, which the hub's own API server has as a hook.
        let create = Call::new(&["create", "-f", "-"]).stdin(WITHOUT_CONDITION);
        let refused = kubectl.call(&create).await.unwrap();
        let why = "spec.manifestConfigs[0].conditionRules[0]: Invalid value: Condition is required for CEL rules";
        assert!(refused.stderr.contains(why), "{}", refused.stderr);

        let shown = run(&["get", "mcl", "sample"]).await;
        assert!(shown.starts_with("NAME     HUB ACCEPTED"), "{shown}");
    });
}
