use h2::Reason;

use crate::ResetReason;

/// Adit's own error codes, outside those of RFC 9113 section 7, whose unknown
/// codes must not trigger anything special.
const BUDGET: u32 = 0xad17_0001;
const PROTOCOL: u32 = 0xad17_0002;
const TARGET_FAILED: u32 = 0xad17_0003;

pub(super) fn to_h2(reason: ResetReason) -> Reason {
    match reason {
        ResetReason::Budget => BUDGET.into(),
        ResetReason::Cancelled | ResetReason::Unknown => Reason::CANCEL,
        ResetReason::Protocol => PROTOCOL.into(),
        ResetReason::TargetFailed => TARGET_FAILED.into(),
    }
}

pub(super) fn from_h2(reason: Reason) -> ResetReason {
    match u32::from(reason) {
        BUDGET => ResetReason::Budget,
        PROTOCOL => ResetReason::Protocol,
        TARGET_FAILED => ResetReason::TargetFailed,
        // A server that has said all it will say resets with NO_ERROR.
        _ if reason == Reason::CANCEL || reason == Reason::NO_ERROR => ResetReason::Cancelled,
        _ => ResetReason::Unknown,
    }
}
