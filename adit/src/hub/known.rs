//! What the hub knows of clusters and tokens, in memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use gateway::User;
use proto::{AgentIdentity, ClusterName};
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

    /// Whether a cluster was issued certificates by hand, revoked ones among them.
    pub(super) fn contains(&self, cluster: &ClusterName) -> bool {
        read(&self.clusters).contains_key(cluster)
    }

    /// What is on record about an agent's certificate; `None` if nothing is
    /// about its cluster.
    pub(super) fn standing(&self, identity: &AgentIdentity, serial: &str) -> Option<Standing> {
        let clusters = read(&self.clusters);
        let record = clusters.get(&identity.cluster)?;
        Some(record.standing(&identity.agent, serial))
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

fn read<T>(lock: &RwLock<Arc<T>>) -> Arc<T> {
    Arc::clone(&lock.read().unwrap_or_else(PoisonError::into_inner))
}

fn replace<T>(lock: &RwLock<Arc<T>>, value: T) {
    *lock.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::clusters::IssuedCertificate;
    use crate::lifetime::Lifetime;

    fn identity(cluster: &str) -> AgentIdentity {
        AgentIdentity {
            cluster: cluster.parse().unwrap(),
            agent: "agent".parse().unwrap(),
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
    fn a_certificate_is_on_record_or_its_cluster_or_neither() {
        let known = known();
        let standing = |cluster: &str, serial| known.standing(&identity(cluster), serial);
        assert_eq!(standing("edge-1", "aa"), Some(Standing::Good));
        assert_eq!(standing("edge-1", "bb"), Some(Standing::NotIssued));
        assert_eq!(standing("edge-2", "aa"), None);
        known.replace_clusters([].iter());
        assert_eq!(standing("edge-1", "aa"), None, "the cluster is forgotten");
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
