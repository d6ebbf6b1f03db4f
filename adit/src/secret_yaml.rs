//! YAML with secrets in it: its errors say where, and nothing of what is there.

use serde::de::DeserializeOwned;
use serde_saphyr::Error;

/// Why such a text cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum SecretYamlError {
    #[error("something is wrong at line {line}, column {column} (not shown: it may be secret)")]
    At { line: u64, column: u64 },
    #[error("the field {0} is missing")]
    Missing(&'static str),
    #[error("it is no such YAML document")]
    Nowhere,
}

/// Reads a document of which no part may get into an error.
///
/// The library's own messages show the lines around the place, and values.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, SecretYamlError> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| reduce(&error))
}

fn reduce(error: &Error) -> SecretYamlError {
    if let Error::SerdeMissingField { field, .. } = error.without_snippet() {
        return SecretYamlError::Missing(field);
    }
    match error.location() {
        Some(location) => SecretYamlError::At {
            line: location.line(),
            column: location.column(),
        },
        None => SecretYamlError::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_error_shows_any_of_the_text() {
        for text in [
            "a: |\n  x\nSECRET\nb: 1",
            "a: \"SECRET",
            "a: [SECRET]",
            "SECRET: a\nSECRET: b",
            "SECRET",
            "a: &SECRET b\nc: *SECRETS",
            "a: !SECRET b: c",
        ] {
            let error = parse::<BTreeMap<String, u8>>(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("SECRET"), "{text:?}: {shown}");
        }
    }

    #[test]
    fn the_place_and_a_missing_field_are_named() {
        #[derive(Debug, serde::Deserialize)]
        struct Document {
            #[expect(dead_code, reason = "only its absence is looked at")]
            token: String,
        }
        let error = parse::<Document>("other: x").unwrap_err();
        assert_eq!(error, SecretYamlError::Missing("token"));
        let error = parse::<Document>("token: a\n  b: c").unwrap_err();
        assert!(
            matches!(error, SecretYamlError::At { line: 2, .. }),
            "{error}"
        );
    }
}
