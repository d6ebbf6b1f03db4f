//! The APIService by which the cluster's aggregation layer leads to the hub.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{GROUP, MANAGER, ServiceName};

/// Keeps it.
pub(super) struct ApiService {
    all: Api<DynamicObject>,
    service: ServiceName,
    /// The certificates that verify the hub.
    root_ca: watch::Receiver<Arc<str>>,
}

/// What the cluster says of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Availability {
    status: String,
    reason: String,
    message: String,
}

const NAME: &str = "v1alpha1.cluster.core.oam.dev";
const VERSION: &str = "v1alpha1";
/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(5);

impl ApiService {
    pub(super) fn new(
        client: Client,
        service: ServiceName,
        root_ca: watch::Receiver<Arc<str>>,
    ) -> Self {
        let kind = GroupVersionKind::gvk("apiregistration.k8s.io", "v1", "APIService");
        Self {
            all: Api::all_with(client, &ApiResource::from_gvk(&kind)),
            service,
            root_ca,
        }
    }

    /// Has it there, with the certificates of the moment, and tells whether the
    /// cluster reaches the hub by it, until it is dropped.
    ///
    /// One that leads to somebody else's Service is left alone, and told.
    pub(super) async fn keep(&self) {
        let mut root_ca = self.root_ca.clone();
        root_ca.mark_changed();
        let config = Config::default().fields(&format!("metadata.name={NAME}"));
        let mut events = watcher(self.all.clone(), config).default_backoff().boxed();
        let mut told = None;
        let mut known = None;
        let mut read = false;
        loop {
            tokio::select! {
                changed = root_ca.changed() => if changed.is_err() {
                    // The hub stops.
                    std::future::pending::<()>().await;
                },
                event = events.next() => match event {
                    Some(Ok(Event::Apply(there) | Event::InitApply(there))) => known = Some(there),
                    Some(Ok(Event::Delete(_) | Event::Init)) => known = None,
                    Some(Ok(Event::InitDone)) => read = true,
                    Some(Err(error)) => tracing::warn!(%error, "the APIService {NAME} cannot be followed"),
                    None => std::future::pending().await,
                },
            }
            if !read {
                continue;
            }
            if let Some(there) = &known {
                tell(there, &mut told);
            }
            let bundle = root_ca.borrow_and_update().clone();
            if let Err(error) = self.settle(known.as_ref(), &bundle).await {
                tracing::warn!(%error, "the APIService {NAME} cannot be registered yet");
                sleep(RETRY).await;
                root_ca.mark_changed();
            }
        }
    }

    /// Writes it, if it is not as it should be.
    async fn settle(&self, there: Option<&DynamicObject>, bundle: &str) -> Result<(), kube::Error> {
        let wanted = wanted(&self.service, bundle);
        if let Some(there) = there {
            if there.data["spec"]["service"] == wanted["spec"]["service"]
                && there.data["spec"]["caBundle"] == wanted["spec"]["caBundle"]
            {
                return Ok(());
            }
            if !is_ours(there) && there.data["spec"]["service"] != wanted["spec"]["service"] {
                tracing::error!(
                    service = %there.data["spec"]["service"],
                    "the APIService {NAME} leads to another Service and is not this hub's; \
                     delete it, and the hub registers itself"
                );
                return Ok(());
            }
        }
        let params = PatchParams::apply(MANAGER).force();
        let written = self.all.patch(NAME, &params, &Patch::Apply(&wanted)).await;
        written?;
        tracing::info!(service = %self.service, "registered the APIService {NAME}");
        Ok(())
    }
}

fn wanted(service: &ServiceName, bundle: &str) -> Value {
    json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": NAME},
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "groupPriorityMinimum": 1000,
            "versionPriority": 15,
            "caBundle": STANDARD.encode(bundle),
            "service": {
                "namespace": service.namespace(),
                "name": service.name(),
                "port": service.port(),
            },
        },
    })
}

fn is_ours(there: &DynamicObject) -> bool {
    let managers = there.managed_fields().iter();
    let mut managers = managers.filter_map(|entry| entry.manager.as_deref());
    managers.any(|manager| manager == MANAGER)
}

/// Tells whether the cluster reaches the hub, once for each change.
fn tell(there: &DynamicObject, told: &mut Option<Availability>) {
    let conditions = there.data["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let Some(condition) = conditions.find(|of| of["type"] == "Available") else {
        return;
    };
    let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    let now = Availability {
        status: text("status"),
        reason: text("reason"),
        message: text("message"),
    };
    if told.as_ref() == Some(&now) {
        return;
    }
    if now.status == "True" {
        tracing::info!("Kubernetes reaches the hub: clustergateways are served there");
    } else {
        let Availability {
            reason, message, ..
        } = &now;
        tracing::warn!(reason, message, "Kubernetes does not reach the hub");
    }
    *told = Some(now);
}
