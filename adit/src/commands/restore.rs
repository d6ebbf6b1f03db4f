//! `adit restore`: a data directory out of a backup.

use std::path::PathBuf;

use super::DataDirArg;
use crate::backup;
use crate::output;

/// Make a hub's data directory out of a backup
///
/// All of the backup is verified before anything is made. The hub that is then
/// started there is the one that was backed up: its agents and users come back
/// by themselves. What was changed after the backup is gone; clients that saw
/// it read everything anew.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  adit restore /backups/adit-2026-11-21 --data-dir /var/lib/adit")]
pub(crate) struct Args {
    /// What `adit backup` has made
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// An empty directory, or one that is not there
    #[command(flatten)]
    data_dir: DataDirArg,
}

/// Runs it.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let root = args.data_dir.data_dir;
    let restored = Box::pin(backup::restore(&args.file, &root)).await?;
    let store = restored.revision.map_or_else(
        || "no store".to_owned(),
        |revision| format!("the store, from revision {revision} on"),
    );
    output::line(&format!(
        "{}: {} files and {store}; start it with `adit hub --data-dir {0}`",
        root.display(),
        restored.files,
    ))?;
    Ok(())
}
