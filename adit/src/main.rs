//! Adit's one binary.
fn main() {}
