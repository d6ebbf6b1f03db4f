//! Tokens by which clusters join, kept as bootstrap tokens in the hub's API.

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use proto::ClusterName;
use time::OffsetDateTime;

use crate::addresses::Addresses;
use crate::authorities::Authorities;
use crate::ca_pin::CaPin;
use crate::data_dir::DataDir;
use crate::hub_client;
use crate::join_token::{self, JoinToken, NAMESPACE, secret_name};
use crate::lifetime::Lifetime;

/// How long such a token is good for if nobody says.
pub(super) const VALID_FOR: Lifetime = Lifetime::from_days(1);

/// Whether this is the id of such a token.
pub(super) fn is_id(text: &str) -> bool {
    join_token::is_id(text)
}

/// Makes a token; returns the command that joins a cluster with it.
pub(super) async fn create(
    data: &DataDir,
    cluster: Option<&ClusterName>,
    valid_for: Lifetime,
) -> anyhow::Result<String> {
    let token = JoinToken::random();
    let now = OffsetDateTime::now_utc();
    let description = "Lets clusters ask to join; made by adit token create --join.";
    let secret = token.to_secret(now + valid_for.as_duration(), description)?;
    let created = secrets(data).await?;
    let created = created.create(&PostParams::default(), &secret).await;
    created.context("the hub takes no token; is it running?")?;
    command(data, &token, cluster)
}

/// Refuses a token from now on; who has joined with it stays.
pub(super) async fn revoke(data: &DataDir, id: &str) -> anyhow::Result<()> {
    let secrets = secrets(data).await?;
    match secrets
        .delete(&secret_name(id), &DeleteParams::default())
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => {
            anyhow::bail!("there is no token {id} to join with")
        }
        Err(error) => Err(error).context("the hub does not revoke it; is it running?"),
    }
}

fn command(
    data: &DataDir,
    token: &JoinToken,
    cluster: Option<&ClusterName>,
) -> anyhow::Result<String> {
    let addresses = Addresses::load(data)?;
    let hub = &addresses.all()[0];
    let authorities = Authorities::load(data)?;
    let pins = authorities
        .trusted()
        .map(|authority| format!(" --ca-pin {}", CaPin::of(authority.certificate())));
    let pins: String = pins.collect();
    let cluster = cluster.map_or("NAME", ClusterName::as_str);
    let token = token.expose();
    Ok(format!(
        "adit join --hub {hub}{pins} --token {token} --cluster-name {cluster}"
    ))
}

async fn secrets(data: &DataDir) -> anyhow::Result<Api<Secret>> {
    let client = hub_client::administrator(data).await?;
    Ok(Api::namespaced(client, NAMESPACE))
}
