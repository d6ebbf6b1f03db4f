//! The certificates of trusted authorities in the data directory, taken up as
//! they change.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};

use super::folder::{Change, Folder, Record};
use super::trust::{ClientTrust, TrustError};
use crate::data_dir::{self, DataDir, DataDirError};
use crate::stamp::Stamp;

/// Keeps the trust in clients' certificates like the files.
pub(super) struct AuthorityFiles {
    data: DataDir,
    /// Of `ca.crt` and `ca-previous.crt` when they were last read.
    stamps: [Option<Stamp>; 2],
    own: Vec<CertificateDer<'static>>,
    others: Folder<OtherAuthorities>,
    trust: Arc<ClientTrust>,
}

/// The certificates in one file of `trusted/`.
#[derive(Debug)]
struct OtherAuthorities(Vec<CertificateDer<'static>>);

/// Why a file holds no authorities.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityFileError {
    #[error("it holds no certificate")]
    Empty,
    #[error("it is no PEM file")]
    Pem(#[from] pem::Error),
    #[error("it holds a certificate that cannot be used")]
    Tls(#[from] rustls::Error),
}

/// Why the authorities cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthoritiesWatchError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("{path} cannot be used", path = path.display())]
    File {
        path: PathBuf,
        source: AuthorityFileError,
    },
    #[error("cannot look at the authorities' files")]
    Look(#[from] io::Error),
    #[error("{0} authorities are in ca.crt, ca-previous.crt and trusted/; {MAX} may be")]
    TooMany(usize),
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// Authorities trusted at once. A handshake may have to try them all.
const MAX: usize = 64;

impl AuthorityFiles {
    /// Reads all files for the first time.
    ///
    /// The hub's own authority has to be there; another one that makes no
    /// sense is logged and not trusted.
    pub(super) fn start(data: DataDir) -> Result<Self, AuthoritiesWatchError> {
        let stamps = stamps(&data)?;
        let own = own(&data)?;
        let mut others = Folder::new(data.trusted());
        others.refresh()?;
        others.take_change();
        let trust = Arc::new(ClientTrust::new(&all(&own, &others)?)?);
        Ok(Self {
            data,
            stamps,
            own,
            others,
            trust,
        })
    }

    pub(super) fn trust(&self) -> Arc<ClientTrust> {
        Arc::clone(&self.trust)
    }

    /// Takes up what has changed.
    ///
    /// What makes no sense is logged once for each change, and the last good
    /// stays. What cannot be read is the error, and is read again by the next
    /// look.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        let others = self.others.refresh();
        let own = self.refresh_own();
        let changed = [own?, self.others.take_change()].contains(&Change::Some);
        if changed {
            let replaced = all(&self.own, &self.others)
                .and_then(|all| Ok((all.len(), self.trust.replace(&all)?)));
            match replaced {
                Ok((count, ())) => tracing::info!(count, "trusted authorities taken up"),
                Err(error) => log(&error),
            }
        }
        others
    }

    fn refresh_own(&mut self) -> io::Result<Change> {
        let stamps = stamps(&self.data)?;
        if stamps[0].is_none() {
            let missing = self.data.ca_certificate().display().to_string();
            return Err(io::Error::new(io::ErrorKind::NotFound, missing));
        }
        if stamps == self.stamps {
            return Ok(Change::None);
        }
        match own(&self.data) {
            Ok(own) => self.own = own,
            Err(AuthoritiesWatchError::DataDir(error)) => return Err(io::Error::other(error)),
            Err(error) => {
                self.stamps = stamps;
                log(&error);
                return Ok(Change::None);
            }
        }
        self.stamps = stamps;
        Ok(Change::Some)
    }
}

impl Record for OtherAuthorities {
    type Error = AuthorityFileError;

    const EXTENSION: &str = "crt";

    fn parse(_: PathBuf, text: &str) -> Result<Self, AuthorityFileError> {
        certificates(text).map(Self)
    }
}

fn own(data: &DataDir) -> Result<Vec<CertificateDer<'static>>, AuthoritiesWatchError> {
    let mut own = Vec::new();
    let files = [
        (
            data.ca_certificate(),
            data_dir::read(&data.ca_certificate()).map(Some),
        ),
        (
            data.previous_ca_certificate(),
            data_dir::read_if_present(&data.previous_ca_certificate()),
        ),
    ];
    for (path, text) in files {
        if let Some(text) = text? {
            let read = certificates(&text);
            own.extend(read.map_err(|source| AuthoritiesWatchError::File { path, source })?);
        }
    }
    own.dedup();
    Ok(own)
}

fn all(
    own: &[CertificateDer<'static>],
    others: &Folder<OtherAuthorities>,
) -> Result<Vec<CertificateDer<'static>>, AuthoritiesWatchError> {
    let others = others.records().flat_map(|file| &file.0);
    let all: Vec<_> = own.iter().chain(others).cloned().collect();
    if all.len() > MAX {
        return Err(AuthoritiesWatchError::TooMany(all.len()));
    }
    Ok(all)
}

/// The certificates in a file, each of which can be trusted by itself.
fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, AuthorityFileError> {
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>()?;
    if certificates.is_empty() {
        return Err(AuthorityFileError::Empty);
    }
    for certificate in &certificates {
        RootCertStore::empty().add(certificate.clone())?;
    }
    Ok(certificates)
}

fn stamps(data: &DataDir) -> io::Result<[Option<Stamp>; 2]> {
    Ok([
        Stamp::if_present(&data.ca_certificate())?,
        Stamp::if_present(&data.previous_ca_certificate())?,
    ])
}

fn log(error: &AuthoritiesWatchError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "the trusted authorities stay as they were");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::authorities::{self, Authorities};
    use crate::ca::{Authority, Subject};
    use crate::data_dir::{Secrecy, remove, write};
    use crate::lifetime::Lifetime;

    fn client_of(authority: &Authority) -> [CertificateDer<'static>; 1] {
        let subject = Subject::administrator();
        let issued = authority.issue_client(&subject, Lifetime::from_days(1));
        let pem = issued.unwrap().certificate_pem;
        [CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()]
    }

    fn filled() -> (tempfile::TempDir, DataDir, Authorities) {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let authorities = Authorities::load_or_make(&data).unwrap();
        (folder, data, authorities)
    }

    #[test]
    fn clients_of_both_authorities_are_let_in_until_the_old_one_is_retired() {
        let (_folder, data, authorities) = filled();
        let mut files = AuthorityFiles::start(data.clone()).unwrap();
        let trust = files.trust();
        let old = client_of(authorities.signer());
        let new = client_of(authorities::rotate(&data).unwrap().signer());
        assert!(trust.issuer(&old).is_some() && trust.issuer(&new).is_none());
        files.refresh().unwrap();
        assert!(trust.issuer(&old).is_some() && trust.issuer(&new).is_some());
        authorities::retire(&data).unwrap();
        files.refresh().unwrap();
        assert!(trust.issuer(&old).is_none() && trust.issuer(&new).is_some());
    }

    #[test]
    fn another_authority_is_trusted_as_long_as_its_file_is_there() {
        let (_folder, data, _) = filled();
        let mut files = AuthorityFiles::start(data.clone()).unwrap();
        let trust = files.trust();
        let (other, _) = Authority::create("another").unwrap();
        let client = client_of(&other);
        assert!(trust.issuer(&client).is_none());
        let path = data.trusted().join("company.crt");
        write(&path, other.certificate_pem().as_bytes(), Secrecy::Public).unwrap();
        files.refresh().unwrap();
        assert!(trust.issuer(&client).is_some());
        write(&path, b"nonsense", Secrecy::Public).unwrap();
        files.refresh().unwrap();
        assert!(trust.issuer(&client).is_some(), "what was last good stays");
        remove(&path).unwrap();
        files.refresh().unwrap();
        assert!(trust.issuer(&client).is_none());
    }

    #[test]
    fn a_lost_certificate_is_told_and_its_clients_stay() {
        let (_folder, data, authorities) = filled();
        let mut files = AuthorityFiles::start(data.clone()).unwrap();
        fs::remove_file(data.ca_certificate()).unwrap();
        let error = files.refresh().unwrap_err();
        assert!(error.to_string().contains("ca.crt"), "{error}");
        assert!(
            files
                .trust()
                .issuer(&client_of(authorities.signer()))
                .is_some()
        );
    }

    #[test]
    fn more_authorities_than_a_handshake_may_try_are_refused() {
        let (_folder, data, authorities) = filled();
        let mut files = AuthorityFiles::start(data.clone()).unwrap();
        let many = Authority::create("another")
            .unwrap()
            .0
            .certificate_pem()
            .repeat(MAX);
        write(
            &data.trusted().join("many.crt"),
            many.as_bytes(),
            Secrecy::Public,
        )
        .unwrap();
        files.refresh().unwrap();
        assert!(
            files
                .trust()
                .issuer(&client_of(authorities.signer()))
                .is_some()
        );
        assert!(AuthorityFiles::start(data).is_err());
    }
}
