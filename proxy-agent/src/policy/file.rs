use proto::TargetRule;
use serde::Deserialize;

use super::exposed::Exposed;
use super::{ExposeError, TargetPolicy, TargetRuleError};

/// Why a targets file is not taken; it names the line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TargetFileError(#[source] Box<serde_saphyr::Error>);

/// The file as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    allow: Vec<FileRule>,
    #[serde(default)]
    deny: Vec<FileRule>,
    #[serde(default)]
    expose: Vec<FilePattern>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct FileRule(TargetRule);

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct FilePattern(Exposed);

impl TryFrom<String> for FileRule {
    type Error = TargetRuleError;

    fn try_from(text: String) -> Result<Self, TargetRuleError> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for FilePattern {
    type Error = ExposeError;

    fn try_from(text: String) -> Result<Self, ExposeError> {
        text.parse().map(Self)
    }
}

pub(super) fn add(mut policy: TargetPolicy, text: &str) -> Result<TargetPolicy, TargetFileError> {
    let says_nothing = |line: &str| line.is_empty() || line.starts_with('#');
    if text.lines().map(str::trim).all(says_nothing) {
        return Ok(policy);
    }
    let file: File =
        serde_saphyr::from_str(text).map_err(|error| TargetFileError(Box::new(error)))?;
    policy
        .allowed
        .extend(file.allow.into_iter().map(|rule| rule.0));
    policy
        .denied
        .extend(file.deny.into_iter().map(|rule| rule.0));
    policy
        .exposed
        .extend(file.expose.into_iter().map(|pattern| pattern.0));
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Result<TargetPolicy, String> {
        TargetPolicy::default()
            .add_file(text)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_adds_to_what_is_allowed_already() {
        let policy = TargetPolicy::default().allow("db:5432").unwrap();
        let text = "allow: ['web:80']\ndeny: ['db:5432']\nexpose: ['shop/web:80']\n";
        let policy = policy.add_file(text).unwrap();
        assert!(policy.may_allow("web", 80).is_ok());
        assert!(policy.may_allow("db", 5432).is_err());
        assert_eq!(policy.exposed.len(), 1);
    }

    #[test]
    fn an_empty_file_says_nothing() {
        for text in ["", "# allow: all\n", "allow: []\n", "{}\n"] {
            assert!(
                policy(text).unwrap().may_allow("web", 80).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, what) in [
            ("allow:\n- web:80\n- web\n", "line 3", "names no port"),
            (
                "expose:\n- shop/web:80\n- web:80\n",
                "line 3",
                "NAMESPACE/NAME:PORT",
            ),
            ("allow: []\nallowed: []\n", "line 2", "allowed"),
            ("deny: x\n", "line 1", ""),
            ("- web:80\n", "line 1", ""),
        ] {
            let error = policy(text).unwrap_err();
            assert!(
                error.contains(line) && error.contains(what),
                "{text}: {error}"
            );
        }
    }
}
