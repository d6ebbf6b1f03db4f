use registration::hub::HubError;
use registration::hub::accept::{Step, Whose, accept};

use super::place::{ACCEPTED, Place, agent, agents_request, certificate_request};

const GROUP: &str = "system:open-cluster-management:c1";
const SECOND: &str = "system:open-cluster-management:c1:second";

/// A hub that newcomers may come to.
async fn open() -> Place {
    let place = Place::start().await;
    let binding = "open-cluster-management:bootstrap:managedcluster";
    let path = format!("{}/clusterrolebindings/{binding}", super::place::RBAC);
    place.until_there(&path).await;
    place
}

#[tokio::test]
async fn accepting_a_cluster_approves_what_its_agent_asks_for_and_takes_it() {
    let place = open().await;
    place.join("c1").await;
    let request = place
        .ask(&place.as_newcomer(), "c1", &agents_request("c1"))
        .await;
    let done = accept(&place.client, "c1", &Whose::default())
        .await
        .unwrap();
    assert!(done.approved);
    let text: Vec<String> = done.steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "Starting approve csrs for the cluster c1".to_owned(),
            format!("CSR {request} approved"),
            "set hubAcceptsClient to true for managed cluster c1".to_owned(),
        ]
    );
    place.until_condition("c1", ACCEPTED, "True").await;
    let again = accept(&place.client, "c1", &Whose::default())
        .await
        .unwrap();
    let steps = [
        Step::AlreadyApproved(request),
        Step::AlreadyAccepted("c1".to_owned()),
    ];
    assert_eq!(again.steps, steps);
    assert!(again.approved);
}

#[tokio::test]
async fn a_cluster_whose_agent_has_not_asked_yet_is_taken_and_not_approved() {
    let place = open().await;
    place.join("c1").await;
    let done = accept(&place.client, "c1", &Whose::default())
        .await
        .unwrap();
    assert!(!done.approved);
    assert_eq!(done.steps, [Step::Accepted("c1".to_owned())]);
}

#[tokio::test]
async fn requests_of_several_agents_wait_until_it_is_said_whose_is_meant() {
    let place = open().await;
    place.join("c1").await;
    let newcomer = place.as_newcomer();
    let first = place.ask(&newcomer, "c1", &agents_request("c1")).await;
    let second = place
        .ask(&newcomer, "c1", &certificate_request(GROUP, SECOND))
        .await;
    let done = accept(&place.client, "c1", &Whose::default())
        .await
        .unwrap();
    assert!(!done.approved);
    let both = [agent("c1"), SECOND.to_owned()].into_iter().collect();
    assert_eq!(done.steps[0], Step::SeveralRequesters(both));
    let meant = Whose {
        requesters: [SECOND.to_owned()].into_iter().collect(),
        anybodys: false,
    };
    let done = accept(&place.client, "c1", &meant).await.unwrap();
    assert!(done.approved);
    assert!(place.approval(&second).await.is_some());
    assert_eq!(place.approval(&first).await, None);
}

#[tokio::test]
async fn a_request_of_somebody_who_did_not_come_to_join_is_not_approved() {
    let place = open().await;
    place.join("c1").await;
    // Masters may ask for anything, and have no bootstrap token.
    let request = place.ask(&place.client, "c1", &agents_request("c1")).await;
    let done = accept(&place.client, "c1", &Whose::default())
        .await
        .unwrap();
    assert!(!done.approved);
    assert_eq!(place.approval(&request).await, None);
    let anybodys = Whose {
        anybodys: true,
        ..Whose::default()
    };
    assert!(
        accept(&place.client, "c1", &anybodys)
            .await
            .unwrap()
            .approved
    );
}

#[tokio::test]
async fn a_request_for_another_clusters_certificate_is_never_approved() {
    let place = open().await;
    place.join("c1").await;
    let other = certificate_request("system:open-cluster-management:c12", &agent("c12"));
    let request = place.ask(&place.as_newcomer(), "c1", &other).await;
    let anybodys = Whose {
        anybodys: true,
        ..Whose::default()
    };
    assert!(
        !accept(&place.client, "c1", &anybodys)
            .await
            .unwrap()
            .approved
    );
    assert_eq!(place.approval(&request).await, None);
}

#[tokio::test]
async fn a_cluster_that_is_not_there_cannot_be_accepted() {
    let place = open().await;
    let error = accept(&place.client, "c1", &Whose::default())
        .await
        .unwrap_err();
    assert!(matches!(error, HubError::NoCluster(name) if name == "c1"));
}
