//! What the tests need from the machine.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Result, bail, ensure};

/// Everything the tests need, found.
#[derive(Debug)]
pub struct Needs {
    /// The product.
    pub adit: PathBuf,
    /// The folder with kube-apiserver, kubectl and the others.
    pub peers: PathBuf,
}

/// Whether the long forms are to be run.
pub fn soak() -> bool {
    std::env::var("ADIT_SOAK").is_ok_and(|value| value == "1")
}

/// The needs; without them the reason is printed, and with `CI=true` the test
/// that asks fails.
///
/// # Panics
/// Something is missing and `CI` is `true`.
pub fn find() -> Option<&'static Needs> {
    static FOUND: OnceLock<Result<Needs, String>> = OnceLock::new();
    match FOUND.get_or_init(|| look().map_err(|error| format!("{error:#}"))) {
        Ok(needs) => Some(needs),
        Err(reason) => {
            skip(reason);
            None
        }
    }
}

/// The folder that `tests/clients/build` prints, with kubectl of several
/// versions and Python with its client; without it as with [`find`].
///
/// # Panics
/// It is missing and `CI` is `true`.
pub fn clients() -> Option<PathBuf> {
    let folder = std::env::var_os("ADIT_CLIENTS")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    if !folder.as_ref().is_some_and(|folder| folder.exists()) {
        skip("ADIT_CLIENTS is not set to the folder that tests/clients/build prints");
    }
    folder
}

/// Whether all these programs are there; where one is missing it is as with
/// [`find`]. With each goes the Debian package that has it.
///
/// # Panics
/// Something is missing and `CI` is `true`.
pub fn have(programs: &[(&str, &str)]) -> bool {
    let missing = programs.iter().find(|(program, _)| !on_path(program));
    if let Some((program, package)) = missing {
        skip(&format!(
            "the program {program} is missing (Debian: {package})"
        ));
    }
    missing.is_none()
}

fn skip(reason: &str) {
    assert!(
        !std::env::var("CI").is_ok_and(|ci| ci == "true"),
        "with CI=true nothing may be skipped: {reason}"
    );
    eprintln!("SKIP: {reason}");
}

const PROGRAMS: [&str; 8] = [
    "adit-client-go",
    "adit-grpc",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kubectl",
    "kwok",
    "kwok-kubelet",
];

fn look() -> Result<Needs> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "network namespaces need root"
    );
    for tool in ["curl", "ip", "nft", "sysctl"] {
        ensure!(
            on_path(tool),
            "the program {tool} is missing (Debian: curl iproute2 nftables procps)"
        );
    }
    Ok(Needs {
        adit: adit()?,
        peers: peers()?,
    })
}

fn peers() -> Result<PathBuf> {
    let Some(folder) = std::env::var_os("ADIT_PEERS").filter(|path| !path.is_empty()) else {
        bail!("ADIT_PEERS is not set to the folder that tests/peers/build prints");
    };
    let folder = PathBuf::from(folder);
    for program in PROGRAMS {
        ensure!(
            folder.join(program).exists(),
            "{} has no {program}",
            folder.display()
        );
    }
    Ok(folder)
}

fn adit() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(default_target, PathBuf::from);
    let built = target.join("release/adit");
    let binary = std::env::var_os("ADIT_BIN").map_or(built, PathBuf::from);
    ensure!(
        binary.exists(),
        "{} is missing: cargo build --release -p adit",
        binary.display()
    );
    Ok(binary)
}

fn default_target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

fn on_path(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .any(|folder| folder.join(tool).exists())
}
