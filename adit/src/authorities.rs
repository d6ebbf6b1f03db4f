//! The hub's own authorities: the one that signs, and for a while the one before it.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use crate::ca::{Authority, AuthorityError, hex};
use crate::data_dir::{self, DataDir, DataDirError, Secrecy};

/// Both authorities, whom the hub, its agents and its users trust alike.
///
/// From [`rotate`] to [`retire`] there are two. Clients' certificates are
/// signed by the new one, and the hub's own by the old one, because agents and
/// users who have heard of no other trust it alone.
pub(crate) struct Authorities {
    signer: Authority,
    previous: Option<Authority>,
    /// The previous one is about to go: nothing may depend on it any more.
    retiring: bool,
}

/// Why there is no authority to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthoritiesError {
    #[error("{path} cannot be used", path = path.display())]
    Authority {
        path: PathBuf,
        source: AuthorityError,
    },
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("cannot make an authority")]
    Make(#[from] AuthorityError),
    #[error(
        "{missing} is missing, but {root} holds a hub's data: restore the file from a backup, or \
         use an empty --data-dir, which makes another authority that no agent and no user of \
         this one trusts",
        missing = missing.display(),
        root = root.display()
    )]
    Missing { missing: PathBuf, root: PathBuf },
    #[error("an earlier authority is still trusted; end that first with `adit ca retire`")]
    NotRetired,
    #[error("there is no earlier authority; `adit ca rotate` makes a new one first")]
    NothingToRetire,
}

impl Authorities {
    /// Takes up the directory's authorities; a new hub's is made.
    pub(crate) fn load_or_make(data: &DataDir) -> Result<Self, AuthoritiesError> {
        let has_certificate = data_dir::read_if_present(&data.ca_certificate())?.is_some();
        if has_certificate || !data.is_new()? {
            return Self::load(data);
        }
        make(data).map(|signer| Self {
            signer,
            previous: None,
            retiring: false,
        })
    }

    /// Takes up the directory's authorities; it is an error if a part is missing.
    ///
    /// The caller holds the writers' lock, or may find half of a rotation.
    pub(crate) fn load(data: &DataDir) -> Result<Self, AuthoritiesError> {
        let certificate = read(data, data.ca_certificate())?;
        let previous = previous(data, &certificate)?;
        Ok(Self {
            signer: signer(data, certificate)?,
            previous,
            retiring: false,
        })
    }

    /// Who signs clients' certificates.
    pub(crate) fn signer(&self) -> &Authority {
        &self.signer
    }

    /// Who signs the hub's own certificate.
    pub(crate) fn serving_signer(&self) -> &Authority {
        self.trusted().last().unwrap_or(&self.signer)
    }

    /// Those that are the hub's own, the one that signs first.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Authority> {
        [&self.signer].into_iter().chain(&self.previous)
    }

    /// Those of its own that are to be trusted, the one that signs first.
    pub(crate) fn trusted(&self) -> impl Iterator<Item = &Authority> {
        self.own().take(if self.retiring { 1 } else { 2 })
    }

    /// What agents and users are told to trust, PEM.
    pub(crate) fn bundle_pem(&self) -> String {
        let pems = self.trusted().map(|authority| authority.certificate_pem());
        pems.map(|pem| format!("{}\n", pem.trim_end())).collect()
    }

    /// The one before the one that signs.
    pub(crate) fn previous(&self) -> Option<&Authority> {
        self.previous.as_ref()
    }

    /// As they will be without the one before, from now on.
    pub(crate) fn retiring(self) -> Self {
        Self {
            retiring: true,
            ..self
        }
    }
}

/// Makes an authority that signs from now on; the one before stays trusted.
///
/// The caller holds the writers' lock. Interrupted anywhere, it has happened
/// or not: the new certificate in its place decides, and whoever signs takes
/// the key that fits it.
pub(crate) fn rotate(data: &DataDir) -> Result<Authorities, AuthoritiesError> {
    let before = Authorities::load(data)?;
    if before.previous.is_some() {
        return Err(AuthoritiesError::NotRetired);
    }
    let (next, key) = Authority::create(&name())?;
    let old_key = read(data, data.ca_key())?;
    save(data.previous_ca_key(), &old_key, Secrecy::Private)?;
    let old_pem = before.signer.certificate_pem();
    save(data.previous_ca_certificate(), old_pem, Secrecy::Public)?;
    save(data.next_ca_key(), key.expose_secret(), Secrecy::Private)?;
    save(
        data.ca_certificate(),
        next.certificate_pem(),
        Secrecy::Public,
    )?;
    save(data.ca_key(), key.expose_secret(), Secrecy::Private)?;
    remove(&data.next_ca_key())?;
    Ok(Authorities {
        signer: next,
        previous: Some(before.signer),
        retiring: false,
    })
}

/// Forgets the authority before the present one, and its key.
///
/// The caller holds the writers' lock, and has seen to it that nothing of the
/// hub's own is signed by it any more.
pub(crate) fn retire(data: &DataDir) -> Result<(), DataDirError> {
    remove(&data.previous_ca_certificate())?;
    remove(&data.previous_ca_key())
}

