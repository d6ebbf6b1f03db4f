//! In which form a request's body is, and which its answer is to have.

mod accept;
mod content_type;
mod document;
mod json_syntax;

pub(crate) use accept::negotiate;
pub use accept::{Clause, Media, MetaVersion, Rendering, Transform, clauses};
pub use content_type::{BodyMedia, PatchMedia};
pub(crate) use document::MAX_VALUES;
pub use document::{Document, DocumentError, cannot_be_handled, unrecognized};
