//! The programs that are measured, and those that measure.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// All of them, found.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) adit: PathBuf,
    pub(crate) konnectivity_agent: PathBuf,
    pub(crate) konnectivity_server: PathBuf,
    pub(crate) load: PathBuf,
    pub(crate) rathole: PathBuf,
    /// This program, which is the relay too.
    pub(crate) this: PathBuf,
}

impl Programs {
    /// Looks where the environment says.
    ///
    /// # Errors
    /// One is missing; the error says how to get it.
    pub(crate) fn find() -> Result<Self> {
        let peers = peers()?;
        let ours = folder("ADIT_BENCH_PEERS", "bench/peers/build")?;
        Ok(Self {
            adit: adit()?,
            konnectivity_agent: program(&peers, "proxy-agent")?,
            konnectivity_server: program(&peers, "proxy-server")?,
            load: program(&ours, "load")?,
            rathole: program(&ours, "rathole")?,
            this: std::env::current_exe()?,
        })
    }

    /// Whether a command of adit knows this flag.
    ///
    /// # Errors
    /// adit cannot be run.
    pub(crate) fn adit_knows(&self, command: &str, flag: &str) -> Result<bool> {
        let help = Command::new(&self.adit)
            .args([command, "--help"])
            .output()
            .with_context(|| format!("cannot run {}", self.adit.display()))?;
        Ok(String::from_utf8_lossy(&help.stdout).contains(flag))
    }
}

/// The product.
///
/// # Errors
/// It was not built.
pub(crate) fn adit() -> Result<PathBuf> {
    let adit = std::env::var_os("ADIT_BIN").map_or_else(built, PathBuf::from);
    ensure!(
        adit.exists(),
        "{} is missing: cargo build --release -p adit",
        adit.display()
    );
    Ok(adit)
}

/// The folder of the programs that the tests have built, too.
///
/// # Errors
/// The environment does not say where it is.
pub(crate) fn peers() -> Result<PathBuf> {
    folder("ADIT_PEERS", "tests/peers/build")
}

fn folder(variable: &str, printed_by: &str) -> Result<PathBuf> {
    let set = std::env::var_os(variable).filter(|path| !path.is_empty());
    let path = set.with_context(|| {
        format!("{variable} is not set to the folder that {printed_by} prints last")
    })?;
    Ok(path.into())
}

fn program(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    ensure!(path.exists(), "{} has no {name}", folder.display());
    Ok(path)
}

fn built() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    target.join("release/adit")
}
