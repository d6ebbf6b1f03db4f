//! What kubectl sees of managed clusters by way of the kube-apiserver.

use serde_json::Value;
use tests::cluster::User;
use tests::hub::CLUSTER_NAME;
use tests::kubectl::{Call, Kubectl};
use tests::wait::{GENEROUS, once, until};

use crate::SITE;
use crate::site::{APISERVICE, GATEWAYS};

async fn ran(kubectl: &Kubectl, args: &[&str]) -> String {
    let output = kubectl.run(args).await.unwrap();
    assert_eq!(output.code, 0, "{args:?}: {}", output.stderr);
    output.stdout
}

#[test]
fn the_kube_apiserver_serves_clustergateways_as_its_own() {
    SITE.test(async |site| {
        let admin = site.beside_hub(User::ADMIN).unwrap();
        let shown = ran(&admin, &["get", "clustergateways"]).await;
        let mut lines = shown.lines();
        let head = lines.next().unwrap();
        assert!(
            head.contains("ENDPOINT-TYPE") && head.contains("HEALTHY"),
            "{shown}"
        );
        let row = lines.next().unwrap();
        assert!(
            row.starts_with(CLUSTER_NAME) && row.contains("ClusterProxy"),
            "{shown}"
        );
        let one = ran(
            &admin,
            &["get", "clustergateway", CLUSTER_NAME, "-o", "json"],
        )
        .await;
        let one: Value = serde_json::from_str(&one).unwrap();
        assert_eq!(one["status"]["healthy"], true, "{one}");
        let resources = ran(
            &admin,
            &["api-resources", "--api-group=cluster.core.oam.dev"],
        )
        .await;
        assert!(resources.contains("clustergateways"), "{resources}");
        let raw = ran(
            &admin,
            &["get", "--raw", "/apis/cluster.core.oam.dev/v1alpha1"],
        )
        .await;
        let raw: Value = serde_json::from_str(&raw).unwrap();
        let names: Vec<&str> = raw["resources"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|of| of["name"].as_str())
            .collect();
        assert!(names.contains(&"clustergateways/proxy"), "{names:?}");
        let bob = site.beside_hub(User::BOB).unwrap();
        let refused = bob.run(&["get", "clustergateways"]).await.unwrap();
        assert!(
            refused.stderr.contains("cannot list resource"),
            "{}",
            refused.stderr
        );
    });
}

#[test]
fn a_watch_of_clustergateways_tells_of_a_new_cluster() {
    SITE.test(async |site| {
        let admin = site.beside_hub(User::ADMIN).unwrap();
        let call = Call::new(&["get", "clustergateways", "-w", "-o", "name"]);
        let watch = admin.start(&call).unwrap();
        let told = |name: &'static str| {
            let watch = &watch;
            async move || once(watch.output().contains(&format!("/{name}")))
        };
        watch
            .until("what is there", GENEROUS, told(CLUSTER_NAME))
            .await
            .unwrap();
        let cluster = r#"{"apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster", "metadata": {"name": "later"}, "spec": {}}"#;
        let made = admin
            .call(&Call::new(&["create", "-f", "-"]).stdin(cluster))
            .await
            .unwrap();
        assert_eq!(made.code, 0, "{}", made.stderr);
        watch
            .until("the new one", GENEROUS, told("later"))
            .await
            .unwrap();
        ran(&admin, &["delete", "managedcluster", "later"]).await;
        let gone = async || {
            let shown = admin.run(&["get", "clustergateway", "later"]).await.ok()?;
            once(shown.stderr.contains("NotFound"))
        };
        until("its end", GENEROUS, gone).await.unwrap();
    });
}

#[test]
fn kubectl_does_through_the_kube_apiserver_what_it_does_beside_the_cluster() {
    SITE.test(async |site| {
        let alice = site.through(User::ALICE).unwrap();
        let made = alice
            .run(&[
                "create",
                "configmap",
                "by-aggregation",
                "--from-literal=a=b",
            ])
            .await
            .unwrap();
        assert_eq!(made.code, 0, "{}", made.stderr);
        let read = ran(
            &alice,
            &[
                "get",
                "configmap",
                "by-aggregation",
                "-o",
                "jsonpath={.data.a}",
            ],
        )
        .await;
        assert_eq!(read, "b");
        let watch = alice
            .start(&Call::new(&[
                "get",
                "configmap",
                "by-aggregation",
                "-w",
                "-o",
                "jsonpath={.data.a} ",
            ]))
            .unwrap();
        let says = |what: &'static str| {
            let watch = &watch;
            async move || once(watch.output().contains(what))
        };
        watch
            .until("the first value", GENEROUS, says("b "))
            .await
            .unwrap();
        let patch = r#"{"data": {"a": "changed"}}"#;
        ran(
            &alice,
            &[
                "patch",
                "configmap",
                "by-aggregation",
                "--type=merge",
                "-p",
                patch,
            ],
        )
        .await;
        watch
            .until("the change", GENEROUS, says("changed "))
            .await
            .unwrap();
        let dry = ["delete", "configmap", "by-aggregation", "--dry-run=server"];
        ran(&alice, &dry).await;
        ran(&alice, &["delete", "configmap", "by-aggregation"]).await;
    });
}

