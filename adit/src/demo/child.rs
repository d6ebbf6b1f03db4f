//! A child process, from its start to its end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// A program to run in a folder, which gets its log.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) folder: PathBuf,
}

/// Of util-linux; it turns into the program it is given. Without it a demo that
/// is killed leaves its programs behind.
const SETPRIV: &str = "/usr/bin/setpriv";

/// How long a child may take to end by itself; then it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

impl Program {
    /// Starts the program; its end before `stop` is an error of the future
    /// that is returned, and after `stop` it is ended and waited for.
    pub(super) fn start(
        self,
        stop: CancellationToken,
    ) -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
        let log = self.folder.join(format!("{}.log", self.name()));
        let mut child = self.spawn(&log)?;
        Ok(async move {
            let ended = tokio::select! {
                ended = child.wait() => ended?,
                () = stop.cancelled() => {
                    end(&mut child, &self.name()).await?;
                    return Ok(());
                }
            };
            anyhow::bail!("{} has ended ({ended}); see {}", self.name(), log.display())
        })
    }

    /// Runs the program to its end, which has to be a success within the limit.
    pub(super) async fn run(self, limit: Duration) -> anyhow::Result<()> {
        let log = self.folder.join(format!("{}.log", self.name()));
        let mut child = self.spawn(&log)?;
        let ended = tokio::time::timeout(limit, child.wait()).await;
        let ended = ended.with_context(|| format!("{} takes too long", self.name()))??;
        anyhow::ensure!(
            ended.success(),
            "{} has failed ({ended}); see {}",
            self.name(),
            log.display()
        );
        Ok(())
    }

    fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Killed by the kernel when a demo dies that could end no child.
    fn command(&self) -> Command {
        if !Path::new(SETPRIV).is_file() {
            return Command::new(&self.path);
        }
        let mut command = Command::new(SETPRIV);
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.path);
        command
    }

    /// In a process group of its own, so that Ctrl-C in a terminal reaches the
    /// demo alone, which then ends its children in order.
    fn spawn(&self, log: &Path) -> anyhow::Result<Child> {
        let failed = || format!("cannot start {}", self.path.display());
        let log = File::create(log).with_context(failed)?;
        self.command()
            .args(&self.args)
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env_remove("KUBECONFIG")
            .stdin(Stdio::null())
            .stdout(log.try_clone().with_context(failed)?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(failed)
    }
}

/// Asks the child to end, and kills it if it does not.
async fn end(child: &mut Child, name: &str) -> std::io::Result<ExitStatus> {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
        && let Err(error) = kill_process(pid, Signal::TERM)
    {
        tracing::debug!(name, %error, "cannot signal a child");
    }
    if let Ok(ended) = tokio::time::timeout(PATIENCE, child.wait()).await {
        return ended;
    }
    tracing::debug!(name, "a child does not end by itself");
    child.kill().await?;
    child.wait().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(folder: &Path, script: &str) -> Program {
        Program {
            path: "/bin/sh".into(),
            args: vec!["-c".to_owned(), script.to_owned()],
            folder: folder.to_owned(),
        }
    }

    #[tokio::test]
    async fn a_child_that_ends_by_itself_is_an_error_that_names_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let running = shell(folder.path(), "echo why; exit 3").start(CancellationToken::new());
        let error = running.unwrap().await.unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("sh.log"),
            "{error}"
        );
        assert_eq!(
            std::fs::read_to_string(folder.path().join("sh.log")).unwrap(),
            "why\n"
        );
    }

    #[tokio::test]
    async fn a_child_is_ended_when_the_demo_stops() {
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let script = "trap 'echo ended; exit' TERM; echo begun; while :; do sleep 0.05; done";
        let running = shell(folder.path(), script).start(stop.clone()).unwrap();
        let log = folder.path().join("sh.log");
        let stopper = async {
            while !std::fs::read_to_string(&log).unwrap().contains("begun") {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(running, stopper);
        ended.unwrap();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "begun\nended\n");
    }
}
