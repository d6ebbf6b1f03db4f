//! A machine as the README's reader has it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use tests::command::{self, Output};
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::process::Process;
use tests::scratch;
use tests::wait::GENEROUS;

/// Has a `/var/lib` and a home of its own, and `adit` and `kubectl` on its
/// path.
#[derive(Debug)]
pub(crate) struct Machine {
    network: Namespace,
    root: PathBuf,
    /// What was exported in its shell.
    exports: Vec<String>,
}

/// What it has of its own, in its folder.
const LIB: &str = "lib";
const HOME: &str = "home";
const WORK: &str = "work";
const BIN: &str = "bin";

/// `ip netns exec` gives each command mounts of its own.
const ENTER: &str = r#"mount --bind "$1/lib" /var/lib && cd "$1/work" && shift && exec "$@""#;

impl Machine {
    pub(crate) fn new(needs: &Needs, network: &Namespace) -> Result<Self> {
        let root = scratch::fresh_folder("machine")?;
        for folder in [LIB, HOME, WORK, BIN] {
            fs::create_dir(root.join(folder))?;
        }
        symlink(&needs.adit, root.join(BIN).join("adit"))?;
        let kubectl = needs.peers.join("kubectl");
        symlink(kubectl, root.join(BIN).join("kubectl"))?;
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        symlink(repository.join("docs"), root.join(WORK).join("docs"))?;
        Ok(Self {
            network: network.clone(),
            root,
            exports: Vec::new(),
        })
    }

    /// Puts a file below its home.
    pub(crate) fn put(&self, path: &str, text: &str) -> Result<PathBuf> {
        let path = self.root.join(HOME).join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text)?;
        Ok(path)
    }

    /// A program with its arguments, not started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.network.command("sh");
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.root.join(BIN);
        command
            .args(["-ec", ENTER, "sh"])
            .arg(&self.root)
            .args(args)
            .env("HOME", self.root.join(HOME))
            .env("PATH", format!("{}:{path}", bin.display()));
        for name in ["KUBECONFIG", "ADIT_DATA_DIR", "ADIT_STATE_DIR", "RUST_LOG"] {
            command.env_remove(name);
        }
        command
    }

    /// What a shell would do with a line, not started.
    fn shell(&self, line: &str) -> Command {
        let exports = self.exports.join("\n");
        self.command(&[
            "bash",
            "-euo",
            "pipefail",
            "-c",
            &format!("{exports}\n{line}"),
        ])
    }

    /// Runs a line to its end.
    pub(crate) async fn run(&self, line: &str) -> Result<Output> {
        command::run(self.shell(line), Vec::new(), GENEROUS * 3).await
    }

    /// Starts a line that goes on.
    pub(crate) fn start(&self, name: &str, line: &str) -> Result<Process> {
        Process::start(name, self.shell(&format!("exec {line}")))
    }

    /// Remembers an `export` for the lines that follow.
    pub(crate) fn export(&mut self, line: &str) {
        self.exports.push(line.to_owned());
    }
}
