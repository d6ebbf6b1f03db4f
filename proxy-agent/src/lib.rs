//! The cluster's end of Adit's tunnel: dials out and serves streams.
