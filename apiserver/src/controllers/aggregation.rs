use futures_util::StreamExt as _;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::RETRY;
use crate::authorization::{PolicyRule, aggregated_rules};

/// Gives ClusterRoles with an `aggregationRule` the rules of those that they
/// gather, whenever any of them changes.
pub(super) async fn run(client: Client) {
    let roles: Api<ClusterRole> = Api::all(client);
    let changes = watcher(roles.clone(), watcher::Config::default())
        .default_backoff()
        .touched_objects()
        .ready_chunks(CHANGES_AT_ONCE);
    let mut changes = std::pin::pin!(changes);
    while let Some(changed) = changes.next().await {
        for failed in changed.into_iter().filter_map(Result::err) {
            tracing::warn!(error = %failed, "ClusterRoles cannot be followed");
        }
        while let Err(error) = gather(&roles).await {
            tracing::warn!(%error, "ClusterRoles cannot be aggregated");
            sleep(RETRY).await;
        }
    }
}

async fn gather(roles: &Api<ClusterRole>) -> Result<(), kube::Error> {
    let all = roles.list(&ListParams::default()).await?;
    let values = all.items.iter().map(serde_json::to_value);
    let values: Vec<Value> = values
        .collect::<Result<_, _>>()
        .map_err(kube::Error::SerdeError)?;
    for (role, value) in all.items.iter().zip(&values) {
        let Some(rules) = aggregated_rules(value, &values) else {
            continue;
        };
        if rules != PolicyRule::of_role(value) {
            let name = role.name_any();
            let patch = Patch::Merge(json!({"rules": rules}));
            roles.patch(&name, &PatchParams::default(), &patch).await?;
        }
    }
    Ok(())
}

/// How many changes are taken together.
const CHANGES_AT_ONCE: usize = 1024;
