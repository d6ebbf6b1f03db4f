//! A folder of records, read again as its files change.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::clusters::{ClusterRecord, RecordError};
use crate::tokens::{TokenError, TokenRecord};

/// What a file of such a folder holds.
pub(super) trait Record: Sized {
    type Error: std::error::Error + 'static;

    fn parse(path: PathBuf, text: &str) -> Result<Self, Self::Error>;
}

/// The records as last read; a record that became unreadable stays as it was.
#[derive(Debug)]
pub(super) struct Folder<R> {
    path: PathBuf,
    files: HashMap<OsString, Seen<R>>,
}

/// Changes whenever a file is replaced or written to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

/// Whether there is anything new.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    None,
    Some,
}

#[derive(Debug)]
struct Seen<R> {
    stamp: Stamp,
    record: Option<R>,
}

/// No record comes near it; what is larger is none.
const MAX_RECORD: u64 = 4 << 20;

impl<R: Record> Folder<R> {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            files: HashMap::new(),
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &R> {
        self.files.values().filter_map(|seen| seen.record.as_ref())
    }

    /// Looks at every file's stamp and reads those that changed.
    ///
    /// A record that cannot be read is logged once for each change of its file.
    pub(super) fn refresh(&mut self) -> io::Result<Change> {
        let mut change = Change::None;
        let mut present = HashSet::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let Some(name) = record_name(&path) else {
                continue;
            };
            let stamp = match fs::metadata(&path) {
                Ok(metadata) => Stamp::of(&metadata),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            present.insert(name.clone());
            if self.files.get(&name).is_none_or(|seen| seen.stamp != stamp) {
                self.read(name, path, stamp);
                change = Change::Some;
            }
        }
        let before = self.files.len();
        self.files.retain(|name, _| present.contains(name));
        if self.files.len() != before {
            change = Change::Some;
        }
        Ok(change)
    }

    fn read(&mut self, name: OsString, path: PathBuf, stamp: Stamp) {
        let shown = path.display().to_string();
        let record = match read_bounded(&path, stamp).map(|text| R::parse(path, &text)) {
            Ok(Ok(record)) => Some(record),
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(
                    path = shown,
                    error,
                    "record cannot be used; it stays as it was"
                );
                None
            }
            Err(error) => {
                tracing::error!(path = shown, %error, "record cannot be read; it stays as it was");
                None
            }
        };
        let last = self.files.remove(&name).and_then(|seen| seen.record);
        self.files.insert(
            name,
            Seen {
                stamp,
                record: record.or(last),
            },
        );
    }
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Record for ClusterRecord {
    type Error = RecordError;

    fn parse(path: PathBuf, text: &str) -> Result<Self, RecordError> {
        Self::parse(path, text)
    }
}

impl Record for TokenRecord {
    type Error = TokenError;

    fn parse(path: PathBuf, text: &str) -> Result<Self, TokenError> {
        Self::parse(path, text)
    }
}

fn record_name(path: &Path) -> Option<OsString> {
    let name = path.file_name()?;
    let hidden = name.as_encoded_bytes().starts_with(b".");
    (!hidden
        && path
            .extension()
            .is_some_and(|extension| extension == "json"))
    .then(|| name.to_owned())
}

fn read_bounded(path: &Path, stamp: Stamp) -> io::Result<String> {
    if stamp.length > MAX_RECORD {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "longer than any record",
        ));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::{Secrecy, remove, write};

    struct Text(String);

    #[derive(Debug, thiserror::Error)]
    #[error("bad")]
    struct Bad;

    impl Record for Text {
        type Error = Bad;

        fn parse(_: PathBuf, text: &str) -> Result<Self, Bad> {
            if text == "bad" {
                Err(Bad)
            } else {
                Ok(Self(text.to_owned()))
            }
        }
    }

    fn texts(folder: &Folder<Text>) -> Vec<&str> {
        let mut texts: Vec<&str> = folder.records().map(|text| text.0.as_str()).collect();
        texts.sort_unstable();
        texts
    }

    #[test]
    fn files_that_come_change_and_go_are_noticed() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let mut folder = Folder::<Text>::new(root.path().to_owned());
        assert_eq!(folder.refresh().unwrap(), Change::None);
        write(&path("a.json"), b"one", Secrecy::Public).unwrap();
        write(&path("b.json"), b"two", Secrecy::Public).unwrap();
        write(&path("other.txt"), b"no record", Secrecy::Public).unwrap();
        assert_eq!(folder.refresh().unwrap(), Change::Some);
        assert_eq!(texts(&folder), ["one", "two"]);
        assert_eq!(folder.refresh().unwrap(), Change::None);
        write(&path("a.json"), b"new", Secrecy::Public).unwrap();
        assert!(remove(&path("b.json")).unwrap());
        assert_eq!(folder.refresh().unwrap(), Change::Some);
        assert_eq!(texts(&folder), ["new"]);
    }

    #[test]
    fn a_record_that_breaks_stays_as_it_was_until_it_is_mended() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.json");
        let mut folder = Folder::<Text>::new(root.path().to_owned());
        write(&path, b"good", Secrecy::Public).unwrap();
        folder.refresh().unwrap();
        write(&path, b"bad", Secrecy::Public).unwrap();
        folder.refresh().unwrap();
        assert_eq!(texts(&folder), ["good"]);
        write(&path, b"mended", Secrecy::Public).unwrap();
        folder.refresh().unwrap();
        assert_eq!(texts(&folder), ["mended"]);
    }
}
