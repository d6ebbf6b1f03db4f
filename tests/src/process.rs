//! A long-running process of a test.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::scratch::{self, fresh_name};
use crate::wait;

/// A process in a process group of its own, whose output goes to a file; the
/// group is killed on drop.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: Pid,
    child: Mutex<Child>,
    log: PathBuf,
}

impl Process {
    /// Starts the command.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(name: &str, mut command: Command) -> Result<Self> {
        let log = scratch::folder().join(format!("{}.log", fresh_name(name)));
        let output = File::create(&log)?;
        command
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let pid = Pid::from_child(&child);
        Ok(Self {
            name: name.to_owned(),
            pid,
            child: Mutex::new(child),
            log,
        })
    }

    /// Its process id; also of its group.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// What it has printed, on either output.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        let mut child = self
            .child
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        child.try_wait().ok().flatten()
    }

    /// Sends the signal to its group; one that is gone needs none.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }

    /// Ends it as a crash would (SIGKILL) and waits until it is gone.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        let mut child = self
            .child
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = child.wait();
    }

    /// Waits for its own end.
    ///
    /// # Errors
    /// It still runs after the limit.
    pub async fn end(&self, limit: Duration) -> Result<ExitStatus> {
        wait::until(&format!("the end of {}", self.name), limit, async || {
            self.ended()
        })
        .await
        .map_err(|error| self.explain(error))
    }

    /// Waits for something while the process runs.
    ///
    /// # Errors
    /// The process ends before, or the limit passes; both with the last lines
    /// of its output.
    pub async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        mut probe: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T> {
        let outcome = wait::until(what, limit, async || match self.ended() {
            Some(status) => Some(Err(anyhow!(
                "{} ended while waiting for {what}: {status}",
                self.name
            ))),
            None => probe().await.map(Ok),
        });
        outcome.await.flatten().map_err(|error| self.explain(error))
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).map_or(0, Iterator::count)
    }

    /// Its resident memory in bytes.
    pub fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most resident memory that it has had since
    /// [`forget_peak`](Self::forget_peak), in bytes.
    pub fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// Lets the peak of its memory begin anew with what it has now.
    ///
    /// # Errors
    /// The system does not let it.
    pub fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(self.proc("clear_refs"), "5")?)
    }

    fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kibibytes =
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kibibytes.unwrap_or_default() * 1024
    }

    fn proc(&self, entry: &str) -> PathBuf {
        Path::new("/proc").join(self.pid().to_string()).join(entry)
    }

    /// The error with the end of the output below it.
    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let tail = lines[lines.len().saturating_sub(30)..].join("\n");
        error.context(format!("{} printed at last:\n{tail}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
