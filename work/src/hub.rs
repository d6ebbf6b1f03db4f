//! What is done on the hub.
