use serde_json::Value;

use crate::FieldError;

/// What is done to a kind's objects beyond what its schema says. All of them
/// are pure functions; those that are absent do nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks {
    /// Sets what is absent, before anything else is looked at.
    pub default: Option<fn(object: &mut Value)>,
    /// Sets or drops the fields that clients do not decide, after those of
    /// the old object that this change may not touch have been put back.
    pub prepare: Option<fn(object: &mut Value, change: Change<'_>)>,
    /// Says what is wrong with an object that its schema allows.
    pub validate: Option<fn(object: &Value, change: Change<'_>) -> Vec<FieldError>>,
}

/// How an object comes to be as it is.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// It is new.
    Create,
    /// It takes the place of `old`.
    Update {
        /// The object as it was.
        old: &'a Value,
        /// Through which subresource, if any.
        subresource: Option<&'a str>,
    },
}
