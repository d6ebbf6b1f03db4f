//! The event that says that not all claims are told.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use proto::AgentIdentity;

use crate::agent::Clock;

pub(super) async fn tell(
    hub: &Client,
    identity: &AgentIdentity,
    custom: usize,
    most: usize,
    clock: &Clock,
) -> Result<(), kube::Error> {
    let cluster = identity.cluster.as_str();
    let left_out = custom - most;
    let event = Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{cluster}.")),
            namespace: Some(cluster.to_owned()),
            ..ObjectMeta::default()
        },
        action: Some("Truncate".to_owned()),
        event_time: Some(clock.micro_time()),
        note: Some(format!(
            "{custom} cluster claims are found. It exceeds the max number of custom cluster \
             claims ({most}). {left_out} custom cluster claims are not exposed."
        )),
        reason: Some("CustomClusterClaimsTruncated".to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some("cluster.open-cluster-management.io/v1".to_owned()),
            kind: Some("ManagedCluster".to_owned()),
            name: Some(cluster.to_owned()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some("open-cluster-management.io/registration-agent".to_owned()),
        reporting_instance: Some(identity.agent.to_string()),
        type_: Some("Warning".to_owned()),
        ..Event::default()
    };
    let events: Api<Event> = Api::namespaced(hub.clone(), cluster);
    events.create(&PostParams::default(), &event).await?;
    Ok(())
}
