//! What the hub's own API shows of clusters.

use tests::hub::CLUSTER_NAME;

use crate::SITE;

#[test]
fn kubectl_on_the_hub_lists_watches_and_explains_its_clusters() {
    SITE.test(async |site| {
        let hub = site.tunnels[0].hub.kubectl(site.needs).unwrap();
        let healthy = [
            "wait",
            "--for=jsonpath={.status.healthy}=true",
            "clustergateway",
            CLUSTER_NAME,
            "--timeout=60s",
        ];
        hub.run(&healthy).await.unwrap().ok();
        let table = hub.run(&["get", "clustergateways"]).await.unwrap().ok();
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let mut lines = table.lines().map(words);
        let head = [
            "NAME",
            "PROVIDER",
            "CREDENTIAL-TYPE",
            "ENDPOINT-TYPE",
            "HEALTHY",
        ];
        assert_eq!(lines.next().unwrap(), head);
        assert!(
            lines.any(|line| line == [CLUSTER_NAME, "ClusterProxy", "true"]),
            "{table}"
        );
        let all = hub.run(&["get", "clustergateways", "-o", "yaml"]).await;
        let all = all.unwrap().ok();
        assert!(!all.contains("credential"), "there is none to show: {all}");
        let accepted = [
            "wait",
            "--for=jsonpath={.spec.hubAcceptsClient}=true",
            "managedcluster",
            CLUSTER_NAME,
            "--timeout=60s",
        ];
        hub.run(&accepted).await.unwrap().ok();
        let clusters = hub.run(&["get", "managedclusters"]).await.unwrap().ok();
        let accepted = |line: &str| line.starts_with(CLUSTER_NAME) && line.contains("true");
        assert!(clusters.lines().any(accepted), "{clusters}");
        let resources = ["get", "--raw", "/apis/cluster.core.oam.dev/v1alpha1"];
        let resources = hub.run(&resources).await.unwrap().ok();
        assert!(resources.contains("clustergateways/proxy"), "{resources}");
    });
}
