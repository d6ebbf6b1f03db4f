//! How `adit join` gets to its hub, before and after it has a certificate.

use std::sync::Arc;

use kube::Client;
use proto::AgentIdentity;
use registration::agent::HubAccess;
use tokio::sync::watch;

mod contact;
mod straight;
mod way;

pub(crate) use contact::{Contact, Trust, first_contact};
pub(crate) use straight::Straight;
pub(crate) use way::{Way, Ways};

/// A way to the hub that the cluster's works come by, too.
pub(crate) trait WorkWay: HubAccess {
    /// How they come, once the agent has entered.
    fn works(&self) -> Option<Works>;
}

/// How a cluster's works come.
pub(crate) struct Works {
    /// The hub, as the agent. It goes by the newest certificate.
    pub(crate) hub: Client,
    /// Who that is.
    pub(crate) identity: AgentIdentity,
    /// Which life of the hub's data it is, where a hub tells.
    pub(crate) incarnation: Option<watch::Receiver<Option<Arc<str>>>>,
}
