//! What the tests of one binary share.

use std::pin::Pin;

use anyhow::Result;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

use crate::namespace::Namespace;
use crate::needs::{self, Needs};

/// Something that takes long to start: started by the first test that wants
/// it, used by all of the binary, and ended with the process (see
/// [`scratch`](crate::scratch)).
#[derive(Debug)]
pub struct Fixture<T: 'static> {
    start: fn(&'static Needs) -> Starting<T>,
    programs: &'static [(&'static str, &'static str)],
    // A failure is kept: the next test would only wait for it again.
    started: OnceCell<Result<T, String>>,
}

/// The start of a fixture.
pub type Starting<T> = Pin<Box<dyn Future<Output = Result<T>>>>;

/// Where the bodies of a fixture's tests run.
pub trait Home {
    /// The namespace that sockets of the tests are made in.
    fn home(&self) -> &Namespace;
}

impl<T: Home + Send + Sync + 'static> Fixture<T> {
    /// A fixture that is started so.
    pub const fn new(start: fn(&'static Needs) -> Starting<T>) -> Self {
        Self::needing(&[], start)
    }

    /// A fixture that needs these programs besides (with the Debian packages
    /// that have them), and is started so.
    pub const fn needing(
        programs: &'static [(&'static str, &'static str)],
        start: fn(&'static Needs) -> Starting<T>,
    ) -> Self {
        Self {
            start,
            programs,
            started: OnceCell::const_new(),
        }
    }

    /// Runs a test with the fixture, inside its home; skips it where a need is
    /// missing.
    ///
    /// # Panics
    /// The fixture does not start, or the test panics.
    pub fn test(&'static self, test: impl AsyncFnOnce(&'static T) + Send) {
        let Some(needs) = needs::find() else { return };
        if !needs::have(self.programs) {
            return;
        }
        let started = runtime().block_on(self.started.get_or_init(|| async {
            (self.start)(needs)
                .await
                .map_err(|error| format!("{error:#}"))
        }));
        let fixture = started
            .as_ref()
            .unwrap_or_else(|error| panic!("the fixture does not start: {error}"));
        fixture.home().enter(|| runtime().block_on(test(fixture)));
    }
}

/// One thread is enough for a test, and keeps its sockets in one namespace.
pub fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
}
