//! The policy file, taken up again as it changes.

use std::io;
use std::path::{Path, PathBuf};

use gateway::{LivePolicy, PolicyError, PolicyFile};

use crate::stamp::Stamp;

/// Keeps the policy in force like its file.
pub(super) struct PolicyWatch {
    path: PathBuf,
    policy: LivePolicy,
    /// Of the file last read to its end, whether it was of use or not.
    stamp: Option<Stamp>,
}

impl PolicyWatch {
    /// Reads the file for the first time; a policy that cannot be used is an
    /// error. Without a file nobody but administrators may reach anything.
    pub(super) fn start(path: PathBuf, policy: LivePolicy) -> Result<Self, PolicyError> {
        let mut this = Self {
            path,
            policy,
            stamp: None,
        };
        this.take_up(PolicyFile::read)?;
        if this.stamp.is_none() {
            tracing::warn!(
                path = %this.path.display(),
                "no policy file: only system:masters may reach clusters"
            );
        }
        Ok(this)
    }

    /// Takes up the policy if its file has changed.
    ///
    /// One that makes no sense is logged once for each change of the file, and
    /// the last good one stays. A file that cannot be read is the error, and
    /// is read again by the next look.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        self.refresh_by(PolicyFile::read)
    }

    fn refresh_by(
        &mut self,
        read: impl Fn(&Path) -> Result<PolicyFile, PolicyError>,
    ) -> io::Result<()> {
        match self.take_up(read) {
            Err(PolicyError::Read { path, source }) => Err(io::Error::new(
                source.kind(),
                format!("{}: {source}", path.display()),
            )),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(
                    path = %self.path.display(),
                    error,
                    "the policy file cannot be used; the last good one stays"
                );
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn take_up(
        &mut self,
        read: impl Fn(&Path) -> Result<PolicyFile, PolicyError>,
    ) -> Result<(), PolicyError> {
        let stamp = self.look()?;
        if stamp == self.stamp {
            return Ok(());
        }
        let policy = match stamp {
            Some(_) => read(&self.path),
            None => Ok(PolicyFile::default()),
        };
        if !matches!(policy, Err(PolicyError::Read { .. })) {
            self.stamp = stamp;
        }
        self.policy.replace(policy?);
        tracing::info!(path = %self.path.display(), "policy taken up");
        Ok(())
    }

    fn look(&self) -> Result<Option<Stamp>, PolicyError> {
        Stamp::if_present(&self.path).map_err(|source| PolicyError::Read {
            path: self.path.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use gateway::{Access as _, AccessRequest, Ask, Decision, User};

    use super::*;
    use crate::data_dir::{Secrecy, remove, write};

    const WIDE: &[u8] = b"rules: [{users: [alice], clusters: ['*']}]";
    const NARROW: &[u8] = b"rules: [{users: [alice], clusters: [other]}]";

    fn watch(path: &Path) -> (PolicyWatch, LivePolicy) {
        let policy = LivePolicy::default();
        let watch = PolicyWatch::start(path.to_owned(), policy.clone()).unwrap();
        (watch, policy)
    }

    fn alice(policy: &LivePolicy) -> Decision {
        policy.allows(&AccessRequest {
            user: &User::new("alice".to_owned(), Vec::new()).unwrap(),
            cluster: &"edge-1".parse().unwrap(),
            ask: Ask::Request {
                method: &http::Method::GET,
                segments: &[],
            },
        })
    }

    #[test]
    fn a_policy_that_cannot_be_read_for_a_moment_is_taken_up_by_the_next_look() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("policy.yaml");
        write(&path, WIDE, Secrecy::Public).unwrap();
        let (mut watch, policy) = watch(&path);
        assert_eq!(alice(&policy), Decision::Allow);
        write(&path, NARROW, Secrecy::Public).unwrap();
        let out_of_descriptors = |path: &Path| {
            Err(PolicyError::Read {
                path: path.to_owned(),
                source: io::Error::from_raw_os_error(24),
            })
        };
        watch.refresh_by(out_of_descriptors).unwrap_err();
        watch.refresh().unwrap();
        assert_eq!(alice(&policy), Decision::Deny);
    }

    #[test]
    fn a_policy_that_makes_no_sense_leaves_the_last_good_one_in_force() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("policy.yaml");
        write(&path, WIDE, Secrecy::Public).unwrap();
        let (mut watch, policy) = watch(&path);
        write(&path, b"rules: 1", Secrecy::Public).unwrap();
        watch.refresh().unwrap();
        assert_eq!(alice(&policy), Decision::Allow);
        write(&path, NARROW, Secrecy::Public).unwrap();
        watch.refresh().unwrap();
        assert_eq!(alice(&policy), Decision::Deny);
    }

    #[test]
    fn without_a_file_nobody_is_allowed_anything() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("policy.yaml");
        write(&path, WIDE, Secrecy::Public).unwrap();
        let (mut watch, policy) = watch(&path);
        assert!(remove(&path).unwrap());
        watch.refresh().unwrap();
        assert_eq!(alice(&policy), Decision::Deny);
    }
}
