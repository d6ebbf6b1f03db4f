use std::fmt;

use crate::wire;

/// Why a stream was not opened, in the words of the side that refused it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Refusal {
    /// The kind, for programs.
    pub reason: RefusalReason,
    /// The details, for people: what failed and where.
    pub message: String,
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// A limit of the refusing side is reached; later may work.
    Busy,
    /// The target did not take the connection.
    DialFailed,
    /// The target did not answer in time.
    DialTimeout,
    /// The refusing side is about to stop; another session may work.
    Draining,
    /// The refusing side's policy does not allow the target.
    Forbidden,
    /// The header could not be understood.
    Malformed,
    /// The target's name is not known there.
    NotFound,
    /// The refusing side does not serve targets of this kind.
    Unsupported,
}

/// Longest message kept of a refusal, in bytes; a peer's longer one is cut.
const MAX_MESSAGE_LEN: usize = 1024;

impl Refusal {
    /// A refusal with a message for people; over 1 KiB it is cut.
    pub fn new(reason: RefusalReason, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_LEN));
        Self { reason, message }
    }

    pub(crate) fn from_wire(refused: wire::stream_answer::Refused) -> Self {
        use wire::stream_answer::Reason as Wire;
        let reason = match refused.reason() {
            Wire::Busy => RefusalReason::Busy,
            Wire::DialFailed => RefusalReason::DialFailed,
            Wire::DialTimeout => RefusalReason::DialTimeout,
            Wire::Draining => RefusalReason::Draining,
            Wire::Forbidden => RefusalReason::Forbidden,
            Wire::Malformed => RefusalReason::Malformed,
            Wire::NotFound => RefusalReason::NotFound,
            // A newer peer's reason is still a refusal.
            Wire::Unspecified | Wire::Unsupported => RefusalReason::Unsupported,
        };
        // A peer's text may stand in a log line.
        let printable = refused.message.chars().filter(|c| !c.is_control());
        Self::new(reason, printable.collect::<String>())
    }

    pub(crate) fn to_wire(&self) -> wire::stream_answer::Refused {
        use wire::stream_answer::Reason as Wire;
        let reason = match self.reason {
            RefusalReason::Busy => Wire::Busy,
            RefusalReason::DialFailed => Wire::DialFailed,
            RefusalReason::DialTimeout => Wire::DialTimeout,
            RefusalReason::Draining => Wire::Draining,
            RefusalReason::Forbidden => Wire::Forbidden,
            RefusalReason::Malformed => Wire::Malformed,
            RefusalReason::NotFound => Wire::NotFound,
            RefusalReason::Unsupported => Wire::Unsupported,
        };
        wire::stream_answer::Refused {
            reason: reason.into(),
            message: self.message.clone(),
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "busy",
            Self::DialFailed => "dial failed",
            Self::DialTimeout => "dial timed out",
            Self::Draining => "draining",
            Self::Forbidden => "forbidden",
            Self::Malformed => "malformed header",
            Self::NotFound => "not found",
            Self::Unsupported => "unsupported target",
        })
    }
}
