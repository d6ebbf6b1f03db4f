//! Approves the certificates that agents ask for: the next one of an agent that
//! may renew it, and the first of a cluster if somebody named asks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::types::cluster::ManagedCluster;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::error::{Trying as _, if_there};
use super::events::Events;
use super::following::follow;
use super::names::{ACCEPTED_ON, CLUSTER_NAME, HUB_ACCEPTED};
use super::queue::{Looked, Queue};
use super::{HubError, Options, status};

pub(crate) mod api_version;
pub(crate) mod request;

use request::Asked;

/// The users whose clusters join without anybody's doing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Approvers(BTreeSet<String>);

impl FromIterator<String> for Approvers {
    fn from_iter<T: IntoIterator<Item = String>>(users: T) -> Self {
        Self(users.into_iter().collect())
    }
}

/// The controller of CertificateSigningRequests.
pub(crate) struct Approval {
    client: Client,
    clusters: Api<ManagedCluster>,
    events: Events,
    approvers: Approvers,
    queue: Queue,
    at_once: usize,
}

/// When a request is looked at again whose cluster is not there yet.
const NO_CLUSTER: Duration = Duration::from_secs(5);
/// After so long it is asked again what the hub serves.
const RETRY: Duration = Duration::from_secs(5);

impl Approval {
    pub(crate) fn new(client: &Client, options: &Options) -> Self {
        Self {
            client: client.clone(),
            clusters: Api::all(client.clone()),
            events: Events::new(client.clone()),
            approvers: options.approvers.clone(),
            queue: Queue::default(),
            at_once: options.at_once,
        }
    }

