//! Short commands: run to their end, with a limit.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

/// What a command printed and how it ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Output {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// The standard output of a command that must succeed.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "the command failed: {self:#?}");
        self.stdout
    }
}

/// Runs a command to its end, with `stdin` as its input; one that takes longer
/// than the limit is killed.
///
/// # Errors
/// It cannot be started or takes too long.
pub async fn run(command: Command, stdin: Vec<u8>, limit: Duration) -> Result<Output> {
    let shown = format!("{command:?}");
    let mut command = tokio::process::Command::from(command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;
    let mut input = child.stdin.take().expect("stdin is a pipe");
    let feed = async {
        // A command that ends before it has read all has its own reason.
        let _ = input.write_all(&stdin).await;
        drop(input);
    };
    let both = async { tokio::join!(feed, child.wait_with_output()).1 };
    let output = timeout(limit, both)
        .await
        .with_context(|| format!("{shown} takes longer than {limit:?}"))??;
    Ok(Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
