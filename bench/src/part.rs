//! A process of a system that can be ended and started again.

use std::fmt;
use std::process::Command;

use anyhow::Result;
use harness::process::Process;

/// One end of a system.
pub(crate) struct Part {
    name: &'static str,
    command: Box<dyn Fn() -> Command + Send>,
    process: Process,
}

impl Part {
    /// Starts it.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn start(
        name: &'static str,
        command: impl Fn() -> Command + Send + 'static,
    ) -> Result<Self> {
        let process = Process::start(name, command())?;
        Ok(Self {
            name,
            command: Box::new(command),
            process,
        })
    }

    /// The process as it runs now.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Starts it again, after it was killed.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.process = Process::start(self.name, (self.command)())?;
        Ok(())
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}
