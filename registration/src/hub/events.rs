use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

/// Tells people what was done with a cluster: as Events in its namespace, where
/// they look for what became of it.
#[derive(Clone)]
pub(crate) struct Events(Recorder);

impl Events {
    pub(crate) fn new(client: Client) -> Self {
        let reporter = Reporter {
            controller: "adit-registration".to_owned(),
            instance: None,
        };
        Self(Recorder::new(client, reporter))
    }

    /// Tells something ordinary.
    pub(crate) async fn normal(&self, cluster: &str, reason: &str, note: String) {
        self.tell(EventType::Normal, cluster, reason, note).await;
    }

    /// Tells something that somebody should look at.
    pub(crate) async fn warning(&self, cluster: &str, reason: &str, note: String) {
        self.tell(EventType::Warning, cluster, reason, note).await;
    }

    /// An Event that cannot be made is no reason to stop.
    async fn tell(&self, type_: EventType, cluster: &str, reason: &str, note: String) {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note),
            action: reason.to_owned(),
            secondary: None,
        };
        let regarding = ObjectReference {
            api_version: Some("cluster.open-cluster-management.io/v1".to_owned()),
            kind: Some("ManagedCluster".to_owned()),
            name: Some(cluster.to_owned()),
            namespace: Some(cluster.to_owned()),
            ..ObjectReference::default()
        };
        if let Err(error) = Box::pin(self.0.publish(&event, &regarding)).await {
            tracing::warn!(cluster, reason, %error, "an Event could not be made");
        }
    }
}
