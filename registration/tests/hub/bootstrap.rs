use http::Method;
use serde_json::Value;

use super::place::{CLUSTERS, Place, RBAC, agents_request, cluster, send};

#[tokio::test]
async fn what_clusters_need_to_join_is_there_from_the_start() {
    let place = Place::start().await;
    for namespace in ["open-cluster-management", "open-cluster-management-hub"] {
        place
            .until_there(&format!("/api/v1/namespaces/{namespace}"))
            .await;
    }
    let accounts = "/api/v1/namespaces/open-cluster-management/serviceaccounts";
    let account = format!("{accounts}/agent-registration-bootstrap");
    place.until_there(&account).await;
    let binding = "open-cluster-management:bootstrap:agent-registration";
    let binding = place
        .until_there(&format!("{RBAC}/clusterrolebindings/{binding}"))
        .await;
    assert_eq!(
        binding["roleRef"]["name"],
        "open-cluster-management:bootstrap"
    );
    assert_eq!(
        binding["subjects"][0]["name"],
        "agent-registration-bootstrap"
    );
}

#[tokio::test]
async fn who_comes_with_a_bootstrap_token_may_join_and_no_more() {
    let place = Place::start().await;
    let newcomer = place.as_newcomer();
    let created = place.until("the newcomer may join", async || {
        send(&newcomer, Method::POST, CLUSTERS, &cluster("c1"))
            .await
            .ok()
    });
    created.await;
    place.ask(&newcomer, "c1", &agents_request("c1")).await;
    let path = format!("{CLUSTERS}/c1");
    send(&newcomer, Method::GET, &path, &Value::Null)
        .await
        .unwrap();
    let accept = serde_json::json!({"spec": {"hubAcceptsClient": true}});
    assert_eq!(
        send(&newcomer, Method::PATCH, &path, &accept).await,
        Err(403)
    );
    assert_eq!(
        send(&newcomer, Method::DELETE, &path, &Value::Null).await,
        Err(403)
    );
    let secrets = "/api/v1/namespaces/open-cluster-management/secrets";
    assert_eq!(
        send(&newcomer, Method::GET, secrets, &Value::Null).await,
        Err(403)
    );
}
