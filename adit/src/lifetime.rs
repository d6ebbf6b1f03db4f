//! How long a certificate or token is good for, as people write it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A whole number of minutes, hours or days: `30m`, `12h`, `90d`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Lifetime(Duration);

/// Why a text is no lifetime.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LifetimeError {
    #[error("{0:?} is no lifetime; write a number and m, h or d, as in 12h or 90d")]
    Form(String),
    #[error("{0:?} is not between one minute and ten years")]
    Range(String),
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// As long as the authority itself.
const LONGEST: u64 = 3650 * DAY;

impl Lifetime {
    pub(crate) const fn from_days(days: u64) -> Self {
        Self(Duration::from_secs(days * DAY))
    }

    pub(crate) const fn as_duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        let form = || LifetimeError::Form(text.to_owned());
        let (last, _) = text.char_indices().next_back().ok_or_else(form)?;
        let (number, unit) = text.split_at(last);
        let unit = match unit {
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            _ => return Err(form()),
        };
        let number: u64 = number.parse().map_err(|_| form())?;
        let range = || LifetimeError::Range(text.to_owned());
        match number.checked_mul(unit).ok_or_else(range)? {
            seconds @ MINUTE..=LONGEST => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(range()),
        }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match (seconds % DAY, seconds % HOUR) {
            (0, _) => write!(f, "{}d", seconds / DAY),
            (_, 0) => write!(f, "{}h", seconds / HOUR),
            _ => write!(f, "{}m", seconds / MINUTE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_reads_back_as_it_was_written() {
        for text in ["1m", "90m", "12h", "36h", "1d", "3650d"] {
            assert_eq!(text.parse::<Lifetime>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_lifetime_is_refused() {
        for text in ["", "d", "1", "1w", "-1d", "1.5h", "1 d", "ä"] {
            assert_eq!(
                text.parse::<Lifetime>(),
                Err(LifetimeError::Form(text.to_owned()))
            );
        }
        for text in ["0d", "3651d", "99999999999999999d"] {
            assert_eq!(
                text.parse::<Lifetime>(),
                Err(LifetimeError::Range(text.to_owned()))
            );
        }
    }
}
