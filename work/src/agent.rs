//! What is done in the managed cluster.

pub mod conditions;
pub mod configs;
pub mod executor;
pub mod feedback;
pub mod observe;
pub mod rules;
