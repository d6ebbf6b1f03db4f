//! The hub's authority: made once, and never another over it.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;

use super::{SetupError, save};
use crate::ca::{Authority, hex};
use crate::data_dir::{self, DataDir, Secrecy};

/// Takes up the directory's authority; a new hub's is made.
pub(super) fn load_or_make(data: &DataDir) -> Result<Authority, SetupError> {
    let has_certificate = data_dir::read_if_present(&data.ca_certificate())?.is_some();
    if has_certificate || !data.is_new()? {
        return load(data);
    }
    make(data)
}

/// Takes up the directory's authority; it is an error if a part of it is missing.
pub(super) fn load(data: &DataDir) -> Result<Authority, SetupError> {
    let read = |path: PathBuf| {
        data_dir::read_if_present(&path)?.ok_or_else(|| SetupError::AuthorityMissing {
            missing: path,
            root: data.root().to_owned(),
        })
    };
    let certificate = read(data.ca_certificate())?;
    let key = read(data.ca_key())?;
    Authority::load(certificate, &key).map_err(|source| SetupError::Authority {
        path: data.ca_certificate(),
        source,
    })
}

/// Every hub's authority has a name of its own, so that certificates tell
/// whose they are.
///
/// A key that is there was left by a start that was interrupted here; no key
/// is ever overwritten.
fn make(data: &DataDir) -> Result<Authority, SetupError> {
    let name = format!("adit hub {}", hex(&rand::random::<[u8; 4]>()));
    let authority = match data_dir::read_if_present(&data.ca_key())? {
        Some(key) => {
            Authority::create_with_key(&name, &key).map_err(|source| SetupError::Authority {
                path: data.ca_key(),
                source,
            })?
        }
        None => {
            let (authority, key) = Authority::create(&name)?;
            save(data.ca_key(), key.expose_secret(), Secrecy::Private)?;
            authority
        }
    };
    save(
        data.ca_certificate(),
        authority.certificate_pem(),
        Secrecy::Public,
    )?;
    tracing::info!(%name, "made a certificate authority");
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A directory of a hub that has started once.
    fn filled() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        load_or_make(&data).unwrap();
        fs::write(data.hub_file(), "{}").unwrap();
        (folder, data)
    }

    fn contents(data: &DataDir) -> Vec<Option<String>> {
        [data.ca_certificate(), data.ca_key()]
            .map(|path| fs::read_to_string(path).ok())
            .to_vec()
    }

    /// What a hub says that is started without this file.
    fn refused_without(data: &DataDir, file: PathBuf) -> String {
        fs::remove_file(&file).unwrap();
        let before = contents(data);
        let error = load_or_make(data).err().expect("it is refused").to_string();
        assert_eq!(contents(data), before, "nothing is made");
        assert!(error.contains(file.to_str().unwrap()), "{error}");
        error
    }

    #[test]
    fn a_lost_certificate_or_key_is_an_error_and_no_new_authority() {
        let (_folder, data) = filled();
        let error = refused_without(&data, data.ca_certificate());
        assert!(error.contains("restore the file from a backup"), "{error}");
        let (_folder, data) = filled();
        refused_without(&data, data.ca_key());
    }

    #[test]
    fn a_directory_with_clusters_gets_no_new_authority() {
        let (_folder, data) = filled();
        fs::write(data.clusters().join("edge-1.json"), "{}").unwrap();
        fs::remove_file(data.hub_file()).unwrap();
        fs::remove_file(data.ca_key()).unwrap();
        refused_without(&data, data.ca_certificate());
    }

    #[test]
    fn a_first_start_that_was_interrupted_is_taken_up_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        load_or_make(&data).unwrap();
        let key = fs::read_to_string(data.ca_key()).unwrap();
        fs::remove_file(data.ca_certificate()).unwrap();
        load_or_make(&data).unwrap();
        assert_eq!(fs::read_to_string(data.ca_key()).unwrap(), key);
        load(&data).unwrap();
    }
}
