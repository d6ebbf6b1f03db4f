//! Roles made on the hub with kubectl decide who reaches which cluster.

use tests::hub::{CLUSTER_NAME, Hub};
use tests::kubectl::Kubectl;
use tests::wait::{GENEROUS, once, until};

use crate::SITE;

const RESOURCE: &str = "--resource=clustergateways.cluster.core.oam.dev/proxy";

/// kubectl for the clusters, as a user of a group.
async fn of_group(needs: &tests::needs::Needs, hub: &Hub, group: &str) -> Kubectl {
    let args = ["--user", "carol", "--group", group];
    let kubeconfig = hub.kubeconfig(CLUSTER_NAME, &args).await.unwrap();
    let kubectl = Kubectl::new(needs, hub.network(), kubeconfig, CLUSTER_NAME).unwrap();
    // A running hub takes notice of a token within a second or two.
    let known = async || {
        let answer = kubectl.run(&["get", "--raw", "/version"]).await.ok()?;
        once(answer.stderr.contains("Forbidden") || answer.stderr.contains("forbidden"))
    };
    until("the token to be known", GENEROUS, known)
        .await
        .unwrap();
    kubectl
}

#[test]
fn a_role_made_with_kubectl_lets_a_group_into_one_cluster() {
    SITE.test(async |site| {
        let hub = &site.tunnels[0].hub;
        let admin = hub.kubectl(site.needs).unwrap();
        let carol = of_group(site.needs, hub, "rope-team").await;
        // All that are known may ask it of the cluster.
        let who = ["auth", "whoami"];
        assert_ne!(carol.run(&who).await.unwrap().code, 0);
        let refused = carol.run(&["get", "pods"]).await.unwrap();
        let missing = "User \"carol\" cannot get resource \"clustergateways/proxy\"";
        assert!(refused.stderr.contains(missing), "{}", refused.stderr);

        for (name, cluster) in [("rope-elsewhere", "elsewhere"), ("rope", CLUSTER_NAME)] {
            let named = format!("--resource-name={cluster}");
            let role = ["create", "clusterrole", name, "--verb=*", RESOURCE, &named];
            admin.run(&role).await.unwrap().ok();
        }
        let bind = |role: &'static str| {
            let role = format!("--clusterrole={role}");
            let admin = admin.clone();
            async move {
                let args = [
                    "create",
                    "clusterrolebinding",
                    "rope",
                    &role,
                    "--group=rope-team",
                ];
                admin.run(&args).await.unwrap().ok()
            }
        };
        let unbind = ["delete", "clusterrolebinding", "rope"];
        bind("rope-elsewhere").await;
        assert_ne!(carol.run(&who).await.unwrap().code, 0, "another cluster's");
        admin.run(&unbind).await.unwrap().ok();

        bind("rope").await;
        until("the role lets carol in", GENEROUS, async || {
            once(carol.run(&who).await.ok()?.code == 0)
        })
        .await
        .unwrap();
        let may = [
            "auth",
            "can-i",
            "get",
            "clustergateways.cluster.core.oam.dev/edge",
            "--subresource=proxy",
            "--as=carol",
            "--as-group=rope-team",
        ];
        assert_eq!(admin.run(&may).await.unwrap().ok().trim(), "yes");
        admin.run(&unbind).await.unwrap().ok();
        until("carol is shut out", GENEROUS, async || {
            once(carol.run(&who).await.ok()?.code != 0)
        })
        .await
        .unwrap();
    });
}
