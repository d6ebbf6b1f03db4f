//! Which clusters belong to the hub, and with which certificates their agents may come.

use std::fmt;
use std::sync::Arc;

use api::GroupResource;
use apiserver::Objects;
use proto::{AgentIdentity, ClusterName};
use proxy_server::{AdmissionError, AgentCertificate, Clusters};

use super::known::Known;
use crate::clusters::Standing;

/// Decides by the records of what was issued by hand, and by the ManagedClusters
/// of the hub's API, which say whom its administrators have accepted.
pub(super) struct Membership {
    known: Arc<Known>,
    acceptance: Arc<dyn Acceptance>,
}

/// Says whom the hub's administrators have accepted.
///
/// It is asked for every session, so it answers from memory.
pub(super) trait Acceptance: Send + Sync + 'static {
    /// Whether a cluster is accepted; `None` for one that has no ManagedCluster.
    fn accepts(&self, cluster: &ClusterName) -> Option<bool>;
}

/// By the ManagedClusters of the hub's own API server.
pub(super) struct OwnObjects {
    objects: Arc<dyn Objects>,
    managed_clusters: GroupResource,
}

impl Membership {
    pub(super) fn new(known: Arc<Known>, acceptance: Arc<dyn Acceptance>) -> Self {
        Self { known, acceptance }
    }
}

impl OwnObjects {
    pub(super) fn new(objects: Arc<dyn Objects>) -> Self {
        Self {
            objects,
            managed_clusters: GroupResource {
                group: "cluster.open-cluster-management.io".into(),
                resource: "managedclusters".into(),
            },
        }
    }
}

impl Acceptance for OwnObjects {
    fn accepts(&self, cluster: &ClusterName) -> Option<bool> {
        let name = cluster.as_str();
        let object = self.objects.get(&self.managed_clusters, "", name)?;
        Some(object["spec"]["hubAcceptsClient"] == true)
    }
}

impl Clusters for Membership {
    fn contains(&self, cluster: &ClusterName) -> bool {
        self.known.contains(cluster) || self.acceptance.accepts(cluster).is_some()
    }

    /// Credentials made by hand are good unless they are revoked, and for their
    /// cluster's ManagedCluster not to be there yet. Other certificates of this
    /// hub's authority were approved in its API; they are good as long as the
    /// cluster is accepted.
    fn admit(&self, certificate: &AgentCertificate) -> Result<(), AdmissionError> {
        let identity = &certificate.identity;
        let accepted = self.acceptance.accepts(&identity.cluster);
        if accepted == Some(false) {
            return Err(AdmissionError::NotAccepted);
        }
        match self.known.standing(identity, &certificate.serial) {
            Some(Standing::Good) => Ok(()),
            Some(Standing::Revoked) => Err(AdmissionError::Revoked),
            Some(Standing::NotIssued) | None if accepted == Some(true) => Ok(()),
            Some(Standing::NotIssued) => Err(AdmissionError::Revoked),
            None => Err(AdmissionError::UnknownCluster),
        }
    }

    /// Whose token was reviewed may come while its cluster is accepted.
    fn admit_token(&self, identity: &AgentIdentity) -> Result<(), AdmissionError> {
        match self.acceptance.accepts(&identity.cluster) {
            Some(true) => Ok(()),
            Some(false) => Err(AdmissionError::NotAccepted),
            None => Err(AdmissionError::UnknownCluster),
        }
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, SystemTime};

    use serde_json::{Value, json};
    use time::OffsetDateTime;

    use super::*;
    use crate::clusters::{ClusterRecord, IssuedCertificate};

    /// Whether each cluster is accepted.
    #[derive(Debug)]
    struct Accepted(BTreeMap<&'static str, bool>);

    impl Objects for Accepted {
        fn get(&self, resource: &GroupResource, namespace: &str, name: &str) -> Option<Value> {
            assert_eq!((&*resource.resource, namespace), ("managedclusters", ""));
            let accepted = self.0.get(name)?;
            Some(json!({"spec": {"hubAcceptsClient": accepted}}))
        }
    }

    fn certificate(cluster: &str, serial: &str) -> AgentCertificate {
        AgentCertificate {
            identity: AgentIdentity {
                cluster: cluster.parse().unwrap(),
                agent: "agent".parse().unwrap(),
            },
            serial: serial.to_owned(),
            authority: "hub".to_owned(),
            not_after: SystemTime::now() + Duration::from_secs(60),
        }
    }

    /// Certificate `aa` of `by-hand` is on record, and `bb` is revoked.
    fn membership(accepted: &[(&'static str, bool)]) -> Membership {
        let now = OffsetDateTime::now_utc();
        let mut record = ClusterRecord::new(&"by-hand".parse().unwrap(), now);
        for (serial, revoked) in [("aa", None), ("bb", Some(now))] {
            record.note(IssuedCertificate {
                serial: serial.to_owned(),
                agent: "agent".to_owned(),
                issued: now,
                expires: now + Duration::from_secs(60),
                authority: None,
                revoked,
            });
        }
        let known = Arc::new(Known::default());
        known.replace_clusters([record].iter());
        let accepted = accepted.iter().copied().collect();
        let objects = OwnObjects::new(Arc::new(Accepted(accepted)));
        Membership::new(known, Arc::new(objects))
    }

    #[test]
    fn credentials_made_by_hand_are_good_at_once_until_they_are_revoked() {
        let before = membership(&[]);
        let after = membership(&[("by-hand", true)]);
        for membership in [&before, &after] {
            assert_eq!(membership.admit(&certificate("by-hand", "aa")), Ok(()));
            let revoked = membership.admit(&certificate("by-hand", "bb"));
            assert_eq!(revoked, Err(AdmissionError::Revoked));
        }
        let other = before.admit(&certificate("by-hand", "cc"));
        assert_eq!(other, Err(AdmissionError::Revoked), "it was never issued");
    }

    #[test]
    fn what_was_approved_is_good_while_the_cluster_is_accepted() {
        let membership = membership(&[("joined", true), ("denied", false), ("by-hand", true)]);
        assert_eq!(membership.admit(&certificate("joined", "11")), Ok(()));
        assert_eq!(membership.admit(&certificate("by-hand", "11")), Ok(()));
        let denied = membership.admit(&certificate("denied", "11"));
        assert_eq!(denied, Err(AdmissionError::NotAccepted));
        let unknown = membership.admit(&certificate("unknown", "11"));
        assert_eq!(unknown, Err(AdmissionError::UnknownCluster));
    }

    #[test]
    fn a_token_is_good_while_its_cluster_is_accepted_whatever_was_made_by_hand() {
        let membership = membership(&[("joined", true), ("denied", false)]);
        let admit = |cluster| membership.admit_token(&certificate(cluster, "").identity);
        assert_eq!(admit("joined"), Ok(()));
        assert_eq!(admit("denied"), Err(AdmissionError::NotAccepted));
        assert_eq!(admit("by-hand"), Err(AdmissionError::UnknownCluster));
    }

    #[test]
    fn nobody_comes_for_a_cluster_that_is_denied() {
        let membership = membership(&[("by-hand", false)]);
        let denied = membership.admit(&certificate("by-hand", "aa"));
        assert_eq!(denied, Err(AdmissionError::NotAccepted));
    }
}
