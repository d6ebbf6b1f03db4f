//! What the hub's API signs clients' certificates with, and tells its clients
//! to trust: as the authority's files in the data directory are now.

use std::io;
use std::sync::Arc;

use apiserver::certificates::{AuthorityError, CertificateSigner};
use secrecy::{ExposeSecret as _, SecretString};
use time::Duration;
use tokio::sync::watch;

use crate::data_dir::{self, DataDir, DataDirError};
use crate::stamp::Stamp;

/// Keeps the API's signer like the files, through `adit ca rotate` and
/// `adit ca retire`.
pub(super) struct SigningFiles {
    data: DataDir,
    /// Of `ca.crt`, `ca.key` and `ca-previous.crt` when they were last read.
    stamps: [Option<Stamp>; 3],
    signer: Arc<CertificateSigner>,
    root_ca: watch::Sender<Arc<str>>,
}

/// What stands in the files.
struct Files {
    certificate: String,
    key: SecretString,
    /// The key that a rotation is about to put in the place of the other.
    next_key: Option<SecretString>,
    previous: Option<String>,
}

/// The longest that a certificate signed through the API is good for.
const LONGEST_CERTIFICATE: Duration = Duration::days(365);

impl SigningFiles {
    /// Reads the files for the first time.
    pub(super) fn start(data: DataDir) -> Result<Self, SigningError> {
        let stamps = stamps(&data).map_err(SigningError::Look)?;
        let files = Files::read(&data)?;
        let key = files.key.expose_secret();
        let signer = CertificateSigner::new(&files.certificate, key, LONGEST_CERTIFICATE)?;
        Ok(Self {
            data,
            stamps,
            signer: Arc::new(signer),
            root_ca: watch::Sender::new(files.bundle()),
        })
    }

    pub(super) fn signer(&self) -> Arc<CertificateSigner> {
        self.signer.clone()
    }

    pub(super) fn root_ca(&self) -> watch::Receiver<Arc<str>> {
        self.root_ca.subscribe()
    }

    /// Takes up what has changed.
    ///
    /// What makes no sense is logged once for each change, and the last good
    /// stays. What cannot be read is the error, and is read again by the next
    /// look.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        let stamps = stamps(&self.data)?;
        if stamps == self.stamps {
            return Ok(());
        }
        let files = Files::read(&self.data).map_err(io::Error::other)?;
        self.stamps = stamps;
        let keys = [Some(&files.key), files.next_key.as_ref()];
        let mut refused = None;
        for key in keys.into_iter().flatten() {
            let replaced = self
                .signer
                .replace_authority(&files.certificate, key.expose_secret());
            match replaced {
                Ok(()) => {
                    self.root_ca.send_replace(files.bundle());
                    tracing::info!(
                        "the API signs certificates with the authority that is there now"
                    );
                    return Ok(());
                }
                Err(error) => refused = Some(error),
            }
        }
        if let Some(error) = refused {
            tracing::error!(%error, "the API signs certificates with the authority it had");
        }
        Ok(())
    }
}

impl Files {
    fn read(data: &DataDir) -> Result<Self, DataDirError> {
        let next_key = data_dir::read_if_present(&data.next_ca_key())?;
        Ok(Self {
            certificate: data_dir::read(&data.ca_certificate())?,
            key: data_dir::read(&data.ca_key())?.into(),
            next_key: next_key.map(SecretString::from),
            previous: data_dir::read_if_present(&data.previous_ca_certificate())?,
        })
    }

    /// All authorities by which the hub's own certificate may be signed.
    fn bundle(&self) -> Arc<str> {
        let previous = self.previous.as_ref();
        let previous = previous.filter(|previous| **previous != self.certificate);
        let all = [&self.certificate].into_iter().chain(previous);
        let all: String = all.map(|pem| format!("{}\n", pem.trim_end())).collect();
        all.into()
    }
}

/// Why the API cannot sign certificates.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningError {
    #[error("the hub's authority cannot sign certificates of clients")]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("cannot look at the authority's files")]
    Look(#[source] io::Error),
}

fn stamps(data: &DataDir) -> io::Result<[Option<Stamp>; 3]> {
    Ok([
        Stamp::if_present(&data.ca_certificate())?,
        Stamp::if_present(&data.ca_key())?,
        Stamp::if_present(&data.previous_ca_certificate())?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorities::{self, Authorities};

    #[test]
    fn a_rotation_is_followed_and_so_is_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let first = Authorities::load_or_make(&data).unwrap();
        let mut files = SigningFiles::start(data.clone()).unwrap();
        let told = files.root_ca();
        assert_eq!(**told.borrow(), *first.bundle_pem());
        let both = authorities::rotate(&data).unwrap();
        files.refresh().unwrap();
        assert_eq!(**told.borrow(), *both.bundle_pem());
        authorities::retire(&data).unwrap();
        files.refresh().unwrap();
        let second = Authorities::load(&data).unwrap();
        assert_eq!(**told.borrow(), *second.bundle_pem());
        assert_ne!(first.bundle_pem(), second.bundle_pem());
    }

    #[test]
    fn files_that_make_no_sense_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let authorities = Authorities::load_or_make(&data).unwrap();
        let mut files = SigningFiles::start(data.clone()).unwrap();
        let told = files.root_ca();
        std::fs::write(data.ca_certificate(), "nothing").unwrap();
        files.refresh().unwrap();
        assert_eq!(**told.borrow(), *authorities.bundle_pem());
        std::fs::remove_file(data.ca_certificate()).unwrap();
        assert!(files.refresh().is_err());
    }
}
