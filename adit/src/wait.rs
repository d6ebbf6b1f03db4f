//! How long something may take or be silent, as people write it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::lifetime::Lifetime;

/// A whole number of seconds, or what a [`Lifetime`] is: `10s`, `30m`, `4h`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wait(Duration);

/// Why a text is no time to wait.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no time to wait; write a number and s, m, h or d, as in 10s or 4h")]
pub(crate) struct WaitError(String);

impl Wait {
    pub(crate) const fn as_duration(self) -> Duration {
        self.0
    }
}

impl From<Wait> for Duration {
    fn from(wait: Wait) -> Self {
        wait.0
    }
}

impl FromStr for Wait {
    type Err = WaitError;

    fn from_str(text: &str) -> Result<Self, WaitError> {
        let error = || WaitError(text.to_owned());
        match text.strip_suffix('s').map(str::parse::<u32>) {
            Some(Ok(0) | Err(_)) => Err(error()),
            Some(Ok(seconds)) => Ok(Self(Duration::from_secs(seconds.into()))),
            None => {
                let lifetime = text.parse::<Lifetime>().map_err(|_| error())?;
                Ok(Self(lifetime.as_duration()))
            }
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_longer_units() {
        for (text, seconds) in [("1s", 1), ("90s", 90), ("2m", 120), ("4h", 14_400)] {
            let wait: Wait = text.parse().unwrap();
            assert_eq!(wait.as_duration(), Duration::from_secs(seconds), "{text}");
            assert_eq!(wait.to_string().parse(), Ok(wait));
        }
        for text in ["", "s", "0s", "10", "1.5s", "-1s", "0m", "1w"] {
            assert_eq!(text.parse::<Wait>(), Err(WaitError(text.to_owned())));
        }
    }
}
