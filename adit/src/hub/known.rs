//! What the hub knows of clusters and tokens, in memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use gateway::User;
use proto::ClusterName;
use proxy_server::{AdmissionError, AgentCertificate, Clusters};
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::clusters::{ClusterRecord, Standing};
use crate::tokens::{TokenId, TokenRecord};

/// The records as the data directory had them a moment ago.
///
/// Readers get a snapshot; nobody waits for the file system.
#[derive(Debug, Default)]
pub(super) struct Known {
    clusters: RwLock<Arc<HashMap<ClusterName, ClusterRecord>>>,
    tokens: RwLock<Arc<HashMap<TokenId, TokenRecord>>>,
}

impl Known {
    /// The names of all known clusters, in no order.
    pub(super) fn names(&self) -> Vec<ClusterName> {
        read(&self.clusters).keys().cloned().collect()
    }

    /// The names of the clusters whose agents may come, in no order.
    pub(super) fn issued(&self) -> Vec<ClusterName> {
        let now = OffsetDateTime::now_utc();
        let clusters = read(&self.clusters);
        let issued = clusters.iter().filter(|(_, record)| record.has_good(now));
        issued.map(|(name, _)| name.clone()).collect()
    }

    /// The user whose token this is; `None` for one that is unknown, expired or
    /// revoked. Compares in constant time.
    pub(super) fn user(&self, token: &SecretString) -> Option<User> {
        let tokens = read(&self.tokens);
        let record = tokens.get(&TokenId::of_token(token)?)?;
        if !record.accepts(token, OffsetDateTime::now_utc()) {
            return None;
        }
        User::new(record.user.clone(), record.groups.clone()).ok()
    }

    pub(super) fn replace_clusters<'a>(&self, records: impl Iterator<Item = &'a ClusterRecord>) {
        // A record has been checked to have a name when it was read.
        let entry = |record: &ClusterRecord| Some((record.name.parse().ok()?, record.clone()));
        replace(&self.clusters, records.filter_map(entry).collect());
    }

    pub(super) fn replace_tokens<'a>(&self, records: impl Iterator<Item = &'a TokenRecord>) {
        replace(
            &self.tokens,
            records
                .map(|record| (record.id.clone(), record.clone()))
                .collect(),
        );
    }
}

impl Clusters for Known {
    fn contains(&self, cluster: &ClusterName) -> bool {
        read(&self.clusters).contains_key(cluster)
    }

    fn admit(&self, certificate: &AgentCertificate) -> Result<(), AdmissionError> {
        let identity = &certificate.identity;
        let clusters = read(&self.clusters);
        let Some(record) = clusters.get(&identity.cluster) else {
            return Err(AdmissionError::UnknownCluster);
        };
        match record.standing(&identity.agent, &certificate.serial) {
            Standing::Good => Ok(()),
            Standing::NotIssued | Standing::Revoked => Err(AdmissionError::Revoked),
        }
    }
}

fn read<T>(lock: &RwLock<Arc<T>>) -> Arc<T> {
    Arc::clone(&lock.read().unwrap_or_else(PoisonError::into_inner))
}

fn replace<T>(lock: &RwLock<Arc<T>>, value: T) {
    *lock.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proto::AgentIdentity;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::clusters::IssuedCertificate;
    use crate::lifetime::Lifetime;

    fn certificate(cluster: &str, serial: &str) -> AgentCertificate {
        let identity = AgentIdentity {
            cluster: cluster.parse().unwrap(),
            agent: "agent".parse().unwrap(),
        };
        let not_after = SystemTime::now() + Duration::from_secs(60);
        AgentCertificate {
            identity,
            serial: serial.to_owned(),
            not_after,
        }
    }

    fn known() -> Known {
        let now = OffsetDateTime::now_utc();
        let mut record = ClusterRecord::new(&"edge-1".parse().unwrap(), now);
        record.note(IssuedCertificate {
            serial: "aa".to_owned(),
            agent: "agent".to_owned(),
            issued: now,
            expires: now + Duration::from_secs(60),
            authority: None,
            revoked: None,
        });
        let known = Known::default();
        known.replace_clusters([record].iter());
        known
    }

    #[test]
    fn only_certificates_on_record_are_admitted() {
        let known = known();
        assert!(known.admit(&certificate("edge-1", "aa")).is_ok());
        assert!(
            known.admit(&certificate("edge-1", "bb")).is_err(),
            "never issued"
        );
        assert!(
            known.admit(&certificate("edge-2", "aa")).is_err(),
            "another cluster's"
        );
        known.replace_clusters([].iter());
        assert!(
            known.admit(&certificate("edge-1", "aa")).is_err(),
            "the cluster is forgotten"
        );
    }

    #[test]
    fn a_token_stands_for_its_user_while_it_is_known() {
        let (record, token) = TokenRecord::create(
            "alice".to_owned(),
            vec!["dev".to_owned()],
            Lifetime::from_days(1),
        )
        .unwrap();
        let known = known();
        assert_eq!(known.user(&token), None);
        known.replace_tokens([record].iter());
        let user = known.user(&token).unwrap();
        assert_eq!(
            (user.name.as_str(), user.groups[0].as_str()),
            ("alice", "dev")
        );
        let other = SecretString::from(format!("{}x", token.expose_secret()));
        assert_eq!(known.user(&other), None);
    }
}
