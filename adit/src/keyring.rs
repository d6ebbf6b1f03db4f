//! The file of the keys that service accounts' tokens are signed with.

use std::path::{Path, PathBuf};

use apiserver::tokens::{Keyring, KeyringError};

use crate::data_dir::{self, DataDirError, Secrecy};

/// Why there are no keys to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyringFileError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("the keys in {path} cannot be used", path = path.display())]
    Keys { path: PathBuf, source: KeyringError },
}

/// Reads the keys; a file that is not there is made, with a new one.
pub(crate) fn load_or_make(path: &Path) -> Result<Keyring, KeyringFileError> {
    let unusable = |source| KeyringFileError::Keys {
        path: path.to_owned(),
        source,
    };
    if let Some(pem) = data_dir::read_if_present(path)? {
        return Keyring::from_pem(&pem).map_err(unusable);
    }
    let pem = Keyring::generate_pem().map_err(unusable)?;
    data_dir::write(path, pem.as_bytes(), Secrecy::Private).map_err(|source| {
        DataDirError::Write {
            path: path.to_owned(),
            source,
        }
    })?;
    Keyring::from_pem(&pem).map_err(unusable)
}
