//! A folder of records, read again as its files change.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use crate::clusters::{ClusterRecord, RecordError};
use crate::stamp::Stamp;
use crate::tokens::{TokenError, TokenRecord};

/// What a file of such a folder holds.
pub(super) trait Record: Sized {
    type Error: std::error::Error + 'static;

    /// Ends the names of such files.
    const EXTENSION: &str;

    fn parse(path: PathBuf, text: &str) -> Result<Self, Self::Error>;
}

/// The records as last read; a record that became unreadable stays as it was.
#[derive(Debug)]
pub(super) struct Folder<R> {
    path: PathBuf,
    files: HashMap<OsString, Seen<R>>,
    change: Change,
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
            change: Change::None,
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &R> {
        self.files.values().filter_map(|seen| seen.record.as_ref())
    }

    /// Whether the records have changed since this was last asked.
    pub(super) fn take_change(&mut self) -> Change {
        mem::replace(&mut self.change, Change::None)
    }

    /// Looks at every file's stamp and reads those that changed.
    ///
    /// A record that makes no sense is logged once for each change of its
    /// file. A file that cannot be read is the error, after all others have
    /// been looked at, and is read again by the next look.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        self.refresh_by(read_bounded)
    }

    fn refresh_by(&mut self, read: impl Fn(&Path, Stamp) -> io::Result<String>) -> io::Result<()> {
        let mut present = HashSet::new();
        let mut failed = None;
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let Some(name) = record_name(&path, R::EXTENSION) else {
                continue;
            };
            match self.look(&name, &path, &read) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => failed = failed.or_else(|| Some(of_file(&path, &error))),
                Ok(()) => {}
            }
            present.insert(name);
        }
        let before = self.files.len();
        self.files.retain(|name, _| present.contains(name));
        if self.files.len() != before {
            self.change = Change::Some;
        }
        failed.map_or(Ok(()), Err)
    }

    fn look(
        &mut self,
        name: &OsString,
        path: &Path,
        read: impl Fn(&Path, Stamp) -> io::Result<String>,
    ) -> io::Result<()> {
        let stamp = Stamp::at(path)?;
        let last = self.files.get_mut(name);
        if last.as_ref().is_some_and(|seen| seen.stamp == stamp) {
            return Ok(());
        }
        let record = match read(path, stamp) {
            Ok(text) => R::parse(path.to_owned(), &text).map_err(log(path)).ok(),
            Err(error) if is_for_good(&error) => Err(error).map_err(log(path)).ok(),
            Err(error) => return Err(error),
        };
        match last {
            Some(seen) => {
                seen.stamp = stamp;
                seen.record = record.or_else(|| seen.record.take());
            }
            None => {
                self.files.insert(name.clone(), Seen { stamp, record });
            }
        }
        self.change = Change::Some;
        Ok(())
    }
}

impl Record for ClusterRecord {
    type Error = RecordError;

    const EXTENSION: &str = "json";

    fn parse(path: PathBuf, text: &str) -> Result<Self, RecordError> {
        Self::parse(path, text)
    }
}

impl Record for TokenRecord {
    type Error = TokenError;

    const EXTENSION: &str = "json";

    fn parse(path: PathBuf, text: &str) -> Result<Self, TokenError> {
        Self::parse(path, text)
    }
}

fn record_name(path: &Path, extension: &str) -> Option<OsString> {
    let name = path.file_name()?;
    let hidden = name.as_encoded_bytes().starts_with(b".");
    let meant = path.extension().is_some_and(|found| found == extension);
    (!hidden && meant).then(|| name.to_owned())
}

fn read_bounded(path: &Path, stamp: Stamp) -> io::Result<String> {
    if stamp.length() > MAX_RECORD {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "longer than any record",
        ));
    }
    fs::read_to_string(path)
}

/// Whether only another file can help: it is too long or no text.
fn is_for_good(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::FileTooLarge | io::ErrorKind::InvalidData
    )
}

