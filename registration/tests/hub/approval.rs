use std::time::Duration;

use http::Method;
use registration::hub::Options;
use serde_json::{Value, json};

use super::place::{
    ACCEPTED, CLUSTERS, NEWCOMER, Place, RBAC, REQUESTS, agent, agents_request,
    certificate_request, condition, says, send,
};

const REASON: &str = "AutoApprovedByHubCSRApprovingController";
const MESSAGE: &str = "Auto approving Managed cluster agent certificate after SubjectAccessReview.";

/// One request after the other, so that what was asked first is decided first.
fn in_order() -> Options {
    Options {
        at_once: 1,
        ..Options::default()
    }
}

/// Where first requests of newcomers are approved.
fn for_newcomers() -> Options {
    Options {
        approvers: [NEWCOMER.to_owned()].into_iter().collect(),
        ..in_order()
    }
}

async fn until_approved(place: &Place, request: &str) -> Value {
    place
        .until("the request is approved", async || {
            place.approval(request).await
        })
        .await
}

/// Asks for what has to be approved, and waits until it is: what was asked
/// before it has been decided on then.
async fn until_decided(place: &Place, cluster: &str) {
    let agent = place.as_agent(cluster);
    let control = place.ask(&agent, cluster, &agents_request(cluster)).await;
    until_approved(place, &control).await;
}

/// Lets any member of a group ask for certificates.
async fn let_ask(place: &Place, group: &str) {
    let path = format!("{RBAC}/clusterrolebindings");
    let subject = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group});
    let role = json!({
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "open-cluster-management:bootstrap",
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "may-ask"},
        "roleRef": role,
        "subjects": [subject],
    });
    place.post(&path, &binding).await;
    place
        .until_there(&format!(
            "{RBAC}/clusterroles/open-cluster-management:bootstrap"
        ))
        .await;
}

#[tokio::test]
async fn an_accepted_clusters_agent_renews_its_certificate() {
    let place = Place::start().await;
    place.accepted("c1").await;
    let agent = place.as_agent("c1");
    let request = place.ask(&agent, "c1", &agents_request("c1")).await;
    let approved = until_approved(&place, &request).await;
    says(&approved, "True", REASON, MESSAGE);
    place
        .until("the certificate is signed", async || {
            let request = place.get(&format!("{REQUESTS}/{request}")).await;
            request["status"]["certificate"].as_str().map(|_| ())
        })
        .await;
    let event = place
        .until_event("c1", "ManagedClusterCSRAutoApproved")
        .await;
    let note = format!("spoke cluster csr \"{request}\" is auto approved by hub csr controller");
    assert_eq!(event["note"], note);
}

#[tokio::test]
async fn a_cluster_that_is_not_accepted_renews_nothing() {
    let place = Place::with(in_order()).await;
    place.accepted("c1").await;
    place.join("c2").await;
    let_ask(&place, "system:open-cluster-management:c2").await;
    let agent = place.as_agent("c2");
    let request = place.ask(&agent, "c2", &agents_request("c2")).await;
    until_decided(&place, "c1").await;
    assert_eq!(place.approval(&request).await, None);
}

#[tokio::test]
async fn nobody_renews_for_an_agent_but_itself() {
    let place = Place::with(in_order()).await;
    place.accepted("c1").await;
    place.accepted("c2").await;
    // The agent of one asks for the certificate of the other's, and of another
    // agent of its own.
    let agent_of_c1 = place.as_agent("c1");
    let others = place.ask(&agent_of_c1, "c2", &agents_request("c2")).await;
    let second = certificate_request(
        "system:open-cluster-management:c1",
        "system:open-cluster-management:c1:second",
    );
    let second = place.ask(&agent_of_c1, "c1", &second).await;
    // And its own name, in the organization of the other.
    let mixed = certificate_request("system:open-cluster-management:c2", &agent("c1"));
    let mixed = place.ask(&agent_of_c1, "c2", &mixed).await;
    until_decided(&place, "c2").await;
    for request in [others, second, mixed] {
        assert_eq!(place.approval(&request).await, None);
    }
}

#[tokio::test]
async fn an_organization_that_begins_like_the_clusters_is_not_approved() {
    let place = Place::with(in_order()).await;
    place.accepted("c1").await;
    place.accepted("c12").await;
    let agent_of_c12 = place.as_agent("c12");
    let request = certificate_request("system:open-cluster-management:c12", &agent("c12"));
    let labelled_otherwise = place.ask(&agent_of_c12, "c1", &request).await;
    until_decided(&place, "c12").await;
    assert_eq!(place.approval(&labelled_otherwise).await, None);
}

