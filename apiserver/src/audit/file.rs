use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::AuditLog;

/// An audit log in a file that only its owner may read.
///
/// A thread of its own writes it. [`Self::QUEUE`] lines may wait; what comes
/// beyond is lost, and counted by the server. A file that has grown to its
/// bound is renamed, to its name with `.1` behind it, in the place of the one
/// before. Dropping the log writes what waits.
#[derive(Debug)]
pub struct AuditFile {
    /// `None` once it is being dropped.
    lines: Option<SyncSender<Bytes>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    size: u64,
    most: u64,
}

impl AuditFile {
    /// How many lines may wait to be written.
    pub const QUEUE: usize = 8192;

    /// Appends to the file at `path`, which is made if it is not there and
    /// begun anew when it is larger than `most` bytes.
    ///
    /// # Errors
    /// If the file cannot be opened, or the thread not be started.
    pub fn open(path: &Path, most: u64) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(Self::QUEUE);
        let mut writer = Writer::open(path, most)?;
        let thread = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer.run(&waiting))?;
        Ok(Self {
            lines: Some(lines),
            writer: Mutex::new(Some(thread)),
        })
    }
}

impl AuditLog for AuditFile {
    fn take(&self, line: Bytes) -> bool {
        let lines = self.lines.as_ref();
        lines.is_some_and(|lines| lines.try_send(line).is_ok())
    }
}

impl Drop for AuditFile {
    fn drop(&mut self) {
        drop(self.lines.take());
        let writer = self
            .writer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.take() {
            // A thread that panicked has said so already.
            let _ = writer.join();
        }
    }
}

impl Writer {
    fn open(path: &Path, most: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        Ok(Self {
            path: path.to_owned(),
            size: file.metadata()?.len(),
            file: BufWriter::new(file),
            most,
        })
    }

    /// Writes until nobody can send lines any more. What is written is handed
    /// to the system as soon as nothing waits.
    fn run(&mut self, lines: &Receiver<Bytes>) {
        while let Ok(line) = lines.recv() {
            let mut next = Some(line);
            while let Some(line) = next {
                if let Err(error) = self.write(&line) {
                    tracing::error!(%error, path = %self.path.display(), "the audit log cannot be written");
                }
                next = lines.try_recv().ok();
            }
            if let Err(error) = self.file.flush() {
                tracing::error!(%error, path = %self.path.display(), "the audit log cannot be written");
            }
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.size >= self.most {
            self.file.flush()?;
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            std::fs::rename(&self.path, old)?;
            *self = Self::open(&self.path, self.most)?;
        }
        self.file.write_all(line)?;
        self.size += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_makes_room_for_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        let log = AuditFile::open(&path, 10).unwrap();
        for line in ["first line\n", "second\n", "third\n"] {
            assert!(log.take(Bytes::from(line)));
        }
        drop(log);
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("audit.log.1"), "first line\n");
        assert_eq!(read("audit.log"), "second\nthird\n");
    }
}
