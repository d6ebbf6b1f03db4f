//! Making a backup.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::archive::{FilePart, Writing};
use super::contents;
use super::seal::Unsealing;
use super::source::Source;
use crate::data_dir::{DataDir, DataDirError, Secrecy};

/// What was saved.
#[derive(Debug)]
pub(crate) struct Saved {
    /// Files of the data directory, the store not among them.
    pub(crate) files: usize,
    /// The backup's length.
    pub(crate) bytes: u64,
}

/// Pieces of the store that may wait to be written.
const QUEUE: usize = 4;
const BUFFER: usize = 1 << 20;

/// Writes a backup of the data directory, whether its hub runs or not.
///
/// The file has mode 0600. It is complete, or not there; one that is there
/// already stays.
pub(crate) async fn save(data: &DataDir, to: &Path) -> anyhow::Result<Saved> {
    anyhow::ensure!(
        fs::symlink_metadata(to).is_err(),
        "{} is there already; remove it, or name another file",
        to.display()
    );
    let source = Source::open(data).await?;
    let writer = data.lock_for_writing().await?;
    let files = read(data)?;
    drop(writer);
    let saved_files = files.len();
    let (pieces, received) = mpsc::channel(QUEUE);
    let store = source.has_store().then_some(received);
    let path = to.to_owned();
    let writing = spawn_blocking(move || write(&path, &files, store));
    let (fed, written) = tokio::join!(source.feed(pieces), writing);
    fed.context("the store cannot be backed up")?;
    let bytes = written?.with_context(|| format!("cannot write {}", to.display()))?;
    Ok(Saved {
        files: saved_files,
        bytes,
    })
}

/// Reads the small files; one that is gone meanwhile is none.
fn read(data: &DataDir) -> Result<Vec<FilePart>, DataDirError> {
    let mut parts = Vec::new();
    for place in contents::files(data)? {
        let path = place.below(data.root());
        let failed = |source| DataDirError::Read {
            path: path.clone(),
            source,
        };
        let contents = match fs::read(&path) {
            Ok(contents) => contents,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
        parts.push(FilePart {
            place,
            secrecy: if mode & 0o077 == 0 {
                Secrecy::Private
            } else {
                Secrecy::Public
            },
            contents,
        });
    }
    Ok(parts)
}

/// Writes the file beside its place first; blocks.
fn write(
    to: &Path,
    files: &[FilePart],
    store: Option<mpsc::Receiver<Bytes>>,
) -> anyhow::Result<u64> {
    let folder = folder(to);
    // Of mode 0600, and gone if it is not finished.
    let target = NamedTempFile::with_prefix_in(".adit-backup-", &folder)?;
    let mut out = Writing::new(BufWriter::with_capacity(BUFFER, target))?;
    for file in files {
        out.file(file).context(file.place.path().to_owned())?;
    }
    if let Some(mut pieces) = store {
        let mut unsealing = Unsealing::new();
        while let Some(piece) = pieces.blocking_recv() {
            out.store(&unsealing.take(&piece))?;
        }
        anyhow::ensure!(
            unsealing.is_whole(),
            "the store's backup broke off; the log of the hub, if it runs, says why"
        );
    }
    let target = out
        .end()?
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    target.as_file().sync_all()?;
    let bytes = target.as_file().metadata()?.len();
    target.persist_noclobber(to)?;
    File::open(folder)?.sync_all()?;
    Ok(bytes)
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
