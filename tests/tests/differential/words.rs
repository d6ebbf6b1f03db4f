//! Errors that both servers tell with the same code and reason, and each in
//! its own words.

use serde_json::Value;

use crate::told::Told;

/// Whether two answers are the same error and what differs is one of the texts
/// that `docs/api-differences.md` lists.
pub(crate) fn only_words_differ(ours: &Told, real: &Told) -> bool {
    let status = ours.status;
    let same = status == real.status && ours.body["kind"] == "Status";
    if !same || !real.body.is_string() && ours.body["reason"] != real.body["reason"] {
        return false;
    }
    match status {
        406 | 415 => true,
        404 => real.body.is_string() || ours.message() == NO_SUCH_PATH,
        400 => [ours, real]
            .iter()
            .all(|told| is_unreadable(told.message())),
        409 => [ours, real]
            .iter()
            .all(|told| told.message().contains(OF_KEY)),
        422 => same_faults(ours, real),
        // The real server tells of several faults now this one, now that.
        500 => [ours, real]
            .iter()
            .all(|told| UNTYPED.iter().any(|of| told.message().starts_with(of))),
        _ => false,
    }
}

/// Whether it was not understood what was sent.
fn is_unreadable(message: &str) -> bool {
    UNREADABLE.iter().any(|of| message.contains(of))
}

/// Whether each fault that is told here is told there as well, of the same
/// field or of what is in it, and only the value is quoted otherwise.
fn same_faults(ours: &Told, real: &Told) -> bool {
    let faults = |told: &Told| told.body["details"]["causes"].as_array().cloned();
    let (Some(ours), Some(real)) = (faults(ours), faults(real)) else {
        return false;
    };
    let text = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
    let told = |mine: &Value| {
        real.iter().any(|theirs| {
            let field = text(mine, "field");
            let (mine, text) = (text(mine, "message"), text(theirs, "message"));
            let quotes = field == "patch" || mine.contains(REDACTED);
            theirs["field"]
                .as_str()
                .is_some_and(|of| of.starts_with(&field))
                && (quotes
                    || text.starts_with(&mine)
                    || reordered(&mine) == reordered(&text)
                    || STRUCTURED.iter().any(|of| mine.contains(of))
                        && detail(&mine) == detail(&text))
        })
    };
    !ours.is_empty() && ours.iter().all(told)
}

/// What is said of a value.
fn detail(text: &str) -> &str {
    text.rsplit(": ").next().unwrap_or_default()
}

/// The characters of a text: an object's fields may be in any order. A number
/// may have been taken for a revision.
fn reordered(text: &str) -> Vec<char> {
    let text = text.replace("RV", "");
    let mut all: Vec<char> = text.chars().filter(|c| !c.is_ascii_digit()).collect();
    all.sort_unstable();
    all
}

const NO_SUCH_PATH: &str = "the server could not find the requested resource";
/// What each says with the key that it keeps an object by.
const OF_KEY: &str = "StorageError: invalid object, Code: 4, Key: /";
const UNTYPED: [&str; 2] = [
    "failed to convert new object",
    "failed to create typed patch object",
];
/// How a value begins that is quoted as the real server holds it in memory.
const STRUCTURED: [&str; 3] = ["value: [", "value: null", "value: {"];
const REDACTED: &str = "<secret contents redacted>";
/// What each says of a body, a patch, a selector or a token that it cannot
/// read, or that is of another kind.
const UNREADABLE: [&str; 12] = [
    "is unrecognized (must be of type",
    "cannot be handled as a",
    "does not match the expected API version",
    "couldn't get version/kind",
    "error decoding",
    "field label ",
    "unexpected end of JSON input",
    "invalid object type",
    "continue key is not valid",
    "unable to parse requirement",
    "unable to decode",
    "looking for beginning of value",
];
