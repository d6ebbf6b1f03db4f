//! Names of clusters with `*` in them.

use std::str::FromStr;

use proto::ClusterName;

/// The longest pattern, in bytes.
const MAX_LEN: usize = 253;

/// A cluster's name in which `*` stands for any run of characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ClusterPattern(String);

/// Why a text is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PatternError {
    /// A byte that stands in no cluster's name.
    #[error("{0:?} could match no cluster: use lower-case letters, digits, '-', '.' and '*'")]
    Characters(String),
    /// No byte at all.
    #[error("a cluster's name is empty")]
    Empty,
    /// More than 253 bytes.
    #[error("a cluster's name has {0} bytes; {MAX_LEN} are allowed")]
    TooLong(usize),
}

impl FromStr for ClusterPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.*".contains(&b);
        match text.len() {
            0 => Err(PatternError::Empty),
            len if len > MAX_LEN => Err(PatternError::TooLong(len)),
            _ if text.bytes().all(fits) => Ok(Self(text.to_owned())),
            _ => Err(PatternError::Characters(text.to_owned())),
        }
    }
}

impl ClusterPattern {
    pub(super) fn matches(&self, cluster: &ClusterName) -> bool {
        matches(self.0.as_bytes(), cluster.as_str().as_bytes())
    }
}

/// Goes back to the last `*` alone, so the work is at most pattern × name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut last_star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                last_star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == name[n] => {
                p += 1;
                n += 1;
            }
            Some(_) | None => {
                let Some((star, from)) = last_star else {
                    return false;
                };
                last_star = Some((star, from + 1));
                p = star + 1;
                n = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reference(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|n| reference(rest, &name[n..])),
            Some((byte, rest)) => name.first() == Some(byte) && reference(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_star_stands_for_any_run(pattern in "[ab*]{1,6}", name in "[ab]{1,8}") {
            let expected = reference(pattern.as_bytes(), name.as_bytes());
            prop_assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected);
        }
    }

    #[test]
    fn a_pattern_that_matches_no_cluster_is_a_mistake() {
        for text in ["", "Prod-*", "a/b", "prod-?", "*\n"] {
            assert!(text.parse::<ClusterPattern>().is_err(), "{text:?}");
        }
    }
}
