//! What is done in the managed cluster.
//!
//! An [`Agent`] follows the ManifestWorks of its cluster on the hub, has their
//! objects in the managed cluster, and tells on the hub what became of them.
//! What it did it keeps in the managed cluster, in one AppliedManifestWork for
//! each work: it may end at any moment, and another one goes on.

mod applied;
mod backoff;
mod claims;
mod clearing;
pub mod conditions;
pub mod configs;
mod context;
mod controller;
mod discovery;
mod drift;
mod eviction;
pub mod executor;
mod failure;
pub mod feedback;
mod finish;
mod ignore;
mod incarnation;
mod kept;
mod lost;
mod manifest;
mod merge;
mod objects;
pub mod observe;
mod options;
mod order;
mod outcome;
mod owner;
mod pace;
mod place;
mod queue;
mod reconcile;
mod removal;
mod report;
pub mod rules;
mod strategy;

use kube::Client;
use tokio_util::sync::CancellationToken;

pub use clearing::{ClearError, clear};
pub use options::{AgentOptions, hub_hash};

/// The agent of one managed cluster.
#[derive(Debug)]
pub struct Agent;

impl Agent {
    /// Applies the works of a cluster until `shutdown` is cancelled, and ends
    /// all it began by then: writes that are under way are cut off, which the
    /// next run makes good.
    ///
    /// `hub` may get, list, watch and patch ManifestWorks in the namespace of the
    /// cluster, and patch their status. `managed` may do what the works ask for
    /// and keeps AppliedManifestWorks, whose definition has to be there already
    /// ([`api::Catalogue::custom_resource_definitions`]).
    ///
    /// It never gives up: what fails is logged and tried again, so a hub or a
    /// cluster that is away for a while may be so. What was applied is kept as it
    /// is to be in the meantime.
    pub async fn run(
        hub: Client,
        managed: Client,
        options: AgentOptions,
        shutdown: CancellationToken,
    ) {
        let controller = controller::Controller::new(hub, managed, options);
        let running = Box::pin(controller.run());
        shutdown.run_until_cancelled(running).await;
    }
}
