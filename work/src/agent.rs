//! What is done in the managed cluster.
