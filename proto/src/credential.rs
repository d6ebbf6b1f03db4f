use std::fmt;

use bytes::Bytes;

/// A token by which an agent without a certificate says who it is.
///
/// `Debug` does not show it. `==` takes its time by where two differ: it is for
/// messages, not for finding out whether a token is good.
#[derive(Clone, Eq, PartialEq)]
pub struct Credential(Box<str>);

/// The longest that is taken, in bytes: service accounts' tokens have about one thousand.
const MAX_LEN: usize = 16 * 1024;

impl Credential {
    /// `None` for what no token can be: nothing at all, more than 16 KiB, or
    /// anything but visible ASCII.
    pub fn new(token: &str) -> Option<Self> {
        let fits = (1..=MAX_LEN).contains(&token.len());
        let visible = token.bytes().all(|b| b.is_ascii_graphic());
        (fits && visible).then(|| Self(token.into()))
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_wire(bytes: &Bytes) -> Option<Self> {
        Self::new(std::str::from_utf8(bytes).ok()?)
    }

    pub(crate) fn to_wire(&self) -> Bytes {
        Bytes::copy_from_slice(self.0.as_bytes())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_stand_in_a_header_is_a_token() {
        assert!(Credential::new("abcdef.0123456789abcdef").is_some());
        let long = "a".repeat(MAX_LEN + 1);
        for text in ["", "a b", "a\n", "ä", &long] {
            assert_eq!(Credential::new(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_not_shown() {
        let shown = format!("{:?}", Credential::new("secret"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
