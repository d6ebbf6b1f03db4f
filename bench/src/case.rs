//! What a case is.

use std::time::Duration;

use crate::place::Line;
use crate::system::Kind;

/// One thing that is measured of several systems, side by side.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) line: Line,
    pub(crate) systems: &'static [Kind],
    pub(crate) rounds: u32,
    pub(crate) work: Work,
}

/// How it is measured.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// By a mode of the load program.
    Load(Load),
    /// By what the hub holds for so many agents that do nothing for so long.
    IdleAgents(u32, Duration),
    /// By what processes hold while so many streams are open and silent for so
    /// long.
    IdleStreams(u32, Duration),
    /// By how long nothing is served when an end, gone for so long, is started.
    Recovery(Duration),
    /// By how long so many agents take to come back to a hub that was killed.
    Storm(u32),
}

/// A mode of the load program, and its flags.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) mode: &'static str,
    pub(crate) flags: Vec<String>,
    /// Whether the system is started anew after it: it may be out of order.
    pub(crate) spoils: bool,
}

impl Load {
    pub(crate) fn new(mode: &'static str, flags: &str) -> Self {
        Self {
            mode,
            flags: flags.split_whitespace().map(str::to_owned).collect(),
            spoils: false,
        }
    }

    pub(crate) fn spoiling(self) -> Self {
        Self {
            spoils: true,
            ..self
        }
    }
}
