//! The hub's data directory: where each file is, and how it is written.
//!
//! ```text
//! ca.crt ca.key              the authority that signs everything below
//! ca-previous.crt .key       the one before it, from `adit ca rotate` to `adit ca retire`
//! ca-next.key                a new authority's key, for the moment before it is ca.key
//! trusted/NAME.crt           another authority whose clients are let in
//! serving.crt serving.key    what the hub shows to its clients
//! hub.json                   the addresses that agents and users reach it at
//! admin.kubeconfig           the administrator's way in
//! clusters/NAME.json         a known cluster and the certificates issued to it
//! tokens/ID.json             a bearer token, hashed
//! service-accounts.key       what tokens of service accounts are signed with
//! store/                     the objects of the hub's API
//! restore.incomplete         while a backup is being restored
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod durable;
mod lock;

pub(crate) use durable::{Secrecy, remove, write};
pub(crate) use lock::FileLock;

/// A data directory that exists.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    #[error("cannot create {path}", path = path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("another hub runs on {path}; stop it, or use another --data-dir", path = path.display())]
    InUse { path: PathBuf },
    #[error(
        "{path} holds half of a backup: its restore was cut short; remove what is in the \
         directory and restore the backup again",
        path = path.display()
    )]
    HalfRestored { path: PathBuf },
    #[error("cannot lock {path}", path = path.display())]
    Lock { path: PathBuf, source: io::Error },
    #[error(
        "another command has been changing {path} for {seconds} s; try again when it is done",
        path = path.display()
    )]
    Busy { path: PathBuf, seconds: u64 },
    #[error(
        "{path} holds no hub's data; start `adit hub --data-dir {path}` first",
        path = path.display()
    )]
    NoHub { path: PathBuf },
    #[error("cannot read {path}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// How long a command waits for another one that changes the same directory.
const WRITER_WAIT: Duration = Duration::from_secs(10);

