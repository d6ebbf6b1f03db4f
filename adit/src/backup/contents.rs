//! Which files of a data directory are in its backup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::data_dir::{DataDir, DataDirError};

/// A file's path in a data directory: a name there, or in one of its folders.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place(String);

/// Of the directory itself, and of those in it that hold files.
const FOLDERS: [&str; 4] = ["", "clusters", "tokens", "trusted"];
/// Longer ones no file system has.
const MAX_NAME: usize = 240;

impl Place {
    /// A path that may stand in a backup.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let known = FOLDERS.contains(&folder) && (folder.is_empty() != path.contains('/'));
        // What an interrupted write has left begins with a dot; locks are made anew.
        let fits = !name.is_empty()
            && name.len() <= MAX_NAME
            && !name.starts_with('.')
            && !name.ends_with(".lock")
            && !name.contains('\0');
        (known && fits).then(|| Self(path.to_owned()))
    }

    pub(super) fn path(&self) -> &str {
        &self.0
    }

    pub(super) fn below(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }
}

/// The files there are, in order. The caller holds the writers' lock.
///
/// Links are followed, so that what others have mounted into `trusted` is in
/// the backup too.
pub(super) fn files(data: &DataDir) -> Result<Vec<Place>, DataDirError> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        let path = data.root().join(folder);
        let failed = |source| DataDirError::Read {
            path: path.clone(),
            source,
        };
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let place = match (folder, name.to_str()) {
                (_, None) => None,
                ("", Some(name)) => Place::parse(name),
                (folder, Some(name)) => Place::parse(&format!("{folder}/{name}")),
            };
            if let Some(place) = place
                && entry.path().is_file()
            {
                files.push(place);
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_backup_is_restored_outside_its_place() {
        for path in ["ca.key", "clusters/edge-1.json", "trusted/a b.crt"] {
            assert!(Place::parse(path).is_some(), "{path}");
        }
        for path in [
            "",
            "/",
            "/ca.key",
            "..",
            "../ca.key",
            "clusters/",
            "clusters/../ca.key",
            "clusters/a/b",
            "store/store.redb",
            "trusted/..",
            ".x.tmp",
            "hub.lock",
            "a\0b",
        ] {
            assert!(Place::parse(path).is_none(), "{path}");
        }
    }

    #[test]
    fn all_but_locks_leftovers_and_the_store_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        for path in [
            "ca.key",
            "hub.lock",
            ".ca.key.0123.tmp",
            "clusters/edge-1.json",
            "tokens/a.json",
            "mine.txt",
        ] {
            fs::write(folder.path().join(path), "x").unwrap();
        }
        fs::create_dir(data.store()).unwrap();
        fs::write(data.store().join("store.redb"), "x").unwrap();
        std::os::unix::fs::symlink("../mine.txt", data.trusted().join("partner.crt")).unwrap();
        let files = files(&data).unwrap();
        let paths: Vec<&str> = files.iter().map(Place::path).collect();
        let expected = [
            "ca.key",
            "clusters/edge-1.json",
            "mine.txt",
            "tokens/a.json",
            "trusted/partner.crt",
        ];
        assert_eq!(paths, expected);
    }
}
