//! Making a data directory out of a backup.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use store::Revision;
use tokio::task::spawn_blocking;

use super::archive::{ArchiveError, FilePart, Part, Reading};
use crate::data_dir::{self, DataDir, Secrecy};

/// What was restored.
#[derive(Debug)]
pub(crate) struct Restored {
    /// Files of the data directory, the store not among them.
    pub(crate) files: usize,
    /// Where the store goes on; none if the backup is of a hub without one.
    pub(crate) revision: Option<Revision>,
}

/// What a backup holds, as far as its reader has to know it before.
#[derive(Debug)]
struct Verified {
    files: usize,
    has_store: bool,
}

const BUFFER: usize = 1 << 20;
/// A file system's own, in its root.
const LOST_AND_FOUND: &str = "lost+found";

/// Makes a data directory out of a backup, in a directory that is empty or
/// not there. The backup is verified before anything is made, and nothing is
/// left of a restore that fails.
pub(crate) async fn restore(backup: &Path, root: &Path) -> anyhow::Result<Restored> {
    let verified = {
        let backup = backup.to_owned();
        spawn_blocking(move || verify(&backup)).await?
    };
    let verified = verified.with_context(|| {
        format!(
            "the backup {} cannot be used; nothing was restored",
            backup.display()
        )
    })?;
    check_empty(root)?;
    let data = DataDir::create(root)?;
    let _lock = data.lock_for_hub().await?;
    let filled = fill(backup, &data, &verified).await;
    if filled.is_err()
        && let Err(error) = clear(root)
    {
        tracing::warn!(%error, root = %root.display(), "cannot remove what was restored so far");
    }
    let revision = filled?;
    Ok(Restored {
        files: verified.files,
        revision,
    })
}

/// Reads all of it.
fn verify(backup: &Path) -> Result<Verified, ArchiveError> {
    let mut reading = open(backup)?;
    let mut verified = Verified {
        files: 0,
        has_store: false,
    };
    loop {
        match reading.part()? {
            Part::File(_) => verified.files += 1,
            Part::Store(_) => verified.has_store = true,
            Part::End => return Ok(verified),
        }
    }
}

fn check_empty(root: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", root.display())),
    };
    for entry in entries {
        anyhow::ensure!(
            entry?.file_name() == LOST_AND_FOUND,
            "{} is not empty: move away what is there, or restore into another directory",
            root.display()
        );
    }
    Ok(())
}

/// No hub starts there before all is in its place.
async fn fill(
    backup: &Path,
    data: &DataDir,
    verified: &Verified,
) -> anyhow::Result<Option<Revision>> {
    let marker = data.restore_marker();
    save(&marker, b"", Secrecy::Public)?;
    let store_backup = data.root().join(".store.backup.tmp");
    {
        let (backup, root) = (backup.to_owned(), data.root().to_owned());
        let store_backup = store_backup.clone();
        spawn_blocking(move || unpack(&backup, &root, &store_backup)).await??;
    }
    let revision = if verified.has_store {
        let summary = store::restore(&store_backup, &data.store()).await;
        Some(
            summary
                .context("the backup's store cannot be restored")?
                .revision,
        )
    } else {
        None
    };
    remove(&store_backup)?;
    remove(&marker)?;
    Ok(revision)
}

/// Puts the files in their places, and the store's backup into a file; blocks.
fn unpack(backup: &Path, root: &Path, store_backup: &Path) -> anyhow::Result<()> {
    let unwritten = || format!("cannot write {}", store_backup.display());
    let store = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(store_backup)
        .with_context(unwritten)?;
    let mut store = BufWriter::with_capacity(BUFFER, store);
    let mut reading = open(backup)?;
    loop {
        match reading.part()? {
            Part::File(FilePart {
                place,
                secrecy,
                contents,
            }) => save(&place.below(root), &contents, secrecy)?,
            Part::Store(piece) => store.write_all(&piece).with_context(unwritten)?,
            Part::End => break,
        }
    }
    store.flush().with_context(unwritten)
}

fn open(backup: &Path) -> Result<Reading<BufReader<File>>, ArchiveError> {
    let file = File::open(backup)?;
    Reading::new(BufReader::with_capacity(BUFFER, file))
}

fn save(path: &Path, contents: &[u8], secrecy: Secrecy) -> anyhow::Result<()> {
    data_dir::write(path, contents, secrecy)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    data_dir::remove(path).with_context(|| format!("cannot remove {}", path.display()))?;
    Ok(())
}

/// Removes what is in a directory that was empty before.
fn clear(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_name() == LOST_AND_FOUND {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
