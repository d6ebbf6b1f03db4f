use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::object::{at, is_deleting, meta_str};
use crate::options::DeleteOptions;
use crate::writer::Writer;

/// The time that an object is given to come to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Grace {
    /// Its kind knows none, or it is over.
    None,
    /// It runs already, and the delete does not shorten it.
    Runs,
    /// So many seconds, up to that time.
    Until { at: String, seconds: i64 },
}

impl Grace {
    pub(super) fn of(writer: &Writer<'_>, options: &DeleteOptions, object: &Value) -> Self {
        let Some(grace) = writer.scope.resource.hooks.grace else {
            return Self::None;
        };
        let asked = options.grace_seconds.map(at_least);
        if !is_deleting(object) {
            let seconds = at_least(grace(object, asked));
            return Self::until(writer.now + Duration::seconds(seconds), seconds);
        }
        let given = at(object, "metadata.deletionGracePeriodSeconds").and_then(Value::as_i64);
        let given = at_least(given.unwrap_or(0));
        match asked {
            _ if given == 0 => Self::None,
            Some(seconds) if seconds < given => {
                let end = OffsetDateTime::parse(meta_str(object, "deletionTimestamp"), &Rfc3339);
                let end = end.unwrap_or(writer.now) - Duration::seconds(given - seconds);
                if end >= writer.now {
                    Self::until(end, seconds)
                } else {
                    // Whoever is to end it has a moment yet, if it has any.
                    Self::until(writer.now, seconds.min(1))
                }
            }
            Some(_) | None => Self::Runs,
        }
    }

    fn until(at: OffsetDateTime, seconds: i64) -> Self {
        let at = at.format(&Rfc3339).unwrap_or_default();
        Self::Until { at, seconds }
    }
}

/// A negative number of seconds means one, to the real server.
const fn at_least(seconds: i64) -> i64 {
    if seconds < 0 { 1 } else { seconds }
}
