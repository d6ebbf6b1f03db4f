//! The heartbeat: one small request every `leaseDurationSeconds`.

use std::convert::Infallible;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use proto::ClusterName;
use tokio::sync::watch;
use tokio::time::sleep;

use super::pace::{after_failures, jittered};
use super::refusal::is_code;
use super::view::View;
use super::{Clock, Pace};

/// Made by the hub, in the cluster's namespace there.
const LEASE: &str = "managed-cluster-lease";
/// How much longer than its duration a renewal may take at most.
const JITTER: f64 = 0.25;

/// Renews the cluster's lease for as long as the cluster is accepted, and says
/// whether the last attempt went well.
pub(super) async fn run(
    hub: Client,
    cluster: &ClusterName,
    mut view: View,
    clock: &Clock,
    pace: &Pace,
    beats: watch::Sender<bool>,
) -> Infallible {
    let leases: Api<Lease> = Api::namespaced(hub, cluster.as_str());
    let mut known = None;
    let mut failures = 0;
    loop {
        let Some(duration) = view.lease_duration() else {
            view.changed().await;
            continue;
        };
        let renewed = renew(&leases, &mut known, clock).await;
        beats
            .send_if_modified(|beats| std::mem::replace(beats, renewed.is_ok()) != renewed.is_ok());
        let wait = match renewed {
            Ok(()) => {
                failures = 0;
                jittered(duration, JITTER)
            }
            Err(error) => {
                tracing::warn!(%cluster, %error, "the lease on the hub is not renewed");
                failures += 1;
                after_failures(failures, duration.min(pace.retry))
            }
        };
        // Another duration, or the end of acceptance, counts at once.
        let other = async {
            while view.lease_duration() == Some(duration) {
                view.changed().await;
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = other => {}
        }
    }
}

/// One request, unless somebody else has written the lease in between.
async fn renew(
    leases: &Api<Lease>,
    known: &mut Option<Lease>,
    clock: &Clock,
) -> Result<(), kube::Error> {
    for _ in 0..CONFLICTS_MAX {
        let mut lease = match known.take() {
            Some(lease) => lease,
            None => leases.get(LEASE).await?,
        };
        lease.spec.get_or_insert_default().renew_time = Some(clock.micro_time());
        // The server keeps them by itself, and they are longer than the lease.
        lease.metadata.managed_fields = None;
        match leases.replace(LEASE, &PostParams::default(), &lease).await {
            Ok(renewed) => {
                *known = Some(renewed);
                return Ok(());
            }
            Err(error) if is_code(&error, 409) => {}
            Err(error) => return Err(error),
        }
    }
    let conflict = "somebody else keeps writing the lease";
    Err(kube::Error::Service(conflict.into()))
}

const CONFLICTS_MAX: u32 = 3;
