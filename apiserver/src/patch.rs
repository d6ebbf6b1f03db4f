//! Patches of three sorts, over JSON values, with the real server's answers.
//! Server-side apply is the fourth: [`apply`](crate::apply).
//!
//! Pure, and bounded in time and memory by what a patch may ask for.

use serde_json::Value;

pub mod json;
pub mod merge;
mod order;
pub mod strategic;
#[cfg(test)]
mod tests;

/// Why a patch was not applied.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// It is no patch (400).
    #[error("{0}")]
    BadRequest(String),
    /// It has more operations than are allowed (413).
    #[error("{0}")]
    TooLarge(String),
    /// It cannot be applied to this object (422). The real server keeps the
    /// text to itself and says "the server rejected our request due to an
    /// error in our request".
    #[error("{0}")]
    Unprocessable(String),
    /// It does not fit the kind's schema (500, as the real server has it).
    #[error("{0}")]
    Other(String),
}

/// What Go says of JSON of another type than it is to be read into.
fn cannot_unmarshal(value: &Value, into: &str) -> String {
    let what = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("json: cannot unmarshal {what} into Go {into}")
}
