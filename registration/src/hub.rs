//! The hub's half.
