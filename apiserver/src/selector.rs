//! Label and field selectors: their grammar, their texts of error, and what
//! they match.

mod field;
mod label;

pub use field::FieldSelector;
pub use label::LabelSelector;
