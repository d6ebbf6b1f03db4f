//! The managed cluster's half.
