//! What an object's schema does to it: drops fields it does not know, fills
//! in what is absent, and tells what is wrong.
//!
//! For custom resources all three are as in Kubernetes' apiextensions server.
//! Time is bounded by the size of the object: every value is visited once for
//! each schema that applies to it.

mod default;
mod embedded;
mod format;
mod prune;
mod types;
mod uniqueness;
mod validate;

pub use default::{default, drop_nulls};
pub use embedded::{check_embedded, coerce_embedded};
pub use prune::prune;
pub use types::{check_types, go_kind};
pub use validate::validate;

/// The deepest that an object is looked into; below that it is left as it is.
/// No deeper one is read from a body.
const MAX_DEPTH: usize = 160;

/// A field below `parent`, as messages have it.
fn child(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}

#[cfg(test)]
mod tests;
