//! The binary as a child process.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{GENEROUS, until};

/// What a command that has ended has said.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A process that runs; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    output: TempDir,
}

/// Runs the binary to its end.
pub(crate) async fn run(args: &[&str]) -> Finished {
    let output = timeout(GENEROUS, command(args).kill_on_drop(true).output()).await;
    let output = output.expect("the command ends in time").unwrap();
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Process {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(args, &[])
    }

    pub(crate) fn start_with(args: &[&str], environment: &[(&str, &str)]) -> Self {
        let output = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(output.path().join(name)).unwrap();
        let child = command(args)
            .envs(environment.iter().copied())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, output }
    }

    pub(crate) fn stdout(&self) -> String {
        std::fs::read_to_string(self.path("stdout")).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(self.path("stderr")).unwrap()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().expect("it runs").cast_signed()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for the end; returns the exit code.
    pub(crate) async fn end(&mut self) -> Option<i32> {
        let ended = timeout(GENEROUS, self.child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("it does not end: {}", self.stderr()))
            .unwrap()
            .code()
    }

    /// Waits for a text on standard output; the process has to go on meanwhile.
    pub(crate) async fn says(&mut self, text: &str) {
        until(text, async || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it has ended: {}", self.stderr());
            self.stdout().contains(text)
        })
        .await;
    }

    fn path(&self, name: &str) -> PathBuf {
        self.output.path().join(name)
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adit"));
    command.args(args).stdin(Stdio::null());
    for variable in [
        "ADIT_DATA_DIR",
        "ADIT_PEERS",
        "RUST_LOG",
        "KUBERNETES_SERVICE_HOST",
    ] {
        command.env_remove(variable);
    }
    command
}
