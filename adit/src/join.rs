//! How `adit join` gets to its hub, before and after it has a certificate.

mod contact;
mod way;

pub(crate) use contact::{Contact, Trust, first_contact};
pub(crate) use way::{Way, Ways};
