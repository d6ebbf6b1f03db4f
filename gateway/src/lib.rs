//! Adit's HTTP front door on the hub.
