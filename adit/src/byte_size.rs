//! Amounts of memory, as people write them.

use std::fmt;
use std::str::FromStr;

/// A whole number of MiB or GiB: `64MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ByteSize(usize);

/// Why a text is no amount of memory.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no amount of memory between 1 MiB and 1,024 GiB; write 64MiB or 1GiB")]
pub(crate) struct ByteSizeError(String);

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;
const LARGEST: usize = 1024 * GIB;

impl ByteSize {
    pub(crate) const fn bytes(self) -> usize {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let error = || ByteSizeError(text.to_owned());
        let (number, unit) = match (text.strip_suffix("MiB"), text.strip_suffix("GiB")) {
            (Some(number), _) => (number, MIB),
            (None, Some(number)) => (number, GIB),
            (None, None) => return Err(error()),
        };
        let number: usize = number.parse().map_err(|_| error())?;
        match number.checked_mul(unit) {
            Some(bytes @ MIB..=LARGEST) => Ok(Self(bytes)),
            Some(_) | None => Err(error()),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(GIB) {
            write!(f, "{}GiB", self.0 / GIB)
        } else {
            write!(f, "{}MiB", self.0 / MIB)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_reads_back_as_it_was_written() {
        for text in ["1MiB", "64MiB", "1GiB", "1536MiB", "1024GiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        for text in [
            "", "MiB", "0MiB", "64", "64MB", "-1GiB", "1.5GiB", "1025GiB",
        ] {
            assert_eq!(
                text.parse::<ByteSize>(),
                Err(ByteSizeError(text.to_owned()))
            );
        }
    }
}
