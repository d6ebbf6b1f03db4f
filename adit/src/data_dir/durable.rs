//! Writes that are whole or not there, whatever kills the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Who may read a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Secrecy {
    /// Its owner alone: mode 0600.
    Private,
    /// Everyone who may enter its folder: mode 0644.
    Public,
}

/// Ends the name of a file that is not in its place yet.
const TEMPORARY: &str = ".tmp";

/// Replaces the file's contents: after a return it is on the disk, and at no
/// time does a reader find half of it.
///
/// A file written beside it takes its place, so whoever watches the folder
/// sees another inode.
pub(crate) fn write(path: &Path, contents: &[u8], secrecy: Secrecy) -> io::Result<()> {
    let (folder, name) = split(path)?;
    let temporary = folder.join(format!(".{name}.{:016x}{TEMPORARY}", rand::random::<u64>()));
    let written = write_new(&temporary, contents, secrecy)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| File::open(folder)?.sync_all());
    if written.is_err() {
        // The first error is the one to tell; the next hub clears what is left.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Removes a file for good; `false` if there was none.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    let (folder, _) = split(path)?;
    File::open(folder)?.sync_all()?;
    Ok(true)
}

/// Removes what writes have left that did not come to their end.
///
/// The caller holds the writers' lock: nobody is writing.
pub(super) fn clear_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(TEMPORARY) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn write_new(path: &Path, contents: &[u8], secrecy: Secrecy) -> io::Result<()> {
    let mode = match secrecy {
        Secrecy::Private => 0o600,
        Secrecy::Public => 0o644,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

fn split(path: &Path) -> io::Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path does not end in a file's name",
        )
    })?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Ok((folder, name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_file_is_its_owners_alone_even_over_a_public_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write(&path, b"public", Secrecy::Public).unwrap();
        write(&path, b"private", Secrecy::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"private");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_write_leaves_nothing_but_its_file() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("a"), b"1", Secrecy::Public).unwrap();
        write(&folder.path().join("a"), b"2", Secrecy::Public).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_write_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("a");
        fs::create_dir(&taken).unwrap();
        write(&taken, b"1", Secrecy::Public).unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn removing_says_whether_there_was_something() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"1", Secrecy::Public).unwrap();
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
    }
}
