use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::{LiveTargets, TargetFileError, TargetPolicy};

/// Keeps an agent's targets like their file; [`TargetPolicy::add_file`] tells its form.
#[derive(Debug)]
pub struct TargetsFile {
    path: PathBuf,
    /// What the flags say, to which the file adds.
    flags: TargetPolicy,
    live: LiveTargets,
    /// What was seen last, so that each change is told once.
    seen: Result<String, String>,
}

/// Why a targets file is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetsFileError {
    /// What it says makes no sense.
    #[error("cannot use the targets file {}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: TargetFileError,
    },
    /// It cannot be read, or has more than 1 MiB.
    #[error("cannot read the targets file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The largest file taken, in bytes.
const MAX_LEN: u64 = 1 << 20;

impl TargetsFile {
    /// Reads the file for the first time; one that cannot be used is an error.
    /// It adds to what `flags` say. Blocks on the file system.
    pub fn start(path: PathBuf, flags: TargetPolicy) -> Result<Self, TargetsFileError> {
        let text = read(&path).map_err(|source| TargetsFileError::Read {
            path: path.clone(),
            source,
        })?;
        match flags.clone().add_file(&text) {
            Ok(policy) => Ok(Self {
                path,
                flags,
                live: LiveTargets::from(policy),
                seen: Ok(text),
            }),
            Err(source) => Err(TargetsFileError::Form { path, source }),
        }
    }

    /// The targets, as the file says now and later.
    pub fn live(&self) -> LiveTargets {
        self.live.clone()
    }

    /// Looks at the file once a second, without end. One that cannot be used, or is gone, is
    /// told once for each change, and what was last good stays in force.
    pub async fn follow(mut self) -> Infallible {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let path = self.path.clone();
            if let Ok(found) = spawn_blocking(move || read(&path)).await {
                self.take_up(found);
            }
        }
    }

    fn take_up(&mut self, found: io::Result<String>) {
        let found = found.map_err(|error| error.to_string());
        if found == self.seen {
            return;
        }
        let policy = match &found {
            Ok(text) => self
                .flags
                .clone()
                .add_file(text)
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        self.seen = found;
        let path = self.path.display();
        match policy {
            Ok(policy) => {
                self.live.replace(policy);
                tracing::info!(%path, "targets taken up");
            }
            Err(error) => {
                tracing::error!(%path, error, "the targets file cannot be used; the last good one stays");
            }
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    // Opening anything else, such as a pipe, could block for good.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    File::open(path)?
        .take(MAX_LEN + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_LEN {
        return Err(io::Error::other(format!(
            "it has more than {MAX_LEN} bytes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;
    use tokio::time::{sleep, timeout};

    use super::*;

    struct Followed {
        folder: TempDir,
        live: LiveTargets,
    }

    impl Followed {
        fn path(&self) -> PathBuf {
            self.folder.path().join("targets.yaml")
        }

        /// Replaces the file, as an editor or a mounted ConfigMap does.
        fn put(&self, text: &str) {
            let new = self.folder.path().join("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, self.path()).unwrap();
        }

        fn allows(&self, host: &str) -> bool {
            self.live.current().may_allow(host, 80).is_ok()
        }

        async fn until_allowed(&self, host: &str) {
            let allowed = async {
                while !self.allows(host) {
                    sleep(Duration::from_millis(10)).await;
                }
            };
            timeout(Duration::from_secs(30), allowed).await.unwrap();
        }
    }

    fn start(text: &str) -> (Followed, TargetsFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets.yaml");
        fs::write(&path, text).unwrap();
        let flags = TargetPolicy::default().allow("flag:80").unwrap();
        let file = TargetsFile::start(path, flags).unwrap();
        let live = file.live();
        (Followed { folder, live }, file)
    }

    #[tokio::test]
    async fn a_file_is_taken_up_as_it_changes_and_stays_while_it_is_broken() {
        let (followed, file) = start("allow: ['old:80']\n");
        assert!(followed.allows("old") && followed.allows("flag"));
        let steps = async {
            followed.put("allow: ['new:80']\n");
            followed.until_allowed("new").await;
            assert!(!followed.allows("old"));
            assert!(followed.allows("flag"));
            followed.put("allow: ['new:80'\n");
            sleep(2 * LOOK).await;
            fs::remove_file(followed.path()).unwrap();
            sleep(2 * LOOK).await;
            assert!(followed.allows("new"));
            followed.put("allow: ['newer:80']\n");
            followed.until_allowed("newer").await;
            assert!(!followed.allows("new"));
        };
        tokio::select! {
            () = steps => {}
            never = file.follow() => match never {},
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_an_error_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets.yaml");
        let start = || TargetsFile::start(path.clone(), TargetPolicy::default());
        assert!(matches!(start(), Err(TargetsFileError::Read { .. })));
        fs::write(&path, "allow: [x]").unwrap();
        assert!(matches!(start(), Err(TargetsFileError::Form { .. })));
        fs::write(&path, vec![b'#'; 1 << 21]).unwrap();
        assert!(matches!(start(), Err(TargetsFileError::Read { .. })));
        let folder = TargetsFile::start(folder.path().to_owned(), TargetPolicy::default());
        assert!(matches!(folder, Err(TargetsFileError::Read { .. })));
    }
}
