//! Whether a managed cluster is there: what only the hub can say, when its agent
//! says nothing any more.

use std::time::Duration;

use api::types::cluster::ManagedCluster;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::HubError;
use super::error::{Trying as _, code};
use super::leases::Renewed;
use super::names::{AVAILABLE, CLUSTER_NAME, JOINED, LEASE, TUNNEL_ALONE};
use super::status;
use super::tunnel::Session;

/// What is known of a cluster's agents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs {
    pub(crate) lease: Option<Renewed>,
    /// Unless the cluster does not come through the tunnel.
    pub(crate) session: Option<Session>,
    /// How long it may be without a session.
    pub(crate) limit: Duration,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    /// Whether the condition is another than before.
    pub(crate) changed: bool,
    /// When something else would follow if nothing happens.
    pub(crate) again: Option<Duration>,
}

/// Says in a cluster's conditions that it is not known how it is, when its agent
/// has stopped; that it is well again, only its agent can say.
pub(crate) fn judge(
    cluster: &ManagedCluster,
    signs: &Signs,
    now: Timestamp,
    conditions: &mut Vec<Condition>,
) -> Verdict {
    let seconds = cluster.spec.lease_duration_seconds;
    let left = signs.lease.and_then(|lease| lease.left(seconds, now));
    let Some(left) = left else {
        let changed = unknown(
            conditions,
            "ManagedClusterLeaseUpdateStopped",
            "Registration agent stopped updating its lease.".to_owned(),
        );
        return Verdict {
            changed,
            again: None,
        };
    };
    // Rounded up: a look too early would find that a moment is left.
    let left = left.unsigned_abs() + Duration::from_millis(1);
    match signs.session {
        Some(Session::Gone) => Verdict {
            changed: disconnected(signs.limit, conditions),
            again: Some(left),
        },
        Some(Session::Missing(session)) => Verdict {
            changed: false,
            again: Some(left.min(session + Duration::from_millis(1))),
        },
        Some(Session::There | Session::Otherwise) | None => Verdict {
            changed: false,
            again: Some(left),
        },
    }
}

/// Whether a cluster's agents are the tunnel alone: nobody renews its lease, or
/// says how it is.
pub(crate) fn is_tunnel_alone(cluster: &ManagedCluster) -> bool {
    let (key, value) = TUNNEL_ALONE;
    cluster.annotations().get(key).is_some_and(|is| is == value)
        && status::find(status::conditions(cluster), JOINED).is_none()
}

/// Says in the conditions of such a cluster what its sessions tell, which is all
/// that is known of it. Returns when something else would follow.
pub(crate) fn judge_alone(
    session: Session,
    limit: Duration,
    conditions: &mut Vec<Condition>,
) -> Option<Duration> {
    match session {
        Session::There => {
            let message = "An agent of the managed cluster is connected to the hub.";
            status::set(conditions, AVAILABLE, "True", "TunnelConnected", message);
            None
        }
        Session::Missing(left) => Some(left + Duration::from_millis(1)),
        Session::Gone => {
            disconnected(limit, conditions);
            None
        }
        Session::Otherwise => None,
    }
}

fn disconnected(limit: Duration, conditions: &mut Vec<Condition>) -> bool {
    let message = format!(
        "No agent of the managed cluster has been connected to the hub for {} s.",
        limit.as_secs_f32()
    );
    unknown(conditions, "TunnelDisconnected", message)
}

/// Why it was unknown first is left as it is.
fn unknown(conditions: &mut Vec<Condition>, reason: &str, message: String) -> bool {
    !status::is(conditions, AVAILABLE, "Unknown")
        && status::set(conditions, AVAILABLE, "Unknown", reason, message)
}

/// The text of the Event for a cluster that became unknown.
pub(crate) fn event(cluster: &str) -> String {
    format!(
        "The {cluster} is successfully imported. However, the connection check from the managed \
         cluster to the hub cluster has failed"
    )
}

