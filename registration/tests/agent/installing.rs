//! What the agent needs in the managed cluster, and that it needs no more.

use std::sync::Arc;

use api::types::work::AppliedManifestWork;
use apiserver::User;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use registration::agent::install::{self, InstallError, Mode};
use registration::agent::{AgentConfig, CredentialSecret};

use super::people::Admin;
use super::setup::{Setup, until};

/// With the role that is installed, and its credential in the Secret that OCM
/// has it in.
#[tokio::test]
async fn an_agent_that_is_a_pod_needs_only_what_is_installed() {
    let setup = Setup::start().await;
    install::install(&setup.managed.admin(), Mode::Default)
        .await
        .unwrap();
    install::install(&setup.managed.admin(), Mode::Default)
        .await
        .unwrap();
    let user = User::service_account(install::NAMESPACE, install::SERVICE_ACCOUNT);
    let own = setup.managed.service.client(user);
    let claim = serde_json::json!({"metadata": {"name": "a"}, "spec": {"value": "b"}});
    let group = "cluster.open-cluster-management.io";
    let admin = Admin(setup.managed.admin());
    admin
        .apply(group, "v1alpha1", "ClusterClaim", None, claim)
        .await;
    let node = serde_json::json!({
        "metadata": {"name": "n"},
        "status": {"capacity": {"cpu": "2"}, "allocatable": {"cpu": "2"}},
    });
    admin.apply("", "v1", "Node", None, node).await;
    let config = AgentConfig {
        store: Arc::new(CredentialSecret::new(own.clone(), install::NAMESPACE)),
        managed: own,
        ..setup.config()
    };
    let _agent = setup.joined(config).await;
    until(async || {
        let status = setup.admin.clusters().get("c1").await.unwrap().status;
        let status = status.unwrap_or_default();
        status.cluster_claims.len() == 1
            && status.capacity.contains_key("cpu")
            && !status.version.kubernetes.is_empty()
    })
    .await;
    let secrets: Api<Secret> = Api::namespaced(setup.managed.admin(), install::NAMESPACE);
    let secret = secrets.get("hub-kubeconfig-secret").await.unwrap();
    let keys: Vec<String> = secret.data.unwrap().into_keys().collect();
    let expected = [
        "agent-name",
        "cluster-name",
        "kubeconfig",
        "tls.crt",
        "tls.key",
    ];
    assert_eq!(keys, expected);
}

/// Rule 1.11, unjoin: not while works' objects are there; and only what is ours.
#[tokio::test]
async fn what_was_installed_is_removed_once_no_works_are_left() {
    let setup = Setup::start().await;
    let managed = setup.managed.admin();
    install::install(&managed, Mode::Default).await.unwrap();
    let works: Api<AppliedManifestWork> = Api::all(managed.clone());
    let work = AppliedManifestWork::new("w", Default::default());
    works.create(&PostParams::default(), &work).await.unwrap();
    let refused = install::uninstall(&managed).await.unwrap_err();
    assert!(
        matches!(refused, InstallError::AppliedWorks(1)),
        "{refused}"
    );
    works.delete("w", &DeleteParams::default()).await.unwrap();
    install::uninstall(&managed).await.unwrap();
    let namespaces: Api<Namespace> = Api::all(managed.clone());
    until(async || {
        namespaces
            .get_opt(install::NAMESPACE)
            .await
            .unwrap()
            .is_none()
    })
    .await;
    let roles: Api<ClusterRole> = Api::all(managed.clone());
    let ours = ListParams::default().labels("app.kubernetes.io/managed-by=adit");
    assert!(roles.list(&ours).await.unwrap().items.is_empty());
    install::uninstall(&managed).await.unwrap();
}

/// Hosted: nothing of the agent is in the managed cluster.
#[tokio::test]
async fn a_hosted_agent_leaves_no_trace_but_its_kinds() {
    let setup = Setup::start().await;
    let managed = setup.managed.admin();
    install::install(&managed, Mode::Hosted).await.unwrap();
    let namespaces: Api<Namespace> = Api::all(managed);
    let found = namespaces.get_opt(install::NAMESPACE).await.unwrap();
    assert!(found.is_none());
}
