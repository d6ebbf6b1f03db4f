//! The hub's own certificate and key, taken up as they change.

use std::io;
use std::sync::Arc;

use super::setup::{PairError, take_up_serving};
use super::tls::Serving;
use crate::data_dir::{DataDir, DataDirError};
use crate::stamp::Stamp;

/// Keeps what the hub shows like its files.
pub(super) struct ServingFiles {
    data: DataDir,
    serving: Arc<Serving>,
    /// Of both files when they were last found to be a pair, or for good to be none.
    seen: [Stamp; 2],
    /// Of both files when they were no pair for the first time: half of it may
    /// have been written.
    half: Option<[Stamp; 2]>,
}

impl ServingFiles {
    /// Reads the pair for the first time.
    pub(super) fn start(data: DataDir) -> Result<Self, PairError> {
        let seen = stamps(&data).map_err(|source| DataDirError::Read {
            path: data.serving_certificate(),
            source,
        })?;
        let serving = Arc::new(Serving::new(take_up_serving(&data)?));
        Ok(Self {
            data,
            serving,
            seen,
            half: None,
        })
    }

    pub(super) fn serving(&self) -> Arc<Serving> {
        Arc::clone(&self.serving)
    }

    /// Takes up the pair if its files have changed.
    ///
    /// Files that are no pair are logged once for each change, and the last
    /// good pair stays. What cannot be read is the error, and is read again by
    /// the next look.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        let stamps = stamps(&self.data)?;
        if stamps == self.seen {
            return Ok(());
        }
        match take_up_serving(&self.data) {
            Ok(pair) => {
                self.serving.replace(pair);
                tracing::info!("serving certificate taken up");
            }
            Err(PairError::DataDir(error)) => return Err(io::Error::other(error)),
            Err(_) if self.half.replace(stamps) != Some(stamps) => return Ok(()),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the serving certificate stays as it was");
            }
        }
        self.seen = stamps;
        self.half = None;
        Ok(())
    }
}

fn stamps(data: &DataDir) -> io::Result<[Stamp; 2]> {
    Ok([
        Stamp::at(&data.serving_certificate())?,
        Stamp::at(&data.serving_key())?,
    ])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ca::{Authority, Issued, ServerNames};
    use crate::data_dir::{Secrecy, write};
    use crate::lifetime::Lifetime;

    fn issued() -> Issued {
        let (authority, _) = Authority::create("test authority").unwrap();
        let names = ServerNames::of_this_machine(None);
        authority
            .issue_server(&names, Lifetime::from_days(1))
            .unwrap()
    }

    fn write_certificate(data: &DataDir, pair: &Issued) {
        let pem = pair.certificate_pem.as_bytes();
        write(&data.serving_certificate(), pem, Secrecy::Public).unwrap();
    }

    fn write_key(data: &DataDir, pair: &Issued) {
        let pem = pair.expose_key().as_bytes();
        write(&data.serving_key(), pem, Secrecy::Private).unwrap();
    }

    #[test]
    fn a_pair_is_taken_up_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let [first, second] = [issued(), issued()];
        write_certificate(&data, &first);
        write_key(&data, &first);
        let mut files = ServingFiles::start(data.clone()).unwrap();
        let serving = files.serving();
        let before = serving.current();
        write_certificate(&data, &second);
        for _ in 0..3 {
            files.refresh().unwrap();
            assert_eq!(
                serving.current().own.cert,
                before.own.cert,
                "the key is another's"
            );
        }
        write_key(&data, &second);
        files.refresh().unwrap();
        assert_ne!(serving.current().own.cert, before.own.cert);
    }

    #[test]
    fn a_lost_file_is_told_and_the_pair_stays() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let pair = issued();
        write_certificate(&data, &pair);
        write_key(&data, &pair);
        let mut files = ServingFiles::start(data.clone()).unwrap();
        let before = files.serving().current();
        fs::remove_file(data.serving_key()).unwrap();
        assert!(files.refresh().is_err());
        write_key(&data, &pair);
        files.refresh().unwrap();
        assert_eq!(files.serving().current().own.cert, before.own.cert);
    }
}
