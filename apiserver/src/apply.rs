//! Server-side apply: who owns which fields of an object, and what applying a
//! configuration makes of it.
//!
//! [`FieldManager`] is the door. Behind it values are walked by their schema
//! (`schema`, `typed`) to find the fields they set (`field_set`), what changed
//! between two (`compare`), one laid over another (`merge`) and one without
//! some fields (`remove`); `updater` says who owns what then, and `managed`
//! reads and writes that as `metadata.managedFields`. Nothing here does IO or
//! reads a clock.

mod cap;
mod compare;
mod error;
mod field_set;
pub mod fields_v1;
mod filter;
mod last_applied;
mod managed;
mod manager;
mod merge;
mod native;
mod path;
mod path_set;
mod reconcile;
mod remove;
mod schema;
#[cfg(test)]
mod tests;
mod times;
mod typed;
mod updater;
mod value;

pub use error::{ApplyError, FieldConflict};
pub use manager::FieldManager;
pub(crate) use manager::{describe, kind_text};
pub use path::{Path, PathElement};
pub use path_set::PathSet;
pub use times::keep_times;
pub(crate) use value::{go_type, go_value};
