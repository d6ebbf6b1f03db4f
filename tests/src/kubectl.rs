//! kubectl, run beside a hub or beside an API server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::command::{self, Output};
use crate::namespace::Namespace;
use crate::needs::Needs;
use crate::process::Process;
use crate::scratch;

/// kubectl with one context, in one network namespace.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    network: Namespace,
    home: PathBuf,
    kubeconfig: PathBuf,
    context: String,
    namespace: Option<String>,
}

/// No command of a test takes as long where all is well.
const LIMIT: Duration = Duration::from_secs(120);

impl Kubectl {
    /// kubectl that runs there and uses this context of the file.
    ///
    /// # Errors
    /// It gets no folder of its own.
    pub fn new(
        needs: &Needs,
        network: &Namespace,
        kubeconfig: PathBuf,
        context: &str,
    ) -> Result<Self> {
        Ok(Self {
            program: needs.peers.join("kubectl"),
            network: network.clone(),
            home: scratch::fresh_folder("kubectl")?,
            kubeconfig,
            context: context.to_owned(),
            namespace: None,
        })
    }

    /// The same by another program, of another version say.
    ///
    /// # Errors
    /// It gets no folder of its own.
    pub fn by(&self, program: PathBuf) -> Result<Self> {
        Ok(Self {
            program,
            home: scratch::fresh_folder("kubectl")?,
            ..self.clone()
        })
    }

    /// The same for another Kubernetes namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            ..self.clone()
        }
    }

    /// Where it runs.
    pub fn network(&self) -> &Namespace {
        &self.network
    }

    /// The Kubernetes namespace, if one is set.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Its home folder, of this kubectl and its clones alone.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The command, not started.
    pub fn command(&self, call: &Call<'_>) -> Command {
        let mut command = self.network.command(&self.program);
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(["--context", &self.context]);
        if let Some(namespace) = &self.namespace {
            command.args(["--namespace", namespace]);
        }
        let here = self.namespace().unwrap_or_default();
        command.args(call.args.iter().map(|arg| arg.replace(NAMESPACE, here)));
        command
            .envs(call.env.iter().copied())
            .current_dir(&self.home);
        crate::cluster::isolate(&mut command, &self.home);
        command
    }

    /// Starts it, to run until it is told to end.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self, call: &Call<'_>) -> Result<Process> {
        Process::start("kubectl", self.command(call))
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It cannot be started or takes longer than two minutes.
    pub async fn run(&self, args: &[&str]) -> Result<Output> {
        self.call(&Call::new(args)).await
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It cannot be started or takes longer than two minutes.
    pub async fn call(&self, call: &Call<'_>) -> Result<Output> {
        command::run(self.command(call), call.stdin.as_bytes().to_vec(), LIMIT).await
    }
}

/// Stands for the Kubernetes namespace in the arguments of a [`Call`].
pub const NAMESPACE: &str = "{namespace}";

/// What kubectl is to do, apart from where.
#[derive(Clone, Debug, Default)]
pub struct Call<'a> {
    args: Vec<&'a str>,
    env: Vec<(&'a str, &'a str)>,
    stdin: &'a str,
}

impl<'a> Call<'a> {
    /// One with these arguments.
    pub fn new(args: &[&'a str]) -> Self {
        Self {
            args: args.to_vec(),
            ..Self::default()
        }
    }

    /// With this text on its standard input.
    #[must_use]
    pub fn stdin(mut self, text: &'a str) -> Self {
        self.stdin = text;
        self
    }

    /// With this variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &'a str, value: &'a str) -> Self {
        self.env.push((name, value));
        self
    }
}
