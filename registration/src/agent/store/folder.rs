use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;

use super::{CredentialStore, StoreError};
use crate::agent::credential::{ALL_KEYS, Stored};

/// A credential in a folder, laid out as a mounted Secret: `tls.crt` and
/// `tls.key`, or `token` and `token-claim`, and `kubeconfig`, `cluster-name` and
/// `agent-name` point through `..data` into a folder of one version, so that all change at once. Nobody
/// but their owner may read the files.
#[derive(Clone, Debug)]
pub struct CredentialFolder(PathBuf);

/// Points at the folder of the version that counts.
const CURRENT: &str = "..data";
/// Begins the names of what is the store's own.
const OWN: &str = "..";
/// Many times what any of the files needs.
const FILE_MAX: u64 = 1 << 20;

impl CredentialFolder {
    /// A store in this folder, which is made when it is first written to.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&path)).await;
        let done = done.unwrap_or_else(|stopped| Err(io::Error::other(stopped)));
        done.map_err(|source| StoreError::Folder {
            path: self.0.clone(),
            source,
        })
    }
}

impl CredentialStore for CredentialFolder {
    fn load(&self) -> BoxFuture<'_, Result<Stored, StoreError>> {
        Box::pin(self.blocking(load))
    }

    fn save<'a>(&'a self, stored: &'a Stored) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async {
            let data = stored.to_data();
            let data = data.map_err(|error| StoreError::Kubeconfig(Box::new(error)))?;
            let data: Vec<_> = data.into_iter().collect();
            self.blocking(move |folder| save(folder, &data)).await
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.blocking(clear))
    }
}

fn load(folder: &Path) -> io::Result<Stored> {
    // Followed once, so that all files are of one version.
    let version = match fs::read_link(folder.join(CURRENT)) {
        Ok(version) => folder.join(version),
        Err(error) if error.kind() == io::ErrorKind::NotFound => folder.to_owned(),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for key in ALL_KEYS {
        match read_bounded(&version.join(key)) {
            Ok(contents) => files.push((key, contents)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Stored::from_data(|key| {
        let file = files.iter().find(|(name, _)| *name == key);
        file.map(|(_, contents)| contents.clone())
    }))
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;

    let mut contents = Vec::new();
    File::open(path)?
        .take(FILE_MAX)
        .read_to_end(&mut contents)?;
    Ok(contents)
}

fn save(folder: &Path, data: &[(&str, Vec<u8>)]) -> io::Result<()> {
    let private = || {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder
    };
    private().recursive(true).create(folder)?;
    let version = format!("{OWN}{:016x}", rand::random::<u64>());
    let path = folder.join(&version);
    private().create(&path)?;
    for (key, contents) in data {
        write_new(&path.join(key), contents)?;
    }
    File::open(&path)?.sync_all()?;
    link(folder, Path::new(&version), CURRENT)?;
    for key in ALL_KEYS {
        if data.iter().any(|(of, _)| *of == key) {
            link(folder, &Path::new(CURRENT).join(key), key)?;
        } else {
            remove(&folder.join(key))?;
        }
    }
    File::open(folder)?.sync_all()?;
    clear_leftovers(folder, &version)
}

/// Makes a link there, in place of what there is.
fn link(folder: &Path, to: &Path, name: &str) -> io::Result<()> {
    if fs::read_link(folder.join(name)).is_ok_and(|now| now == to) {
        return Ok(());
    }
    let temporary = folder.join(format!("{OWN}{:016x}", rand::random::<u64>()));
    symlink(to, &temporary)?;
    fs::rename(&temporary, folder.join(name))
}

fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Removes older versions, and what saves have left that did not come to their end.
fn clear_leftovers(folder: &Path, current: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with(OWN) || name == CURRENT || name == current {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn clear(folder: &Path) -> io::Result<()> {
    remove(&folder.join(CURRENT))?;
    for key in ALL_KEYS {
        remove(&folder.join(key))?;
    }
    match fs::metadata(folder) {
        Ok(_) => clear_leftovers(folder, CURRENT),
        Err(_) => Ok(()),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::{ExposeSecret as _, SecretString};

    use super::*;
    use crate::agent::HubEndpoint;

    fn stored(key: &str) -> Stored {
        Stored {
            cluster: "c1".parse().ok(),
            agent: "a1".parse().ok(),
            endpoint: Some(HubEndpoint {
                cluster: "hub".to_owned(),
                server: "https://hub:8443".to_owned(),
                ..HubEndpoint::default()
            }),
            certificate_pem: Some("certificate".to_owned()),
            key_pem: Some(SecretString::from(key)),
            token: Some(SecretString::from("token")),
            claim: Some(SecretString::from("claim")),
        }
    }

    #[tokio::test]
    async fn what_is_saved_is_found_again_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credential");
        let store = CredentialFolder::new(path.clone());
        assert!(store.load().await.unwrap().cluster.is_none());
        store.save(&stored("first")).await.unwrap();
        store.save(&stored("second")).await.unwrap();
        let found = store.load().await.unwrap();
        assert_eq!(found.cluster, stored("").cluster);
        assert_eq!(found.agent, stored("").agent);
        assert_eq!(found.endpoint, stored("").endpoint);
        assert_eq!(found.key_pem.unwrap().expose_secret(), "second");
        assert_eq!(fs::read(path.join("tls.key")).unwrap(), b"second");
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for key in ALL_KEYS {
            assert_eq!(mode(path.join(key)), 0o600, "{key}");
        }
        assert_eq!(mode(path.clone()), 0o700);
        let versions = fs::read_dir(&path).unwrap().filter(|entry| {
            let entry = entry.as_ref().unwrap();
            entry.file_type().unwrap().is_dir()
        });
        assert_eq!(versions.count(), 1, "older versions are removed");
    }

    #[tokio::test]
    async fn names_alone_take_the_place_of_a_whole_credential() {
        let dir = tempfile::tempdir().unwrap();
        let store = CredentialFolder::new(dir.path().to_owned());
        store.save(&stored("key")).await.unwrap();
        let names = Stored {
            cluster: "c2".parse().ok(),
            ..Stored::default()
        };
        store.save(&names).await.unwrap();
        let found = store.load().await.unwrap();
        assert_eq!(found.cluster, names.cluster);
        assert!(found.key_pem.is_none() && found.endpoint.is_none());
        assert!(!dir.path().join("tls.key").exists());
        store.clear().await.unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_save_that_is_cut_short_leaves_what_was() {
        let dir = tempfile::tempdir().unwrap();
        let store = CredentialFolder::new(dir.path().to_owned());
        store.save(&stored("good")).await.unwrap();
        // As far as a save comes before it counts.
        let half = dir.path().join("..0000000000000000");
        fs::create_dir(&half).unwrap();
        fs::write(half.join(ALL_KEYS[1]), "half").unwrap();
        let found = store.load().await.unwrap();
        assert_eq!(found.key_pem.unwrap().expose_secret(), "good");
        store.save(&stored("new")).await.unwrap();
        assert!(!half.exists());
    }

    #[tokio::test]
    async fn nonsense_is_as_good_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for key in ALL_KEYS {
            fs::write(dir.path().join(key), b"\xff\x00[").unwrap();
        }
        let store = CredentialFolder::new(dir.path().to_owned());
        let found = store.load().await.unwrap();
        assert!(found.cluster.is_none() && found.endpoint.is_none());
        store.save(&stored("key")).await.unwrap();
        let found = store.load().await.unwrap();
        assert_eq!(found.key_pem.unwrap().expose_secret(), "key");
    }
}
