//! Tokens by which clusters join, kept as bootstrap tokens in the hub's API.

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use proto::ClusterName;
use proxy_agent::HubAddress;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use time::OffsetDateTime;

use crate::addresses::Addresses;
use crate::authorities::Authorities;
use crate::ca_pin::CaPin;
use crate::data_dir::DataDir;
use crate::hub_login::HubLogin;
use crate::join_token::{
    self, JoinToken, MADE_FOR, NAMESPACE, Terms, Uses, id_of_secret, is_to_join_with, secret_name,
    text,
};
use crate::lifetime::Lifetime;
use crate::output;
use crate::published::Published;

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

/// How whoever joins finds the hub, and knows it.
struct Invitation {
    hub: HubAddress,
    pins: Vec<CaPin>,
}

/// Makes a token; returns the command that joins a cluster with it.
pub(super) async fn create(hub: &HubLogin, wanted: Wanted) -> anyhow::Result<String> {
    let token = JoinToken::random();
    let client = hub.client().await?;
    let invitation = match hub.data()? {
        Some(data) => Invitation::of_data(&data)?,
        None => {
            anyhow::ensure!(
                wanted.uses.is_none(),
                "--uses needs --data-dir: the hub counts who joins, and a Kubernetes cluster that \
                 is the hub knows its tokens itself"
            );
            Invitation::published(&client).await?
        }
    };
    let Wanted {
        cluster,
        uses,
        valid_for,
    } = wanted;
    let command = invitation.command(&token, cluster.as_ref());
    let terms = Terms {
        expires: OffsetDateTime::now_utc() + valid_for.as_duration(),
        uses,
        cluster,
    };
    let description = "Lets clusters ask to join; made by adit token create --join.";
    let secret = token.to_secret(&terms, description)?;
    let (secrets, params) = (secrets(client), PostParams::default());
    let created = secrets.create(&params, &secret).await;
    created.context("the hub takes no token; is it running?")?;
    Ok(command)
}

/// Prints what tokens there are, and nothing of their secrets; nothing if there
/// are none.
pub(super) async fn list(hub: &HubLogin) -> anyhow::Result<()> {
    let secrets = secrets(hub.client().await?);
    let listed = secrets.list(&ListParams::default()).await;
    let listed = listed.context("the hub does not tell its tokens; is it running?")?;
    let rows: Vec<_> = listed.items.iter().filter_map(row).collect();
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
    if !is_to_join_with(secret) {
        // A Kubernetes cluster has others, for its nodes.
        return None;
    }
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
pub(super) async fn revoke(hub: &HubLogin, id: &str) -> anyhow::Result<()> {
    let secrets = secrets(hub.client().await?);
    let asked = "the hub does not revoke it; is it running?";
    let there = secrets.get_opt(&secret_name(id)).await.context(asked)?;
    anyhow::ensure!(
        there.is_some_and(|secret| is_to_join_with(&secret)),
        "there is no token {id} to join with"
    );
    let (name, params) = (secret_name(id), DeleteParams::default());
    secrets.delete(&name, &params).await.context(asked)?;
    Ok(())
}

impl Invitation {
    /// Of the hub with this data directory.
    fn of_data(data: &DataDir) -> anyhow::Result<Self> {
        let authorities = Authorities::load(data)?;
        let trusted = authorities.trusted();
        Ok(Self {
            hub: Addresses::load(data)?.all()[0].clone(),
            pins: trusted.map(|of| CaPin::of(of.certificate())).collect(),
        })
    }

    /// As the hub tells it in the Kubernetes cluster that it lives in.
    async fn published(client: &Client) -> anyhow::Result<Self> {
        let published = Published::read(client).await?;
        let authorities = CertificateDer::pem_slice_iter(published.authorities_pem.as_bytes());
        let pins = authorities.map(|of| of.map(|of| CaPin::of(&of)));
        let pins: Result<Vec<_>, _> = pins.collect();
        Ok(Self {
            hub: published.hubs[0].clone(),
            pins: pins.context("what the hub tells of its authorities is no PEM")?,
        })
    }

    fn command(&self, token: &JoinToken, cluster: Option<&ClusterName>) -> String {
        let Self { hub, pins } = self;
        let pins = pins.iter().map(|pin| format!(" --ca-pin {pin}"));
        let pins: String = pins.collect();
        let cluster = cluster.map_or("NAME", ClusterName::as_str);
        let token = token.expose();
        format!("adit join --hub {hub}{pins} --token {token} --cluster-name {cluster}")
    }
}

fn secrets(client: Client) -> Api<Secret> {
    Api::namespaced(client, NAMESPACE)
}