/// The authority whose certificate this is, with the key that fits.
///
/// A rotation that was interrupted is finished: its key goes where it belongs.
fn signer(data: &DataDir, certificate: String) -> Result<Authority, AuthoritiesError> {
    let key = read(data, data.ca_key())?;
    let refused = match Authority::load(certificate.clone(), &key) {
        Ok(authority) => return Ok(authority),
        Err(source) => source,
    };
    if let Some(next) = data_dir::read_if_present(&data.next_ca_key())?
        && let Ok(authority) = Authority::load(certificate, &next)
    {
        save(data.ca_key(), &next, Secrecy::Private)?;
        remove(&data.next_ca_key())?;
        return Ok(authority);
    }
    Err(AuthoritiesError::Authority {
        path: data.ca_certificate(),
        source: refused,
    })
}

/// The authority before the one of `certificate`.
///
/// A rotation that was interrupted early leaves the present one under that name.
fn previous(data: &DataDir, certificate: &str) -> Result<Option<Authority>, AuthoritiesError> {
    let path = data.previous_ca_certificate();
    let previous = data_dir::read_if_present(&path)?;
    let Some(previous) = previous.filter(|previous| previous != certificate) else {
        return Ok(None);
    };
    let key = read(data, data.previous_ca_key())?;
    Authority::load(previous, &key)
        .map(Some)
        .map_err(|source| AuthoritiesError::Authority { path, source })
}

/// A key that is there was left by a start that was interrupted here; no key
/// is ever overwritten.
fn make(data: &DataDir) -> Result<Authority, AuthoritiesError> {
    let name = name();
    let authority = match data_dir::read_if_present(&data.ca_key())? {
        Some(key) => Authority::create_with_key(&name, &key).map_err(|source| {
            AuthoritiesError::Authority {
                path: data.ca_key(),
                source,
            }
        })?,
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

/// Every authority has a name of its own, so that certificates tell whose they are.
fn name() -> String {
    format!("adit hub {}", hex(&rand::random::<[u8; 4]>()))
}

fn read(data: &DataDir, path: PathBuf) -> Result<String, AuthoritiesError> {
    data_dir::read_if_present(&path)?.ok_or_else(|| AuthoritiesError::Missing {
        missing: path,
        root: data.root().to_owned(),
    })
}

fn save(path: PathBuf, text: &str, secrecy: Secrecy) -> Result<(), DataDirError> {
    data_dir::write(&path, text.as_bytes(), secrecy)
        .map_err(|source| DataDirError::Write { path, source })
}

fn remove(path: &Path) -> Result<(), DataDirError> {
    data_dir::remove(path)
        .map(drop)
        .map_err(|source| DataDirError::Write {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A directory of a hub that has started once.
    fn filled() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        Authorities::load_or_make(&data).unwrap();
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
        let error = Authorities::load_or_make(data)
            .err()
            .expect("it is refused")
            .to_string();
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
        Authorities::load_or_make(&data).unwrap();
        let key = fs::read_to_string(data.ca_key()).unwrap();
        fs::remove_file(data.ca_certificate()).unwrap();
        Authorities::load_or_make(&data).unwrap();
        assert_eq!(fs::read_to_string(data.ca_key()).unwrap(), key);
        Authorities::load(&data).unwrap();
    }

    #[test]
    fn after_a_rotation_both_are_trusted_until_the_old_one_is_retired() {
        let (_folder, data) = filled();
        let [old, new] = [Authorities::load(&data).unwrap(), rotate(&data).unwrap()];
        let both = Authorities::load(&data).unwrap();
        let (old, new) = (old.signer().certificate(), new.signer().certificate());
        assert_ne!(old, new);
        assert_eq!(both.signer().certificate(), new);
        assert_eq!(both.serving_signer().certificate(), old);
        assert_eq!(both.bundle_pem().matches("BEGIN CERTIFICATE").count(), 2);
        assert!(matches!(rotate(&data), Err(AuthoritiesError::NotRetired)));
        retire(&data).unwrap();
        let one = Authorities::load(&data).unwrap();
        assert_eq!(one.serving_signer().certificate(), new);
        assert_eq!(one.bundle_pem().matches("BEGIN CERTIFICATE").count(), 1);
        assert!(!data.previous_ca_key().exists());
    }

    #[test]
    fn a_rotation_that_is_interrupted_has_happened_or_not() {
        let (_folder, data) = filled();
        let old_key = fs::read_to_string(data.ca_key()).unwrap();
        let old = fs::read_to_string(data.ca_certificate()).unwrap();
        rotate(&data).unwrap();
        // The last step did not come: the key is where it was made.
        fs::rename(data.ca_key(), data.next_ca_key()).unwrap();
        fs::write(data.ca_key(), &old_key).unwrap();
        let taken_up = Authorities::load(&data).unwrap();
        assert!(taken_up.previous().is_some());
        assert_ne!(fs::read_to_string(data.ca_key()).unwrap(), old_key);
        // Nor did the one before: the old authority signs, and it can be tried again.
        fs::rename(data.ca_key(), data.next_ca_key()).unwrap();
        fs::write(data.ca_key(), &old_key).unwrap();
        fs::write(data.ca_certificate(), &old).unwrap();
        assert!(Authorities::load(&data).unwrap().previous().is_none());
        rotate(&data).unwrap();
    }
}
