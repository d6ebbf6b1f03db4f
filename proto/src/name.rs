use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a managed cluster: a DNS-1123 subdomain of at most 63 bytes.
///
/// OCM uses it as a namespace and a label value on the hub, hence the limit.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClusterName(Arc<str>);

/// The name of one agent of a cluster: a DNS-1123 subdomain of at most 63 bytes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AgentName(Arc<str>);

/// Why a text is no cluster's or agent's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// A byte that DNS-1123 does not allow, or one at a place where it may not stand.
    #[error(
        "{0:?} is no DNS-1123 subdomain: use lower-case letters, digits, '-' and '.', \
         and begin and end each part with a letter or digit"
    )]
    Characters(String),
    /// No byte at all.
    #[error("the name is empty")]
    Empty,
    /// More than 63 bytes.
    #[error("the name has {0} bytes; 63 are allowed")]
    TooLong(usize),
}

const MAX_LEN: usize = 63;

fn check(name: &str) -> Result<Arc<str>, NameError> {
    match name.len() {
        0 => return Err(NameError::Empty),
        n if n > MAX_LEN => return Err(NameError::TooLong(n)),
        _ => {}
    }
    if name.split('.').all(is_label) {
        Ok(name.into())
    } else {
        Err(NameError::Characters(name.to_owned()))
    }
}

/// RFC 1123 section 2.1, lower case only, as Kubernetes has it.
fn is_label(label: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = label.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(&first), Some(&last)) => {
            alphanumeric(first)
                && alphanumeric(last)
                && bytes.iter().all(|&b| alphanumeric(b) || b == b'-')
        }
        _ => false,
    }
}

macro_rules! name {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                check(name).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(AgentName);
name!(ClusterName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_kubernetes_takes_as_a_name() {
        for name in ["edge-7", "a", "0", "eu-west.prod", "x".repeat(63).as_str()] {
            assert_eq!(name.parse::<ClusterName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_what_could_be_read_as_something_else() {
        assert_eq!("".parse::<ClusterName>(), Err(NameError::Empty));
        assert_eq!(
            "x".repeat(64).parse::<ClusterName>(),
            Err(NameError::TooLong(64))
        );
        for name in [
            "..", "a..b", "a/b", "A", "-a", "a-", "a:b", "a b", ".a", "a.", "ä", "a\n",
        ] {
            assert!(
                matches!(name.parse::<AgentName>(), Err(NameError::Characters(_))),
                "{name:?}"
            );
        }
    }
}