impl DataDir {
    /// Opens the directory, made with mode 0700 if it does not exist.
    pub(crate) fn create(root: &Path) -> Result<Self, DataDirError> {
        let this = Self {
            root: root.to_owned(),
        };
        for path in [
            this.root.clone(),
            this.clusters(),
            this.tokens(),
            this.trusted(),
        ] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(|source| DataDirError::Create { path, source })?;
        }
        Ok(this)
    }

    /// Opens a directory that a hub has filled.
    pub(crate) fn open(root: &Path) -> Result<Self, DataDirError> {
        let this = Self {
            root: root.to_owned(),
        };
        this.check_restored()?;
        if this.hub_file().is_file() {
            Ok(this)
        } else {
            Err(DataDirError::NoHub { path: this.root })
        }
    }

    /// Whether no hub has filled the directory yet: `adit credentials` and the
    /// other commands refuse it, so nothing in it can have been issued.
    pub(crate) fn is_new(&self) -> Result<bool, DataDirError> {
        if read_if_present(&self.hub_file())?.is_some() {
            return Ok(false);
        }
        for folder in [self.clusters(), self.tokens()] {
            let first = fs::read_dir(&folder).map(|mut entries| entries.next());
            match first {
                Ok(None) => {}
                Ok(Some(_)) => return Ok(false),
                Err(source) => {
                    return Err(DataDirError::Read {
                        path: folder,
                        source,
                    });
                }
            }
        }
        Ok(true)
    }

    /// Makes this process the one hub of the directory, and clears away
    /// what interrupted writes have left.
    pub(crate) async fn lock_for_hub(&self) -> Result<FileLock, DataDirError> {
        let path = self.root.join("hub.lock");
        let lock = FileLock::try_take(&path)
            .map_err(|source| DataDirError::Lock {
                path: path.clone(),
                source,
            })?
            .ok_or_else(|| DataDirError::InUse {
                path: self.root.clone(),
            })?;
        self.check_restored()?;
        let _writer = self.lock_for_writing().await?;
        for folder in [self.root.clone(), self.clusters(), self.tokens()] {
            durable::clear_leftovers(&folder).map_err(|source| DataDirError::Write {
                path: folder,
                source,
            })?;
        }
        Ok(lock)
    }

    fn check_restored(&self) -> Result<(), DataDirError> {
        let marker = self.restore_marker();
        match marker.try_exists() {
            Ok(false) => Ok(()),
            Ok(true) => Err(DataDirError::HalfRestored {
                path: self.root.clone(),
            }),
            Err(source) => Err(DataDirError::Read {
                path: marker,
                source,
            }),
        }
    }

    /// Keeps other commands from changing records between a read and a write.
    ///
    /// Waits for them at most 10 s.
    pub(crate) async fn lock_for_writing(&self) -> Result<FileLock, DataDirError> {
        let path = self.root.join("write.lock");
        match FileLock::take(&path, WRITER_WAIT).await {
            Ok(Some(lock)) => Ok(lock),
            Ok(None) => Err(DataDirError::Busy {
                path: self.root.clone(),
                seconds: WRITER_WAIT.as_secs(),
            }),
            Err(source) => Err(DataDirError::Lock { path, source }),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn ca_certificate(&self) -> PathBuf {
        self.root.join("ca.crt")
    }

    pub(crate) fn ca_key(&self) -> PathBuf {
        self.root.join("ca.key")
    }

    pub(crate) fn previous_ca_certificate(&self) -> PathBuf {
        self.root.join("ca-previous.crt")
    }

    pub(crate) fn previous_ca_key(&self) -> PathBuf {
        self.root.join("ca-previous.key")
    }

    pub(crate) fn next_ca_key(&self) -> PathBuf {
        self.root.join("ca-next.key")
    }

    /// The folder of other authorities' certificates.
    pub(crate) fn trusted(&self) -> PathBuf {
        self.root.join("trusted")
    }

    pub(crate) fn serving_certificate(&self) -> PathBuf {
        self.root.join("serving.crt")
    }

    pub(crate) fn serving_key(&self) -> PathBuf {
        self.root.join("serving.key")
    }

    pub(crate) fn quic_reset_key(&self) -> PathBuf {
        self.root.join("quic-reset.key")
    }

    /// What tokens of service accounts are signed with.
    pub(crate) fn service_account_keys(&self) -> PathBuf {
        self.root.join("service-accounts.key")
    }

    /// The folder of the store that keeps the hub's API's objects.
    pub(crate) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Is there while a backup is being restored.
    pub(crate) fn restore_marker(&self) -> PathBuf {
        self.root.join("restore.incomplete")
    }

    pub(crate) fn hub_file(&self) -> PathBuf {
        self.root.join("hub.json")
    }

    pub(crate) fn admin_kubeconfig(&self) -> PathBuf {
        self.root.join("admin.kubeconfig")
    }

    /// The folder of the clusters' records.
    pub(crate) fn clusters(&self) -> PathBuf {
        self.root.join("clusters")
    }

    /// The folder of the tokens' records.
    pub(crate) fn tokens(&self) -> PathBuf {
        self.root.join("tokens")
    }
}

/// Reads a whole file as text.
pub(crate) fn read(path: &Path) -> Result<String, DataDirError> {
    fs::read_to_string(path).map_err(|source| DataDirError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Reads a whole file as text; `None` if there is none.
pub(crate) fn read_if_present(path: &Path) -> Result<Option<String>, DataDirError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DataDirError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_second_hub_is_kept_out_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(&folder.path().join("data")).unwrap();
        let first = data.lock_for_hub().await.unwrap();
        let second = data.lock_for_hub().await;
        assert!(matches!(second, Err(DataDirError::InUse { .. })));
        drop(first);
        data.lock_for_hub().await.unwrap();
    }

    #[test]
    fn only_its_owner_may_enter_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        DataDir::create(&root).unwrap();
        assert_eq!(
            fs::metadata(&root).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn a_directory_that_no_hub_filled_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = DataDir::open(folder.path()).unwrap_err();
        assert!(
            error.to_string().contains("start `adit hub --data-dir"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_an_interrupted_write_left_is_cleared_by_the_next_hub() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let leftover = data.clusters().join(".edge-1.json.0123456789abcdef.tmp");
        fs::write(&leftover, "half").unwrap();
        fs::write(data.hub_file(), "kept").unwrap();
        data.lock_for_hub().await.unwrap();
        assert!(!leftover.exists());
        assert!(data.hub_file().exists());
    }
}