#[tokio::test]
async fn a_first_request_waits_for_a_person() {
    let place = Place::with(in_order()).await;
    place.accepted("c1").await;
    place.join("c2").await;
    let request = place
        .ask(&place.as_newcomer(), "c2", &agents_request("c2"))
        .await;
    until_decided(&place, "c1").await;
    assert_eq!(place.approval(&request).await, None);
    let cluster = place.get(&format!("{CLUSTERS}/c2")).await;
    assert_ne!(cluster["spec"]["hubAcceptsClient"], true);
}

#[tokio::test]
async fn a_first_request_of_somebody_named_is_approved_and_its_cluster_accepted() {
    let place = Place::with(for_newcomers()).await;
    let_ask(&place, "others").await;
    let newcomer = place.as_newcomer();
    place.join("c1").await;
    place.join("c2").await;
    let others = place.as_user("somebody", &["others"]);
    let refused = place.ask(&others, "c2", &agents_request("c2")).await;
    let request = place.ask(&newcomer, "c1", &agents_request("c1")).await;
    let approved = until_approved(&place, &request).await;
    says(&approved, "True", REASON, MESSAGE);
    place.until_condition("c1", ACCEPTED, "True").await;
    let cluster = place.get(&format!("{CLUSTERS}/c1")).await;
    let annotation = "open-cluster-management.io/automatically-accepted-on";
    let on = cluster["metadata"]["annotations"][annotation]
        .as_str()
        .unwrap();
    let form = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(on, form).unwrap();
    assert_eq!(place.approval(&refused).await, None);
    let cluster = place.get(&format!("{CLUSTERS}/c2")).await;
    assert_ne!(cluster["spec"]["hubAcceptsClient"], true);
}

#[tokio::test]
async fn a_cluster_that_is_denied_after_it_was_accepted_automatically_stays_denied() {
    let place = Place::with(for_newcomers()).await;
    let newcomer = place.as_newcomer();
    place.accepted("control").await;
    place.join("c1").await;
    let request = place.ask(&newcomer, "c1", &agents_request("c1")).await;
    until_approved(&place, &request).await;
    place.until_condition("c1", ACCEPTED, "True").await;
    place.decide("c1", false).await;
    place.until_condition("c1", ACCEPTED, "False").await;
    let again = place.ask(&newcomer, "c1", &agents_request("c1")).await;
    until_decided(&place, "control").await;
    assert_eq!(place.approval(&again).await, None);
    let cluster = place.get(&format!("{CLUSTERS}/c1")).await;
    assert_eq!(cluster["spec"]["hubAcceptsClient"], false);
}

#[tokio::test]
async fn a_cluster_that_a_person_denied_is_not_accepted_automatically() {
    let place = Place::with(for_newcomers()).await;
    place.accepted("control").await;
    place.accepted("c1").await;
    place.decide("c1", false).await;
    place.until_condition("c1", ACCEPTED, "False").await;
    let request = place
        .ask(&place.as_newcomer(), "c1", &agents_request("c1"))
        .await;
    until_decided(&place, "control").await;
    assert_eq!(place.approval(&request).await, None);
}

#[tokio::test]
async fn a_request_that_a_person_has_denied_stays_denied() {
    let place = Place::with(in_order()).await;
    place.accepted("c1").await;
    let_ask(&place, "others").await;
    let others = place.as_user("somebody", &["others"]);
    let request = place.ask(&others, "c1", &agents_request("c1")).await;
    let denied = json!({"status": {"conditions": [{
        "type": "Denied", "status": "True", "reason": "No", "message": "no",
    }]}});
    place
        .patch(&format!("{REQUESTS}/{request}/approval"), &denied)
        .await;
    until_decided(&place, "c1").await;
    let request = place.get(&format!("{REQUESTS}/{request}")).await;
    assert!(condition(&request, "Denied").is_some());
    assert_eq!(condition(&request, "Approved"), None);
}

#[tokio::test]
async fn a_hub_that_has_only_the_older_requests_is_served_too() {
    let mut catalogue = api::all().clone();
    let requests = catalogue
        .resources
        .iter_mut()
        .find(|of| *of.names.plural == *"certificatesigningrequests");
    let requests = requests.unwrap();
    requests.version = "v1beta1".into();
    let place = Place::of(catalogue, Options::default()).await;
    place.accepted("c1").await;
    let agent = place.as_agent("c1");
    let path = "/apis/certificates.k8s.io/v1beta1/certificatesigningrequests";
    let mut request = agents_request("c1");
    request["apiVersion"] = "certificates.k8s.io/v1beta1".into();
    let label = json!({"open-cluster-management.io/cluster-name": "c1"});
    request["metadata"] = json!({"name": "r", "labels": label});
    let ask = place.until("the agent may ask", async || {
        send(&agent, Method::POST, path, &request).await.ok()
    });
    tokio::time::timeout(Duration::from_secs(60), ask)
        .await
        .unwrap();
    let approved = place.until("the request is approved", async || {
        let request = place.get(&format!("{path}/r")).await;
        condition(&request, "Approved")
    });
    says(&approved.await, "True", REASON, MESSAGE);
}
