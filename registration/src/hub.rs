//! The hub's half: the controllers that accept clusters, approve their
//! certificates, give them their rights and say whether they are there.
//!
//! [`Controllers`] runs them all against any hub's `kube::Client`. What each
//! does is in the file of its name; `docs/registration.md` has the rules one by
//! one.

mod acceptance;
mod access;
mod accounts;
mod approval;
mod availability;
mod bindings;
mod bootstrap;
mod clock;
mod clusters;
mod controllers;
mod deletion;
mod error;
mod events;
mod following;
mod leases;
mod managed_namespaces;
mod names;
mod objects;
mod options;
mod queue;
mod sets;
mod shared_roles;
mod status;
mod taints;
mod tunnel;

pub mod accept;
pub mod detach;

pub use approval::Approvers;
pub use controllers::Controllers;
pub use error::HubError;
pub use names::{TUNNEL_ALONE, is_the_hubs};
pub use options::{Connected, Options};