/// Makes the lease that the agent is to renew: it may not make one itself.
pub(crate) async fn begin(client: &Client, cluster: &ManagedCluster) -> Result<(), HubError> {
    let name = cluster.name_any();
    let leases: Api<Lease> = Api::namespaced(client.clone(), &name);
    let what = || format!("the lease of managed cluster {name} cannot be made");
    let lease = json!({
        "metadata": {"name": LEASE, "labels": {(CLUSTER_NAME): name}},
        "spec": {"holderIdentity": LEASE, "renewTime": Timestamp::now().to_string()},
    });
    let lease = serde_json::from_value(lease)
        .map_err(kube::Error::SerdeError)
        .trying(what)?;
    match leases.create(&PostParams::default(), &lease).await {
        // Somebody was faster, or it is denied and without a namespace.
        Err(error) if matches!(code(&error), Some(404 | 409)) => Ok(()),
        made => made.trying(what).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> ManagedCluster {
        serde_json::from_value(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": "c1"},
            "spec": {},
        }))
        .unwrap()
    }

    fn renewed(from: Timestamp) -> Renewed {
        let lease: Lease = serde_json::from_value(json!({
            "metadata": {"name": LEASE, "namespace": "c1"},
            "spec": {"renewTime": from.to_string()},
        }))
        .unwrap();
        let leases = super::super::leases::Leases::default();
        leases.note(kube::runtime::watcher::Event::Apply(lease), from);
        leases.find("c1").unwrap()
    }

    fn available(conditions: &[Condition]) -> Option<(&str, &str)> {
        let condition = status::find(conditions, AVAILABLE)?;
        Some((condition.status.as_str(), condition.reason.as_str()))
    }

    #[test]
    fn a_fresh_lease_is_looked_at_again_exactly_when_it_ends() {
        let now = Timestamp::now();
        let signs = Signs {
            lease: Some(renewed(now)),
            session: None,
            limit: Duration::ZERO,
        };
        let mut conditions = Vec::new();
        let verdict = judge(&cluster(), &signs, now, &mut conditions);
        assert_eq!(verdict.again, Some(Duration::from_millis(300_001)));
        assert!(!verdict.changed && conditions.is_empty());
    }

    #[test]
    fn a_lease_that_ended_or_is_not_there_makes_a_cluster_unknown() {
        let now = Timestamp::now();
        let ended = renewed(now - Duration::from_secs(300));
        for lease in [Some(ended), None] {
            let signs = Signs {
                lease,
                session: Some(Session::There),
                limit: Duration::ZERO,
            };
            let mut conditions = Vec::new();
            assert!(judge(&cluster(), &signs, now, &mut conditions).changed);
            let reason = ("Unknown", "ManagedClusterLeaseUpdateStopped");
            assert_eq!(available(&conditions), Some(reason));
            assert!(!judge(&cluster(), &signs, now, &mut conditions).changed);
        }
    }

    #[test]
    fn a_cluster_without_a_session_for_too_long_is_unknown_before_its_lease_ends() {
        let now = Timestamp::now();
        let mut signs = Signs {
            lease: Some(renewed(now)),
            session: Some(Session::Missing(Duration::from_secs(3))),
            limit: Duration::from_secs(30),
        };
        let mut conditions = Vec::new();
        let verdict = judge(&cluster(), &signs, now, &mut conditions);
        assert_eq!(verdict.again, Some(Duration::from_millis(3001)));
        assert!(conditions.is_empty());
        signs.session = Some(Session::Gone);
        assert!(judge(&cluster(), &signs, now, &mut conditions).changed);
        assert_eq!(
            available(&conditions),
            Some(("Unknown", "TunnelDisconnected"))
        );
        let message = "No agent of the managed cluster has been connected to the hub for 30 s.";
        assert_eq!(conditions[0].message, message);
    }
}
