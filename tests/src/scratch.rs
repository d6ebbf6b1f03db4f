//! What a test process leaves on the machine, and who takes it away.
//!
//! All namespaces have the prefix `adit-<pid>-` and all files are in one
//! folder of that name. A small shell waits for the end of this process,
//! however it ends, then kills what runs in the namespaces and removes both.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};

/// The folder of this process's files; made at the first call, gone some
/// moments after the process.
pub fn folder() -> &'static Path {
    &held().folder
}

/// A new folder in it, private to this user.
///
/// # Errors
/// The folder cannot be made.
pub fn fresh_folder(role: &str) -> Result<PathBuf> {
    let path = folder().join(fresh_name(role));
    make_private(&path)?;
    Ok(path)
}

/// A name that no other test process uses, nor this one twice.
pub(crate) fn fresh_name(role: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}{number}-{role}", prefix(std::process::id()))
}

/// Kills what runs in the namespaces whose names begin with `$1` and removes
/// them, their settings, and the folder `$2`.
const SWEEP: &str = r#"
for path in /run/netns/"$1"*; do
    [ -e "$path" ] || continue
    name=${path##*/}
    ip netns pids "$name" | xargs -r kill -KILL
    ip netns delete "$name"
done
rm -rf -- "$2" /etc/netns/"$1"*
"#;

struct Held {
    folder: PathBuf,
    // Its stdin is the pipe whose end tells it of ours.
    _reaper: Child,
}

fn held() -> &'static Held {
    static HELD: OnceLock<Held> = OnceLock::new();
    HELD.get_or_init(|| {
        sweep_leftovers();
        hold().expect("a scratch folder and its reaper are made")
    })
}

fn hold() -> Result<Held> {
    let prefix = prefix(std::process::id());
    let folder = std::env::temp_dir().join(prefix.trim_end_matches('-'));
    make_private(&folder)?;
    let script = format!("trap '' HUP INT TERM\ncat >/dev/null\n{SWEEP}");
    let reaper = shell(&script, &prefix, &folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("cannot start sh")?;
    Ok(Held {
        folder,
        _reaper: reaper,
    })
}

/// Takes away what test processes left whose reaper was killed with them.
fn sweep_leftovers() {
    let namespaces = entries(Path::new("/run/netns"));
    let folders = entries(&std::env::temp_dir());
    let mut pids: Vec<u32> = namespaces
        .chain(folders)
        .filter_map(|name| owner(&name))
        .collect();
    pids.sort_unstable();
    pids.dedup();
    for pid in pids {
        if !Path::new(&format!("/proc/{pid}")).exists() {
            let prefix = prefix(pid);
            let folder = std::env::temp_dir().join(prefix.trim_end_matches('-'));
            // What cannot be removed is in nobody's way.
            let _ = shell(SWEEP, &prefix, &folder)
                .stderr(Stdio::null())
                .status();
        }
    }
}

fn shell(script: &str, prefix: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", prefix]).arg(folder);
    command
}

fn prefix(pid: u32) -> String {
    format!("adit-{pid}-")
}

/// The pid in a name that has the prefix.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix("adit-")?.split('-').next()?.parse().ok()
}

fn entries(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

fn make_private(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(path);
    made.with_context(|| format!("cannot make {}", path.display()))
}
