//! Accepts a cluster by hand: approves what its agent asks for, and says that
//! the hub takes it.

use std::collections::BTreeSet;
use std::fmt;

use api::types::cluster::ManagedCluster;
use kube::api::{ListParams, Patch, PatchParams, TypeMeta};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::HubError;
use super::accounts;
use super::approval::api_version::{KIND, requests};
use super::approval::approve;
use super::approval::request::{Asked, waits};
use super::error::{Trying as _, code};
use super::names::{BOOTSTRAP_ACCOUNT, BOOTSTRAP_GROUP, CLUSTER_NAME, NAMESPACE};

/// Whose requests count.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Whose {
    /// The common names that were meant, if several ask for one cluster.
    pub requesters: BTreeSet<String>,
    /// Everybody's, also of those that did not come with a bootstrap token.
    pub anybodys: bool,
}

/// One thing that was done or found. Its text is for people.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Several agents ask; none was approved.
    SeveralRequesters(BTreeSet<String>),
    /// A request that is not meant.
    NotMeant {
        /// The request's name.
        request: String,
        /// Who would get the certificate.
        requester: String,
    },
    /// A request that was denied before.
    AlreadyDenied(String),
    /// A request that was approved before.
    AlreadyApproved(String),
    /// There are requests to approve.
    Starting(String),
    /// A request that was approved now.
    Approved(String),
    /// The hub takes the cluster from now on.
    Accepted(String),
    /// The hub has taken the cluster before.
    AlreadyAccepted(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeveralRequesters(all) => {
                let all: Vec<&str> = all.iter().map(String::as_str).collect();
                write!(
                    f,
                    "There are CSRs of different requesters: {}; none is approved. Say whose are \
                     meant with --requesters, or --skip-approve-check if all are.",
                    all.join(",")
                )
            }
            Self::NotMeant { request, requester } => write!(
                f,
                "CSR {request} with requester {requester} is not in the approve list"
            ),
            Self::AlreadyDenied(request) => write!(f, "CSR {request} already denied"),
            Self::AlreadyApproved(request) => write!(f, "CSR {request} already approved"),
            Self::Starting(cluster) => {
                write!(f, "Starting approve csrs for the cluster {cluster}")
            }
            Self::Approved(request) => write!(f, "CSR {request} approved"),
            Self::Accepted(cluster) => write!(
                f,
                "set hubAcceptsClient to true for managed cluster {cluster}"
            ),
            Self::AlreadyAccepted(cluster) => write!(
                f,
                "hubAcceptsClient already set for managed cluster {cluster}"
            ),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// Whether the cluster has an approved request, or an agent that registers by
    /// token: without, its agent cannot come yet.
    pub approved: bool,
}

const BY_HAND: (&str, &str) = ("AditAccept", "This CSR was approved by adit accept.");

/// Approves the requests of a cluster's agent, and has the hub take the cluster.
///
/// # Errors
/// If there is no such cluster, or the hub's API refuses.
pub async fn accept(client: &Client, cluster: &str, whose: &Whose) -> Result<Accepted, HubError> {
    let clusters: Api<ManagedCluster> = Api::all(client.clone());
    let there = clusters.get_opt(cluster).await;
    let there = there.trying(|| format!("managed cluster {cluster} cannot be read"))?;
    let there = there.ok_or_else(|| HubError::NoCluster(cluster.to_owned()))?;
    let mut steps = Vec::new();
    let approved = Box::pin(approve_requests(client, cluster, whose, &mut steps)).await?;
    // Who registers by token is accepted with the cluster.
    let approved = approved || !accounts::of(&there).is_empty();
    if there.spec.hub_accepts_client {
        steps.push(Step::AlreadyAccepted(cluster.to_owned()));
    } else {
        let patch = Patch::Merge(json!({"spec": {"hubAcceptsClient": true}}));
        let params = PatchParams::default();
        let accepted = clusters.patch(cluster, &params, &patch).await;
        accepted.trying(|| format!("managed cluster {cluster} cannot be accepted"))?;
        steps.push(Step::Accepted(cluster.to_owned()));
    }
    Ok(Accepted { steps, approved })
}

async fn approve_requests(
    client: &Client,
    cluster: &str,
    whose: &Whose,
    steps: &mut Vec<Step>,
) -> Result<bool, HubError> {
    let requests = requests(client).await?;
    let of_cluster = ListParams::default().labels(&format!("{CLUSTER_NAME}={cluster}"));
    let list = requests.list(&of_cluster).await;
    let list = list.trying(|| format!("the requests of {cluster} cannot be listed"))?;
    // The items of a list do not say what they are, and what is written has to.
    let types = TypeMeta {
        api_version: list.types.api_version,
        kind: KIND.to_owned(),
    };
    let mut meant = Vec::new();
    for mut request in list.items {
        request.types = Some(types.clone());
        match Asked::of(&request) {
            Ok(asked) if whose.anybodys || is_bootstrap(&asked) => meant.push((request, asked)),
            Ok(_) => {}
            Err(why) => {
                tracing::debug!(request = request.name_any(), %why, "a request is none of an agent");
            }
        }
    }
    let waiting = meant.iter().filter(|(request, _)| waits(request));
    let requesters: BTreeSet<String> = waiting
        .map(|(_, asked)| asked.common_name.clone())
        .collect();
    if requesters.len() > 1 && whose.requesters.is_empty() && !whose.anybodys {
        steps.push(Step::SeveralRequesters(requesters));
        return Ok(false);
    }
    let mut approved = false;
    let mut starting = true;
    for (request, asked) in meant {
        let name = request.name_any();
        let listed = whose.requesters.is_empty() || whose.requesters.contains(&asked.common_name);
        if !listed {
            steps.push(Step::NotMeant {
                request: name,
                requester: asked.common_name,
            });
        } else if has(&request.data, "Denied") {
            steps.push(Step::AlreadyDenied(name));
        } else if !waits(&request) {
            steps.push(Step::AlreadyApproved(name));
            approved = true;
        } else {
            if std::mem::take(&mut starting) {
                steps.push(Step::Starting(cluster.to_owned()));
            }
            match approve(&requests, request, BY_HAND).await {
                // Somebody was faster.
                Err(HubError::Api { source, .. }) if code(&source) == Some(409) => {
                    steps.push(Step::AlreadyApproved(name));
                }
                done => {
                    done?;
                    steps.push(Step::Approved(name));
                }
            }
            approved = true;
        }
    }
    Ok(approved)
}

/// Whether who asks came to join a cluster.
fn is_bootstrap(asked: &Asked) -> bool {
    let account = format!("system:serviceaccount:{NAMESPACE}:{BOOTSTRAP_ACCOUNT}");
    let in_group = |group: &str| asked.groups.iter().any(|of| of == group);
    asked.user == account
        || asked.user.starts_with("system:bootstrap:") && in_group(BOOTSTRAP_GROUP)
}

fn has(request: &Value, kind: &str) -> bool {
    let conditions = request["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|of| of["type"] == kind))
}
