//! One network namespace.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::scratch::fresh_name;

/// A network namespace of this test process, with its loopback up. Clones are
/// handles to the same one, which is removed with the last.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    name: String,
}

impl Namespace {
    /// Makes one whose name tells its role.
    ///
    /// # Errors
    /// `ip` is missing or the right to make namespaces is.
    pub fn create(role: &str) -> Result<Self> {
        crate::scratch::folder();
        let name = fresh_name(role);
        ip(&["netns", "add", &name])?;
        let this = Self(Arc::new(Owned { name }));
        this.ip(&["link", "set", "lo", "up"])?;
        Ok(this)
    }

    /// Its name as `ip netns` knows it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Runs `ip` with these arguments on the namespace.
    ///
    /// # Errors
    /// `ip` failed; the error holds what it printed.
    pub fn ip(&self, args: &[&str]) -> Result<()> {
        ip(&[&["-n", &self.0.name], args].concat())
    }

    /// Gives the commands inside these lines for `/etc/hosts`.
    ///
    /// # Errors
    /// `/etc/netns` cannot be written to.
    pub fn hosts(&self, lines: &str) -> Result<()> {
        let folder = self.0.settings();
        std::fs::create_dir_all(&folder)?;
        Ok(std::fs::write(folder.join("hosts"), lines)?)
    }

    /// A command that will run inside.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.0.name])
            .arg(program.as_ref())
            .stdin(Stdio::null());
        command
    }

    /// Runs a short command inside and waits for it.
    ///
    /// # Errors
    /// It failed; the error holds what it printed.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<()> {
        finish(self.command(program).args(args))
    }

    /// Runs `work` on a thread of its own that is inside the namespace:
    /// sockets made there belong to it, wherever they are used later.
    ///
    /// # Panics
    /// The namespace cannot be entered, or `work` panics.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = Path::new("/run/netns").join(&self.0.name);
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let handle = std::fs::File::open(&path).expect("the namespace is there");
                move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("root may enter it");
                work()
            });
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// A listener inside.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn listen(&self, address: SocketAddr) -> Result<tokio::net::TcpListener> {
        let listener = self.enter(|| TcpListener::bind(address))?;
        listener.set_nonblocking(true)?;
        Ok(tokio::net::TcpListener::from_std(listener)?)
    }

    /// A connection from inside; it waits at most `within` for the far end, and
    /// the caller's thread with it.
    ///
    /// # Errors
    /// The address cannot be reached.
    pub fn connect(&self, address: SocketAddr, within: Duration) -> Result<tokio::net::TcpStream> {
        let stream = self.enter(|| TcpStream::connect_timeout(&address, within))?;
        stream.set_nonblocking(true)?;
        Ok(tokio::net::TcpStream::from_std(stream)?)
    }
}

impl Owned {
    /// What `ip netns exec` puts in the place of files in `/etc`.
    fn settings(&self) -> PathBuf {
        Path::new("/etc/netns").join(&self.name)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // The reaper takes both away where this fails.
        let _ = std::fs::remove_dir_all(self.settings());
        let _ = ip(&["netns", "delete", &self.name]);
    }
}

/// Runs `ip` with these arguments.
pub(crate) fn ip(args: &[&str]) -> Result<()> {
    finish(Command::new("ip").args(args).stdin(Stdio::null()))
}

/// Runs a command to its end; a failure is an error with what it printed.
pub(crate) fn finish(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed, {}: {}", output.status, said.trim());
    }
    Ok(())
}
