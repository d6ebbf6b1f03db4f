//! The hub's end of Adit's tunnel: sessions, registry, dialling.