#[test]
fn a_container_is_entered_through_the_kube_apiserver() {
    SITE.test(async |site| {
        let alice = site.through(User::ALICE).unwrap();
        let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "entered"},
            "spec": {"nodeName": "kwok", "containers": [{"name": "c", "image": "none"}]}}"#;
        let made = alice
            .call(&Call::new(&["create", "-f", "-"]).stdin(pod))
            .await
            .unwrap();
        assert_eq!(made.code, 0, "{}", made.stderr);
        ran(
            &alice,
            &[
                "wait",
                "--for=condition=Ready",
                "pod/entered",
                "--timeout=60s",
            ],
        )
        .await;
        for websockets in ["true", "false"] {
            let call = Call::new(&["exec", "-i", "entered", "--", "cat"])
                .stdin("through two API servers")
                .env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets);
            let said = alice.call(&call).await.unwrap();
            assert_eq!(said.code, 0, "{}", said.stderr);
            assert_eq!(
                said.stdout, "through two API servers",
                "websockets: {websockets}"
            );
        }
        ran(&alice, &["logs", "entered"]).await;
        ran(&alice, &["delete", "pod", "entered", "--wait=false"]).await;
    });
}

#[test]
fn what_is_not_allowed_is_named() {
    SITE.test(async |site| {
        let bob = site.through(User::BOB).unwrap();
        let args = ["get", "--raw", "/api/v1/namespaces"];
        let refused = bob.run(&args).await.unwrap();
        assert_ne!(refused.code, 0);
        let message = &refused.stderr;
        assert!(message.contains("clustergateways/proxy"), "{message}");
        assert!(message.contains("cluster.core.oam.dev"), "{message}");
        // In the cluster itself alice may edit and no more.
        let alice = site.through(User::ALICE).unwrap();
        let refused = alice.run(&["get", "clusterroles"]).await.unwrap();
        assert!(
            refused
                .stderr
                .contains("cannot list resource \"clusterroles\""),
            "{}",
            refused.stderr
        );
    });
}

#[test]
fn the_apiservice_is_made_good_and_follows_the_authority() {
    SITE.test(async |site| {
        let admin = site.beside_hub(User::ADMIN).unwrap();
        let bundle = async || {
            let args = [
                "get",
                "apiservice",
                APISERVICE,
                "-o",
                "jsonpath={.spec.caBundle}",
            ];
            ran(&admin, &args).await
        };
        let before = bundle().await;
        let patch = r#"{"spec": {"caBundle": ""}}"#;
        ran(
            &admin,
            &[
                "patch",
                "apiservice",
                APISERVICE,
                "--type=merge",
                "-p",
                patch,
            ],
        )
        .await;
        let mended = async || once(bundle().await == before);
        until("the bundle to be mended", GENEROUS, mended)
            .await
            .unwrap();
        let rotated = site.hub.adit(&["ca", "rotate"]).await.unwrap();
        assert_eq!(rotated.code, 0, "{}", rotated.stderr);
        let other = async || {
            let now = bundle().await;
            once(now != before && !now.is_empty())
        };
        until("the new authority's certificate", GENEROUS, other)
            .await
            .unwrap();
        let alice = site.through(User::ALICE).unwrap();
        let served = async || once(alice.run(&["get", "configmaps"]).await.ok()?.code == 0);
        until("the hub to be trusted", GENEROUS, served)
            .await
            .unwrap();
    });
}

#[test]
fn the_hub_lacks_no_right_of_its_manifest() {
    SITE.test(async |site| {
        let admin = site.beside_hub(User::ADMIN).unwrap();
        let accepted = async || {
            let args = ["get", "managedcluster", CLUSTER_NAME, "-o", "json"];
            let json = admin.run(&args).await.ok()?.stdout;
            once(json.contains("HubClusterAdminAccepted"))
        };
        until("the controllers to have worked", GENEROUS, accepted)
            .await
            .unwrap();
        let output = site.hub.process().output();
        assert!(!output.contains("orbidden"), "{output}");
        let lease = ran(
            &admin,
            &["-n", "adit", "get", "lease", "adit-hub", "-o", "json"],
        )
        .await;
        let lease: Value = serde_json::from_str(&lease).unwrap();
        assert!(lease["spec"]["holderIdentity"].is_string(), "{lease}");
        let raw = ran(&admin, &["get", "--raw", GATEWAYS]).await;
        assert!(raw.contains("ClusterGatewayList"), "{raw}");
    });
}
