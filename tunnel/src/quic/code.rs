//! Adit's own error codes, those of streams and those of connections.

use quinn::{Connection, ConnectionError, VarInt};

use crate::{CloseReason, HandshakeError, ResetReason};

/// Also what the library says for a stream that is dropped.
const CANCELLED: u32 = 0;
const BUDGET: u32 = 0xad17_0001;
const PROTOCOL: u32 = 0xad17_0002;
const TARGET_FAILED: u32 = 0xad17_0003;

/// Also what the library says for a connection that is dropped.
const CLOSED: u32 = 0;
const DRAINED: u32 = 0xad17_0101;
const REJECTED: u32 = 0xad17_0102;
const REVOKED: u32 = 0xad17_0103;
const SUPERSEDED: u32 = 0xad17_0104;

/// What is kept of a reason that goes over the wire: it has to fit a packet.
const MAX_TEXT: usize = 1000;

pub(super) fn of_reset(reason: ResetReason) -> VarInt {
    VarInt::from_u32(match reason {
        ResetReason::Budget => BUDGET,
        ResetReason::Cancelled | ResetReason::Unknown => CANCELLED,
        ResetReason::Protocol => PROTOCOL,
        ResetReason::TargetFailed => TARGET_FAILED,
    })
}

pub(super) fn reset(code: VarInt) -> ResetReason {
    match u32::try_from(code.into_inner()) {
        Ok(BUDGET) => ResetReason::Budget,
        Ok(CANCELLED) => ResetReason::Cancelled,
        Ok(PROTOCOL) => ResetReason::Protocol,
        Ok(TARGET_FAILED) => ResetReason::TargetFailed,
        Ok(_) | Err(_) => ResetReason::Unknown,
    }
}

/// Closes a connection, unless it is closed, and tells the peer why.
pub(super) fn close(connection: &Connection, reason: &CloseReason) {
    let code = match reason {
        CloseReason::Drained => DRAINED,
        CloseReason::Rejected(_) => REJECTED,
        CloseReason::Revoked => REVOKED,
        CloseReason::Superseded => SUPERSEDED,
        CloseReason::Aborted
        | CloseReason::LinkLost(_)
        | CloseReason::PeerClosed
        | CloseReason::Silent => CLOSED,
    };
    let text = if let CloseReason::Rejected(message) = reason {
        message.as_bytes()
    } else {
        b""
    };
    let text = &text[..text.len().min(MAX_TEXT)];
    connection.close(VarInt::from_u32(code), text);
}

/// Why a link is over whose connection has ended so.
pub(super) fn close_reason(error: &ConnectionError) -> CloseReason {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            match u32::try_from(close.error_code.into_inner()) {
                Ok(DRAINED) => CloseReason::Drained,
                Ok(REJECTED) => CloseReason::Rejected(printable(&close.reason).into()),
                Ok(REVOKED) => CloseReason::Revoked,
                Ok(SUPERSEDED) => CloseReason::Superseded,
                Ok(_) | Err(_) => CloseReason::PeerClosed,
            }
        }
        ConnectionError::LocallyClosed => CloseReason::Aborted,
        ConnectionError::TimedOut => CloseReason::Silent,
        ConnectionError::CidsExhausted
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::Reset
        | ConnectionError::TransportError(_)
        | ConnectionError::VersionMismatch => {
            CloseReason::LinkLost(printable(error.to_string().as_bytes()).into())
        }
    }
}

/// Why no link came about on a connection that has ended so.
pub(super) fn handshake_error(error: &ConnectionError) -> HandshakeError {
    let reason = close_reason(error);
    if let CloseReason::Rejected(message) = reason {
        let message = message.to_string();
        HandshakeError::Rejected { message }
    } else {
        HandshakeError::Closed(reason.to_string())
    }
}

/// A peer's text as it may stand in a log line.
fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(MAX_TEXT)]);
    text.chars().filter(|c| !c.is_control()).collect()
}
