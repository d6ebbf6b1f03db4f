//! What people are told on the hub, in the cluster's namespace there.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use proto::AgentIdentity;

use crate::agent::Clock;

/// One thing that people are told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Note {
    reason: &'static str,
    action: &'static str,
    kind: &'static str,
    text: String,
}

impl Note {
    /// Not all claims are told.
    pub(super) fn truncated(custom: usize, most: usize) -> Self {
        let left_out = custom.saturating_sub(most);
        Self {
            reason: "CustomClusterClaimsTruncated",
            action: "Truncate",
            kind: "Warning",
            text: format!(
                "{custom} cluster claims are found. It exceeds the max number of custom cluster \
                 claims ({most}). {left_out} custom cluster claims are not exposed."
            ),
        }
    }

    /// The cluster's API server is well, or is not any more; nothing is told of
    /// another status. The words are Open Cluster Management's.
    pub(super) fn available(cluster: &str, status: &str) -> Option<Self> {
        let imported = format!("The {cluster} is successfully imported");
        match status {
            "True" => Some(Self {
                reason: "Available",
                action: "Available",
                kind: "Normal",
                text: format!(
                    "{imported}, and it is managed by the hub cluster. Its apieserver is available"
                ),
            }),
            "False" => Some(Self {
                reason: "Unavailable",
                action: "Unavailable",
                kind: "Warning",
                text: format!("{imported}. However, its Kube API server is unavailable"),
            }),
            _ => None,
        }
    }

    /// Tells it on the hub.
    pub(super) async fn tell(
        self,
        hub: &Client,
        identity: &AgentIdentity,
        clock: &Clock,
    ) -> Result<(), kube::Error> {
        let cluster = identity.cluster.as_str();
        let event = Event {
            metadata: ObjectMeta {
                generate_name: Some(format!("{cluster}-")),
                namespace: Some(cluster.to_owned()),
                ..ObjectMeta::default()
            },
            action: Some(self.action.to_owned()),
            event_time: Some(clock.micro_time()),
            note: Some(self.text),
            reason: Some(self.reason.to_owned()),
            regarding: Some(ObjectReference {
                api_version: Some("cluster.open-cluster-management.io/v1".to_owned()),
                kind: Some("ManagedCluster".to_owned()),
                name: Some(cluster.to_owned()),
                // An API server wants that of the event here, although a cluster has none.
                namespace: Some(cluster.to_owned()),
                ..ObjectReference::default()
            }),
            reporting_controller: Some("open-cluster-management.io/registration-agent".to_owned()),
            reporting_instance: Some(identity.agent.to_string()),
            type_: Some(self.kind.to_owned()),
            ..Event::default()
        };
        let events: Api<Event> = Api::namespaced(hub.clone(), cluster);
        events.create(&PostParams::default(), &event).await?;
        Ok(())
    }
}