    /// Follows the requests and looks at those that wait. Runs until it is
    /// dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        let requests = loop {
            match api_version::requests(&self.client).await {
                Ok(requests) => break requests,
                Err(error) => {
                    tracing::warn!(%error, "requests for certificates cannot be followed yet");
                    sleep(RETRY).await;
                }
            }
        };
        let config = Config::default().labels(CLUSTER_NAME);
        let follow = follow(watcher(requests.clone(), config), |event| {
            if let Event::InitApply(request) | Event::Apply(request) = event
                && request::waits(&request)
            {
                self.queue.push(&request.name_any());
            }
        });
        let this = self.clone();
        let look = move |name| this.clone().look(requests.clone(), name);
        let look = self.queue.work("approval", self.at_once, look);
        tokio::join!(follow.boxed(), look);
    }

    fn look(
        self: Arc<Self>,
        requests: Api<DynamicObject>,
        name: String,
    ) -> BoxFuture<'static, Looked> {
        async move {
            let request = requests.get_opt(&name).await;
            let request = request.trying(|| format!("the request {name} cannot be read"))?;
            let Some(request) = request.filter(request::waits) else {
                return Ok(None);
            };
            let asked = match Asked::of(&request) {
                Ok(asked) => asked,
                Err(why) => {
                    tracing::debug!(request = name, %why, "a request is none of a cluster's agent");
                    return Ok(None);
                }
            };
            if asked.is_renewal() {
                return Box::pin(self.renew(&requests, request, &asked)).await;
            }
            if self.approvers.0.contains(&asked.user) {
                return Box::pin(self.begin(&requests, request, &asked)).await;
            }
            Ok(None)
        }
        .boxed()
    }

    /// The agent itself asks: whether it may is the hub's RBAC to say.
    async fn renew(
        &self,
        requests: &Api<DynamicObject>,
        request: DynamicObject,
        asked: &Asked,
    ) -> Looked {
        if !self.may_renew(&request).await? {
            tracing::debug!(
                request = request.name_any(),
                "an agent that may not renew its certificate asks for one"
            );
            return Ok(None);
        }
        let name = request.name_any();
        approve(requests, request, AUTOMATICALLY).await?;
        self.events
            .normal(
                &asked.cluster,
                "ManagedClusterCSRAutoApproved",
                format!("spoke cluster csr {name:?} is auto approved by hub csr controller"),
            )
            .await;
        Ok(None)
    }

    /// Somebody named asks for a cluster's first certificate.
    async fn begin(
        &self,
        requests: &Api<DynamicObject>,
        request: DynamicObject,
        asked: &Asked,
    ) -> Looked {
        let cluster = &asked.cluster;
        let there = self.clusters.get_opt(cluster).await;
        let there = there.trying(|| format!("managed cluster {cluster} cannot be read"))?;
        let Some(there) = there else {
            return Ok(Some(NO_CLUSTER));
        };
        if !self.accept(&there).await? {
            tracing::info!(cluster, "a cluster that was denied asks to join");
            return Ok(None);
        }
        approve(requests, request, AUTOMATICALLY).await?;
        self.events
            .normal(
                cluster,
                "ManagedClusterAutoApproved",
                format!("spoke cluster {cluster:?} is auto approved."),
            )
            .await;
        Ok(None)
    }

    /// Accepts a cluster that joins for the first time. Returns whether it is
    /// accepted: what a person has denied stays denied.
    async fn accept(&self, cluster: &ManagedCluster) -> Result<bool, HubError> {
        let accepted = cluster.spec.hub_accepts_client;
        let known = cluster.annotations().contains_key(ACCEPTED_ON);
        let was_accepted = status::find(status::conditions(cluster), HUB_ACCEPTED).is_some();
        if known || was_accepted && !accepted {
            return Ok(accepted);
        }
        let now = Timestamp::from_second(Timestamp::now().as_second());
        let now = now.unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        let name = cluster.name_any();
        let patch = json!({
            "metadata": {
                "uid": cluster.metadata.uid,
                "resourceVersion": cluster.metadata.resource_version,
                "annotations": {(ACCEPTED_ON): now},
            },
            "spec": {"hubAcceptsClient": true},
        });
        let params = PatchParams::default();
        let patched = self
            .clusters
            .patch(&name, &params, &Patch::Merge(patch))
            .await;
        patched.trying(|| format!("managed cluster {name} cannot be accepted"))?;
        Ok(true)
    }

    async fn may_renew(&self, request: &DynamicObject) -> Result<bool, HubError> {
        let spec = &request.data["spec"];
        let mut user = json!({
            "resourceAttributes": {
                "group": "register.open-cluster-management.io",
                "resource": "managedclusters",
                "subresource": "clientcertificates",
                "verb": "renew",
            },
        });
        let parts = [
            ("user", "username"),
            ("uid", "uid"),
            ("groups", "groups"),
            ("extra", "extra"),
        ];
        for (to, from) in parts {
            if let Some(value) = spec.get(from) {
                user[to] = value.clone();
            }
        }
        let what = || format!("it cannot be asked whether {} may renew", spec["username"]);
        let review: SubjectAccessReview = serde_json::from_value(json!({"spec": user}))
            .map_err(kube::Error::SerdeError)
            .trying(what)?;
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await;
        let status = answer.trying(what)?.status;
        Ok(status.is_some_and(|status| status.allowed))
    }
}

/// Why a request is approved: the reason and message of its condition.
pub(crate) type Why<'a> = (&'a str, &'a str);

const AUTOMATICALLY: Why<'static> = (
    "AutoApprovedByHubCSRApprovingController",
    "Auto approving Managed cluster agent certificate after SubjectAccessReview.",
);

/// Approves a request, unless somebody has changed it since it was read.
pub(crate) async fn approve(
    requests: &Api<DynamicObject>,
    mut request: DynamicObject,
    (reason, message): Why<'_>,
) -> Result<(), HubError> {
    let name = request.name_any();
    let condition = json!({
        "type": "Approved",
        "status": "True",
        "reason": reason,
        "message": message,
    });
    match request.data["status"]["conditions"].as_array_mut() {
        Some(conditions) => conditions.push(condition),
        None => request.data["status"]["conditions"] = Value::Array(vec![condition]),
    }
    let params = PostParams::default();
    let approved = requests.replace_subresource("approval", &name, &params, &request);
    if_there(approved.await)
        .trying(|| format!("the request {name} cannot be approved"))
        .map(drop)
}
