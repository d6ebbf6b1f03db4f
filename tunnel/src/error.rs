use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::{HelloError, MessageError, Refusal};

/// Why a session is over.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// This end's task for the session was ended.
    #[error("this end stopped")]
    Aborted,
    /// It was drained: its streams ended, or their deadline passed.
    #[error("the session was drained")]
    Drained,
    /// The connection broke.
    #[error("the connection was lost: {0}")]
    LinkLost(Arc<str>),
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    PeerClosed,
    /// The peer ended it, for a reason that it gave.
    #[error("the peer rejected this session: {0}")]
    Rejected(Arc<str>),
    /// The agent's certificate is no longer accepted.
    #[error("the agent's certificate is no longer accepted")]
    Revoked,
    /// Nothing was heard from the peer for too long.
    #[error("the peer has been silent for too long")]
    Silent,
    /// A newer session of the same agent took its place.
    #[error("a newer session of the same agent took its place")]
    Superseded,
}

/// Why one end gave a stream up; it travels to the other end.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ResetReason {
    /// Too much was waiting to be read, and this stream's reader had stalled longest.
    Budget,
    /// The side that reset it no longer wants it, or dropped it unfinished.
    Cancelled,
    /// What came on the stream broke its protocol.
    Protocol,
    /// The target's own connection broke.
    TargetFailed,
    /// A reason of a newer peer.
    Unknown,
}

/// Why reading or writing a stream failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The session is over.
    #[error("the tunnel session ended: {0}")]
    Closed(#[from] CloseReason),
    /// This half was finished before.
    #[error("the stream was finished before")]
    Finished,
    /// The peer's answer could not be understood.
    #[error("the peer answered with a malformed message: {0}")]
    Malformed(#[from] MessageError),
    /// The peer refused to open the stream.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// One end reset the stream.
    #[error("the stream was reset: {0}")]
    Reset(ResetReason),
}

/// Why a stream could not be opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The session drains: another may take the stream.
    #[error("the session is draining; a new one will take its place")]
    Draining,
    /// As many streams are open as are allowed.
    #[error("the session has {limit} streams open, the most it may have")]
    StreamLimit {
        /// The limit reached.
        limit: usize,
    },
    /// The stream failed before or with its answer.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Why no session came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The peer went away.
    #[error("the connection ended during the handshake: {0}")]
    Closed(String),
    /// The ends do not fit together.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// The peer's first message could not be understood.
    #[error("the peer's hello is malformed: {0}")]
    Malformed(#[from] MessageError),
    /// The peer does something else than this protocol.
    #[error("the peer does not speak the tunnel's protocol: {0}")]
    Protocol(&'static str),
    /// The peer does not let this end in.
    #[error("the peer rejected this session: {message}")]
    Rejected {
        /// The peer's reason, for people.
        message: String,
    },
    /// The handshake took too long.
    #[error("no handshake within {0:?}")]
    TimedOut(Duration),
}

impl std::fmt::Display for ResetReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Budget => "too much data was waiting to be read",
            Self::Cancelled => "cancelled",
            Self::Protocol => "protocol error",
            Self::TargetFailed => "the target's connection broke",
            Self::Unknown => "for a reason unknown to this version",
        })
    }
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        let kind = match &error {
            StreamError::Closed(_) => io::ErrorKind::ConnectionAborted,
            StreamError::Finished => io::ErrorKind::BrokenPipe,
            StreamError::Malformed(_) => io::ErrorKind::InvalidData,
            StreamError::Refused(_) => io::ErrorKind::ConnectionRefused,
            StreamError::Reset(_) => io::ErrorKind::ConnectionReset,
        };
        Self::new(kind, error)
    }
}
