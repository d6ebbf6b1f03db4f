//! The credentials' file, taken up again as it changes.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::AgentIdentity;
use proxy_agent::Renewal;

use super::{Credentials, CredentialsError, MAX_LENGTH};
use crate::stamp::Stamp;

/// A file that held an agent's credentials when it was last looked at.
#[derive(Debug)]
pub(crate) struct CredentialsFile {
    path: PathBuf,
    /// Of the file last read to its end, whether it was of use or not.
    stamp: Stamp,
}

/// How soon a change is noticed.
const POLL: Duration = Duration::from_secs(1);

impl CredentialsFile {
    /// Reads the file for the first time.
    pub(crate) fn read(path: PathBuf) -> Result<(Self, Credentials), CredentialsError> {
        let stamp = Stamp::at(&path).map_err(CredentialsError::Read)?;
        let credentials = Credentials::parse(&read_bounded(&path)?)?;
        Ok((Self { path, stamp }, credentials))
    }

    /// Gives the agent what the file holds whenever it has changed.
    ///
    /// Credentials that cannot be used, or are another agent's, are logged
    /// once for each change of the file, and the last good ones stay. A file
    /// that cannot be read is read again by the next look.
    pub(crate) async fn watch(mut self, identity: AgentIdentity, renewal: Renewal) -> Infallible {
        loop {
            tokio::time::sleep(POLL).await;
            let looked = tokio::task::spawn_blocking(move || {
                let found = self.look();
                (self, found)
            });
            let found;
            (self, found) = match looked.await {
                Ok(looked) => looked,
                // The runtime stops.
                Err(_) => std::future::pending().await,
            };
            let access = found.and_then(|found| match found {
                Some(credentials) => credentials.renewed_for(&identity).map(Some),
                None => Ok(None),
            });
            match access {
                Ok(Some(access)) => renewal.renew(access),
                Ok(None) => {}
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(
                        error,
                        "the new credentials cannot be used; the old ones stay"
                    );
                }
            }
        }
    }

    /// The credentials in the file if it has changed.
    fn look(&mut self) -> Result<Option<Credentials>, CredentialsError> {
        // Secrets are replaced in steps; it will be there again.
        let Ok(stamp) = Stamp::at(&self.path) else {
            return Ok(None);
        };
        if stamp == self.stamp {
            return Ok(None);
        }
        let text = match read_bounded(&self.path) {
            Err(CredentialsError::Read(error)) => {
                tracing::warn!(%error, "cannot read the credentials; the old ones stay");
                return Ok(None);
            }
            text => text,
        };
        self.stamp = stamp;
        Credentials::parse(&text?).map(Some)
    }
}

fn read_bounded(path: &Path) -> Result<String, CredentialsError> {
    let mut text = String::new();
    let file = File::open(path).map_err(CredentialsError::Read)?;
    match file.take(MAX_LENGTH + 1).read_to_string(&mut text) {
        Ok(length) if length as u64 <= MAX_LENGTH => Ok(text),
        Ok(_) => Err(CredentialsError::Length),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(CredentialsError::Length),
        Err(error) => Err(CredentialsError::Read(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::{Authority, Subject};
    use crate::credentials::render;
    use crate::data_dir::{Secrecy, write};
    use crate::lifetime::Lifetime;

    fn identity(agent: &str) -> AgentIdentity {
        AgentIdentity {
            cluster: "edge-1".parse().unwrap(),
            agent: agent.parse().unwrap(),
        }
    }

    fn put(path: &Path, agent: &str) {
        let (authority, _) = Authority::create("test authority").unwrap();
        let subject = Subject::Agent(identity(agent));
        let issued = authority.issue_client(&subject, Lifetime::from_days(1));
        let hubs = ["hub.example.org:8443".parse().unwrap()];
        let pem = authority.certificate_pem();
        let text = render(&identity(agent), &hubs, pem, &issued.unwrap()).unwrap();
        write(path, text.as_bytes(), Secrecy::Private).unwrap();
    }

    #[test]
    fn a_change_is_taken_up_once_and_nonsense_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.yaml");
        put(&path, "agent-a");
        let (mut file, _) = CredentialsFile::read(path.clone()).unwrap();
        assert!(file.look().unwrap().is_none());
        put(&path, "agent-a");
        assert!(file.look().unwrap().is_some());
        assert!(file.look().unwrap().is_none());
        write(&path, b"nonsense", Secrecy::Private).unwrap();
        assert!(file.look().is_err());
        assert!(file.look().unwrap().is_none());
        std::fs::remove_file(&path).unwrap();
        assert!(file.look().unwrap().is_none());
    }

    #[test]
    fn a_file_that_never_ends_is_not_read() {
        let error = CredentialsFile::read("/dev/zero".into()).unwrap_err();
        assert!(matches!(error, CredentialsError::Length), "{error}");
    }

    #[test]
    fn another_agents_credentials_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.yaml");
        put(&path, "agent-b");
        let (_, credentials) = CredentialsFile::read(path).unwrap();
        credentials.renewed_for(&identity("agent-b")).unwrap();
        let error = credentials.renewed_for(&identity("agent-a")).unwrap_err();
        assert!(error.to_string().contains("edge-1:agent-b"), "{error}");
    }
}
