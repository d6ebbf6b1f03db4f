//! `adit token`: bearer tokens for users of the hub, and tokens by which clusters join.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context as _;
use clap::Subcommand;
use proto::ClusterName;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{deliver, notice};
use crate::addresses::Addresses;
use crate::authorities::Authorities;
use crate::data_dir::{self, DataDir};
use crate::hub_login::HubLogin;
use crate::join_token::USES_MAX;
use crate::kubeconfig::{HubAccess, Login};
use crate::lifetime::Lifetime;
use crate::output;
use crate::tokens::{self, TokenError, TokenId, TokenRecord};

mod joining;

/// Create, list and revoke bearer tokens for users, and tokens to join with
///
/// Of users' tokens the hub keeps a hash only; a token itself is shown once.
/// What a user may reach and do say the roles of the hub's API. With
/// --kubeconfig all of this is about tokens to join with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it once
    Create(Create),
    /// List tokens: users' by id, user, groups, when they were made and end;
    /// those to join with by id, cluster, end and the uses that are left
    List(List),
    /// Refuse a token from now on
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  adit token create --data-dir /var/lib/adit --user alice --group dev --valid-for 30d
  adit token create --data-dir /var/lib/adit --join --cluster-name edge-7
      Prints the command that joins a cluster, with a token that is good for a day.
  adit token create --data-dir /var/lib/adit --join --uses 20 --ttl 7d
      The same for at most 20 clusters, for a week.
  adit token create --kubeconfig hub.kubeconfig --join --cluster-name edge-7
      For a hub that is a Kubernetes cluster.")]
struct Create {
    #[command(flatten)]
    hub: HubLogin,

    /// Make a token to join a cluster with, and print the whole command
    ///
    /// Any number of clusters may join with it while it is good, unless --uses
    /// says how many; each still has to be accepted. The hub has to run. It is
    /// kept as a bootstrap token: the Secret bootstrap-token-ID in kube-system.
    #[arg(long, conflicts_with_all = ["groups", "output", "user"])]
    join: bool,

    /// With --join: the cluster in the command that is printed
    #[arg(long, value_name = "NAME", requires = "join")]
    cluster_name: Option<ClusterName>,

    /// With --join: how many clusters may join with it; default: any number
    ///
    /// A cluster that comes again counts once. With this the token is good at
    /// the hub's port for agents alone, not in the API for clients like kubectl.
    /// A hub that is a Kubernetes cluster does not count.
    #[arg(long, value_name = "N", requires = "join", value_parser = clap::value_parser!(u32).range(1..=i64::from(USES_MAX)))]
    uses: Option<u32>,

    /// The user it speaks for
    #[arg(long, value_name = "NAME", required_unless_present = "join")]
    user: Option<String>,

    /// A group of the user; may be repeated
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,

    /// How long it is good for; default 7d, and 24h with --join
    #[arg(long, value_name = "TIME", visible_alias = "ttl")]
    valid_for: Option<Lifetime>,

    /// Where to write it, mode 0600; default: standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    hub: HubLogin,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The token's id, as `adit token list` shows it, or the part before the
    /// dot of one to join with
    #[arg(value_parser = Id::from_str)]
    id: Id,

    #[command(flatten)]
    hub: HubLogin,
}

/// Whose token it is, by its id.
#[derive(Clone, Debug)]
enum Id {
    /// To join with.
    Joining(String),
    /// A user's.
    User(TokenId),
}

impl FromStr for Id {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        if joining::is_id(text) {
            Ok(Self::Joining(text.to_owned()))
        } else {
            text.parse().map(Self::User)
        }
    }
}

/// How long a user's token is good for if nobody says.
const VALID_FOR: Lifetime = Lifetime::from_days(7);

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::Create(args) => create(args).await,
        Action::List(List { hub }) => match hub.data()? {
            Some(data) => {
                list(&data)?;
                if let Err(error) = joining::list(&hub).await {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "tokens to join with are not listed"
                    );
                }
                Ok(())
            }
            None => joining::list(&hub).await,
        },
        Action::Revoke(args) => {
            let id = match args.id {
                Id::Joining(id) => {
                    joining::revoke(&args.hub, &id).await?;
                    id
                }
                Id::User(id) => {
                    let data = of_users(&args.hub)?;
                    let _writer = data.lock_for_writing().await?;
                    tokens::revoke(&data, &id)?;
                    id.to_string()
                }
            };
            output::line(&format!("revoked {id}"))?;
            Ok(())
        }
    }
}

async fn create(args: Create) -> anyhow::Result<()> {
    let Some(user) = args.user else {
        let valid_for = args.valid_for.unwrap_or(joining::VALID_FOR);
        let wanted = joining::Wanted {
            cluster: args.cluster_name,
            uses: args.uses,
            valid_for,
        };
        let command = joining::create(&args.hub, wanted).await?;
        output::line(&command)?;
        return Ok(());
    };
    let data = of_users(&args.hub)?;
    let valid_for = args.valid_for.unwrap_or(VALID_FOR);
    let (token, _) = issue(&data, user, args.groups, valid_for).await?;
    deliver(
        &format!("{}\n", token.expose_secret()),
        args.output.as_deref(),
    )
}

/// Where the tokens of users are kept.
fn of_users(hub: &HubLogin) -> anyhow::Result<DataDir> {
    hub.data()?.context(
        "tokens for users are in the hub's data directory: pass --data-dir without --kubeconfig; \
         users of a hub that is a Kubernetes cluster may also come with that cluster's tokens",
    )
}

/// Makes a token, and the way to the hub with it, which a running hub knows
/// when this returns.
pub(super) async fn issue(
    data: &DataDir,
    user: String,
    groups: Vec<String>,
    lifetime: Lifetime,
) -> anyhow::Result<(SecretString, HubAccess)> {
    let (record, token) = TokenRecord::create(user.clone(), groups, lifetime)?;
    let writer = data.lock_for_writing().await?;
    let access = HubAccess {
        server: Addresses::load(data)?.url(),
        authority_pem: Authorities::load(data)?.bundle_pem(),
        user,
        login: Login::Token(token.clone()),
    };
    record.save(data)?;
    drop(writer);
    notice::taken(&access).await;
    Ok((token, access))
}

fn list(data: &DataDir) -> anyhow::Result<()> {
    let folder = data.tokens();
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut records = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = data_dir::read(&path)?;
            records.push(TokenRecord::parse(path, &text)?);
        }
    }
    records.sort_by_key(|record| record.created);
    output::write(&table(&records, OffsetDateTime::now_utc())?)?;
    Ok(())
}

fn table(records: &[TokenRecord], now: OffsetDateTime) -> anyhow::Result<String> {
    let head = ["ID", "USER", "GROUPS", "CREATED", "EXPIRES"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    for record in records {
        let mut expires = record.expires.replace_nanosecond(0)?.format(&Rfc3339)?;
        if record.expires <= now {
            expires.push_str(" (over)");
        }
        rows.push(vec![
            record.id.to_string(),
            record.user.clone(),
            record.groups.join(","),
            record.created.replace_nanosecond(0)?.format(&Rfc3339)?,
            expires,
        ]);
    }
    Ok(output::table(&rows))
}
