//! Tokens by which a list goes on where it stopped.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeError, Engine as _};
use serde::{Deserialize, Serialize};

use crate::Status;

/// Where a list goes on: its form and content are those of Kubernetes' tokens,
/// so that clients which look into them find what they know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContinueToken {
    /// The revision that the list shows; `None` to go on at the latest.
    pub revision: Option<u64>,
    /// The first key of what is left, behind the prefix of what is listed.
    pub start: String,
}

#[derive(Deserialize, Serialize)]
struct Wire<'a> {
    #[serde(default)]
    v: std::borrow::Cow<'a, str>,
    #[serde(default)]
    rv: i64,
    #[serde(default)]
    start: std::borrow::Cow<'a, str>,
}

impl ContinueToken {
    /// As it stands in a list's metadata.
    #[must_use]
    pub fn encode(&self) -> String {
        let wire = Wire {
            v: VERSION.into(),
            rv: self
                .revision
                .map_or(-1, |rv| i64::try_from(rv).unwrap_or(i64::MAX)),
            start: (&*self.start).into(),
        };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&wire).unwrap_or_default())
    }

    /// Reads what a client gives back, which may be anything.
    ///
    /// # Errors
    /// If it is no such token, or its key leads out of the resource.
    pub fn decode(token: &str) -> Result<Self, Status> {
        let wrong = |why: &str| {
            Status::bad_request(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|error| wrong(&illegal(&error)))?;
        let wire: Wire<'_> =
            serde_json::from_slice(&bytes).map_err(|error| wrong(&error.to_string()))?;
        if wire.v != VERSION {
            return Err(wrong(&format!(
                "server does not recognize this encoded version {}",
                wire.v
            )));
        }
        let revision = match wire.rv {
            0 => {
                return Err(wrong(
                    "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
                ));
            }
            rv => u64::try_from(rv).ok(),
        };
        if wire.start.is_empty() {
            return Err(wrong("encoded start key empty (version meta.k8s.io/v1)"));
        }
        let path = wire.start.strip_prefix('/').unwrap_or(&wire.start);
        let mut segments = path.split('/');
        if segments.any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(wrong(&wire.start));
        }
        Ok(Self {
            revision,
            start: path.to_owned(),
        })
    }
}

/// What is said of a text that is not base64, as the real server says it.
fn illegal(error: &DecodeError) -> String {
    let at = match *error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
        DecodeError::InvalidLength(length) => length.saturating_sub(1),
        DecodeError::InvalidPadding => 0,
    };
    format!("illegal base64 data at input byte {at}")
}

const VERSION: &str = "meta.k8s.io/v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_where_to_go_on() {
        for revision in [Some(7), None] {
            let token = ContinueToken {
                revision,
                start: "ns/name\0".into(),
            };
            assert_eq!(ContinueToken::decode(&token.encode()), Ok(token));
        }
    }

    #[test]
    fn forged_tokens_are_refused() {
        let forge = |text: &str| ContinueToken::decode(&URL_SAFE_NO_PAD.encode(text));
        for text in [
            "",
            "{}",
            r#"{"v":"v2","rv":1,"start":"a"}"#,
            r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#,
            r#"{"v":"meta.k8s.io/v1","rv":1,"start":""}"#,
            r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../secrets/a"}"#,
            r#"{"v":"meta.k8s.io/v1","rv":1,"start":"a//b"}"#,
        ] {
            assert!(forge(text).is_err(), "{text}");
        }
        assert!(ContinueToken::decode("***").is_err());
    }
}
