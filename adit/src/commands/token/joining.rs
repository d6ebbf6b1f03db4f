//! Tokens by which clusters join, kept as bootstrap tokens in the hub's API.

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use proto::ClusterName;
use time::OffsetDateTime;

use crate::addresses::Addresses;
use crate::authorities::Authorities;
use crate::ca_pin::CaPin;
use crate::data_dir::DataDir;
use crate::hub_client;
use crate::join_token::{
    self, JoinToken, MADE_FOR, NAMESPACE, Terms, Uses, id_of_secret, secret_name, text,
};
use crate::lifetime::Lifetime;
use crate::output;

/// How long such a token is good for if nobody says.
pub(super) const VALID_FOR: Lifetime = Lifetime::from_days(1);

/// Whether this is the id of such a token.
pub(super) fn is_id(text: &str) -> bool {
    join_token::is_id(text)
}

/// What a token is wanted for.
pub(super) struct Wanted {
    /// The cluster in the command that is printed.
    pub(super) cluster: Option<ClusterName>,
    /// How many clusters may join with it.
    pub(super) uses: Option<u32>,
    pub(super) valid_for: Lifetime,
}

/// Makes a token; returns the command that joins a cluster with it.
pub(super) async fn create(data: &DataDir, wanted: Wanted) -> anyhow::Result<String> {
    let token = JoinToken::random();
    let Wanted {
        cluster,
        uses,
        valid_for,
    } = wanted;
    let command = command(data, &token, cluster.as_ref())?;
    let terms = Terms {
        expires: OffsetDateTime::now_utc() + valid_for.as_duration(),
        uses,
        cluster,
    };
    let description = "Lets clusters ask to join; made by adit token create --join.";
    let secret = token.to_secret(&terms, description)?;
    let created = secrets(data).await?;
    let created = created.create(&PostParams::default(), &secret).await;
    created.context("the hub takes no token; is it running?")?;
    Ok(command)
}

/// Prints what tokens there are, and nothing of their secrets; nothing if there
/// are none.
pub(super) async fn list(data: &DataDir) -> anyhow::Result<()> {
    let secrets = secrets(data).await?.list(&ListParams::default()).await;
    let secrets = match secrets {
        Ok(secrets) => secrets.items,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                error,
                "tokens to join with are not listed: the hub does not answer"
            );
            return Ok(());
        }
    };
    let rows: Vec<_> = secrets.iter().filter_map(row).collect();
    if !rows.is_empty() {
        let head = ["ID", "CLUSTER", "EXPIRES", "USES LEFT", "JOINED"].map(str::to_owned);
        let rows = [vec![head.to_vec()], rows].concat();
        output::write(&format!("\nTo join with:\n{}", output::table(&rows)))?;
    }
    Ok(())
}

/// What is told of a token, if a Secret is one.
fn row(secret: &Secret) -> Option<Vec<String>> {
    let id = id_of_secret(secret.metadata.name.as_deref()?)?;
    let uses = Uses::of(secret);
    let left = uses.as_ref();
    let left = left.map(|uses| format!("{} of {}", uses.left(), uses.limit()));
    let joined = uses.map(|uses| uses.by().join(",")).unwrap_or_default();
    let or_dash = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
    Some(vec![
        id.to_owned(),
        or_dash(text(secret, MADE_FOR).unwrap_or_default()),
        or_dash(text(secret, "expiration").unwrap_or_default()),
        left.unwrap_or_else(|| "any".to_owned()),
        or_dash(&joined),
    ])
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
