//! `adit backup`: a hub in one file.

use std::path::PathBuf;

use super::DataDirArg;
use crate::backup;
use crate::data_dir::DataDir;
use crate::output;

/// Save everything of a hub into one file
///
/// Beside the hub, whether it runs or not: its keys, records and tokens, and
/// all objects of its API as they are at one moment. The file has mode 0600;
/// keep it as you keep ca.key, for whoever has it can be anybody.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit backup --data-dir /var/lib/adit /backups/adit-$(date +%F)
  adit restore /backups/adit-2026-11-21 --data-dir /var/lib/adit
      Where no hub's data is yet.")]
pub(crate) struct Args {
    #[command(flatten)]
    data_dir: DataDirArg,

    /// The file to make; one that is there is not overwritten
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs it.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let data = DataDir::open(&args.data_dir.data_dir)?;
    let saved = Box::pin(backup::save(&data, &args.file)).await?;
    output::line(&format!(
        "{}: {} bytes, the store and {} files; it holds the hub's private keys",
        args.file.display(),
        saved.bytes,
        saved.files
    ))?;
    Ok(())
}
