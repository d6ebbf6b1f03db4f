//! Kubernetes' own kinds.

use std::sync::OnceLock;

use crate::{Catalogue, kind::Kind};

mod addresses;
mod apps;
mod authentication;
mod authorization;
mod batch;
mod certificates;
mod coordination;
mod discovery;
mod events;
pub(crate) mod fields;
mod pod_spec;
mod rbac;
mod rows;
mod v1;
mod values;

const TABLES: &[&[Kind]] = &[
    v1::KINDS,
    apps::KINDS,
    authentication::KINDS,
    authorization::KINDS,
    batch::KINDS,
    certificates::KINDS,
    coordination::KINDS,
    discovery::KINDS,
    events::KINDS,
    rbac::KINDS,
];

/// Kubernetes' own kinds, as far as the hub serves them, with the definitions
/// of the requests and answers about them (`DeleteOptions`, `Status`, …).
///
/// # Panics
/// Never: what is parsed is part of the program, and a test parses it.
#[must_use]
pub fn core() -> &'static Catalogue {
    static CORE: OnceLock<Catalogue> = OnceLock::new();
    CORE.get_or_init(read)
}

/// Reads them anew.
pub(crate) fn read() -> Catalogue {
    let mut catalogue: Catalogue = serde_json::from_str(include_str!("gen/core.json"))
        .expect("the generated definitions are in the form of Catalogue");
    catalogue.resources = TABLES
        .iter()
        .flat_map(|kinds| kinds.iter().map(Kind::resource))
        .collect();
    catalogue
}
