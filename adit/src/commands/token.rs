//! `adit token`: bearer tokens for users of the hub.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{DataDirArg, deliver, notice};
use crate::addresses::Addresses;
use crate::authorities::Authorities;
use crate::data_dir::{self, DataDir};
use crate::kubeconfig::{HubAccess, Login};
use crate::lifetime::Lifetime;
use crate::output;
use crate::tokens::{self, TokenId, TokenRecord};

/// Create, list and revoke bearer tokens for users
///
/// The hub keeps a hash of each token only; the token itself is shown once.
/// What a user may reach and do say the roles of the hub's API.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it once
    Create(Create),
    /// List tokens: id, user, groups, when they were made and end
    List(DataDirArg),
    /// Refuse a token from now on
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  adit token create --data-dir /var/lib/adit --user alice --group dev --valid-for 30d")]
struct Create {
    #[command(flatten)]
    data_dir: DataDirArg,

    /// The user it speaks for
    #[arg(long, value_name = "NAME")]
    user: String,

    /// A group of the user; may be repeated
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,

    /// How long it is good for
    #[arg(long, value_name = "TIME", default_value = "7d")]
    valid_for: Lifetime,

    /// Where to write it, mode 0600; default: standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The token's id, as `adit token list` shows it
    id: TokenId,

    #[command(flatten)]
    data_dir: DataDirArg,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::Create(args) => create(args).await,
        Action::List(args) => list(&DataDir::open(&args.data_dir)?),
        Action::Revoke(args) => {
            let data = DataDir::open(&args.data_dir.data_dir)?;
            let _writer = data.lock_for_writing().await?;
            tokens::revoke(&data, &args.id)?;
            output::line(&format!("revoked {}", args.id))?;
            Ok(())
        }
    }
}

async fn create(args: Create) -> anyhow::Result<()> {
    let data = DataDir::open(&args.data_dir.data_dir)?;
    let (token, _) = issue(&data, args.user, args.groups, args.valid_for).await?;
    deliver(
        &format!("{}\n", token.expose_secret()),
        args.output.as_deref(),
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