fn log<E: std::error::Error + 'static>(path: &Path) -> impl FnOnce(E) {
    move |error| {
        let error: &dyn std::error::Error = &error;
        tracing::error!(
            path = %path.display(),
            error,
            "record cannot be used; it stays as it was"
        );
    }
}

fn of_file(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::data_dir::{Secrecy, remove, write};

    struct Text(String);

    #[derive(Debug, thiserror::Error)]
    #[error("bad")]
    struct Bad;

    impl Record for Text {
        type Error = Bad;

        const EXTENSION: &str = "json";

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

    fn look(folder: &mut Folder<Text>) -> Change {
        folder.refresh().unwrap();
        folder.take_change()
    }

    #[test]
    fn files_that_come_change_and_go_are_noticed() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let mut folder = Folder::<Text>::new(root.path().to_owned());
        assert_eq!(look(&mut folder), Change::None);
        write(&path("a.json"), b"one", Secrecy::Public).unwrap();
        write(&path("b.json"), b"two", Secrecy::Public).unwrap();
        write(&path("other.txt"), b"no record", Secrecy::Public).unwrap();
        assert_eq!(look(&mut folder), Change::Some);
        assert_eq!(texts(&folder), ["one", "two"]);
        assert_eq!(look(&mut folder), Change::None);
        write(&path("a.json"), b"new", Secrecy::Public).unwrap();
        assert!(remove(&path("b.json")).unwrap());
        assert_eq!(look(&mut folder), Change::Some);
        assert_eq!(texts(&folder), ["new"]);
    }

    #[test]
    fn a_record_that_breaks_stays_as_it_was_until_it_is_mended() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.json");
        let mut folder = Folder::<Text>::new(root.path().to_owned());
        write(&path, b"good", Secrecy::Public).unwrap();
        look(&mut folder);
        write(&path, b"bad", Secrecy::Public).unwrap();
        look(&mut folder);
        assert_eq!(texts(&folder), ["good"]);
        write(&path, b"mended", Secrecy::Public).unwrap();
        look(&mut folder);
        assert_eq!(texts(&folder), ["mended"]);
    }

    #[test]
    fn a_file_that_cannot_be_looked_at_keeps_no_other_from_being_noticed() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let mut folder = Folder::<Text>::new(root.path().to_owned());
        let names = ["a.json", "b.json", "c.json", "d.json"];
        for name in names {
            write(&path(name), b"old", Secrecy::Public).unwrap();
        }
        assert_eq!(look(&mut folder), Change::Some);
        // A link to itself has no metadata. It comes first, last or between.
        remove(&path("b.json")).unwrap();
        symlink(path("b.json"), path("b.json")).unwrap();
        for name in ["a.json", "c.json", "d.json"] {
            write(&path(name), b"new", Secrecy::Public).unwrap();
        }
        let error = folder.refresh().unwrap_err();
        assert!(error.to_string().contains("b.json"), "{error}");
        assert_eq!(folder.take_change(), Change::Some);
        assert_eq!(texts(&folder), ["new", "new", "new", "old"]);
    }

    #[test]
    fn a_file_that_cannot_be_read_for_a_moment_is_read_by_the_next_look() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.json");
        let mut folder = Folder::<Text>::new(root.path().to_owned());
        write(&path, b"old", Secrecy::Public).unwrap();
        look(&mut folder);
        write(&path, b"new", Secrecy::Public).unwrap();
        let out_of_descriptors = |_: &Path, _| Err(io::Error::from_raw_os_error(24));
        folder.refresh_by(out_of_descriptors).unwrap_err();
        assert_eq!(folder.take_change(), Change::None);
        assert_eq!(texts(&folder), ["old"]);
        assert_eq!(look(&mut folder), Change::Some);
        assert_eq!(texts(&folder), ["new"]);
    }
}
