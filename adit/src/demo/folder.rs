//! Where the demo keeps its files.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

/// A folder that is the user's, or one that is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    temporary: Option<TempDir>,
}

impl Folder {
    /// Opens the user's folder, made if need be, or a temporary one.
    pub(super) fn open(dir: Option<&Path>) -> anyhow::Result<Self> {
        let Some(dir) = dir else {
            let temporary = tempfile::Builder::new()
                .prefix("adit-demo-")
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir();
            let temporary = temporary.context("cannot make a temporary folder")?;
            return Ok(Self {
                path: temporary.path().to_owned(),
                temporary: Some(temporary),
            });
        };
        create_private(dir)?;
        // Child processes have working directories of their own.
        let path = dir.canonicalize();
        let path = path.with_context(|| format!("cannot open {}", dir.display()))?;
        Ok(Self {
            path,
            temporary: None,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.path.join("kubeconfig")
    }

    /// Whether it is gone after the demo.
    pub(super) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

/// Makes a folder that only its owner may enter; one that is there stays.
pub(super) fn create_private(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make {}", path.display()))
}
