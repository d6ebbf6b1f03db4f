use crate::{AgentName, ClusterName, NameError};

/// Whose agent a certificate's subject says it is.
///
/// The subject is Open Cluster Management's: CN
/// `system:open-cluster-management:<cluster>:<agent>`, with the two
/// organizations `system:open-cluster-management:<cluster>` and
/// `system:open-cluster-management:managed-clusters`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AgentIdentity {
    /// The managed cluster.
    pub cluster: ClusterName,
    /// The agent among those of its cluster.
    pub agent: AgentName,
}

/// Why a certificate's subject is no agent's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdentityError {
    /// The common name has another form.
    #[error("the common name {0:?} is not {PREFIX}<cluster>:<agent>")]
    CommonName(String),
    /// The cluster's or the agent's part is no name.
    #[error("the common name {common_name:?} holds no valid name")]
    Name {
        /// The whole common name.
        common_name: String,
        /// What is wrong with the part.
        source: NameError,
    },
    /// The organizations are not exactly the two of that cluster's agents.
    #[error("the organizations {0:?} are not exactly those of the cluster's agents")]
    Organizations(Vec<String>),
}

/// OCM's name for agents of any managed cluster.
const MANAGED_CLUSTERS: &str = "system:open-cluster-management:managed-clusters";
const PREFIX: &str = "system:open-cluster-management:";

impl AgentIdentity {
    /// Reads the subject of a certificate; anything but the exact form is an error.
    pub fn from_subject(common_name: &str, organizations: &[&str]) -> Result<Self, IdentityError> {
        let (cluster, agent) = common_name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once(':'))
            .ok_or_else(|| IdentityError::CommonName(common_name.to_owned()))?;
        let bad_name = |source| IdentityError::Name {
            common_name: common_name.to_owned(),
            source,
        };
        let identity = Self {
            cluster: cluster.parse().map_err(bad_name)?,
            agent: agent.parse().map_err(bad_name)?,
        };
        let mut given = organizations.to_vec();
        given.sort_unstable();
        let mut expected = identity.organizations();
        expected.sort_unstable();
        if given == expected {
            Ok(identity)
        } else {
            Err(IdentityError::Organizations(
                given.into_iter().map(str::to_owned).collect(),
            ))
        }
    }

    /// The common name of this agent's certificate.
    pub fn common_name(&self) -> String {
        format!("{PREFIX}{}:{}", self.cluster, self.agent)
    }

    /// The organizations of this agent's certificate.
    pub fn organizations(&self) -> [String; 2] {
        [
            format!("{PREFIX}{}", self.cluster),
            MANAGED_CLUSTERS.to_owned(),
        ]
    }
}

/// Whether anything in a subject belongs to agents, well-formed or not.
///
/// Such a certificate has no right where users are let in.
pub fn claims_agent(common_name: &str, organizations: &[&str]) -> bool {
    common_name.starts_with(PREFIX) || organizations.iter().any(|o| o.starts_with(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER_ORG: &str = "system:open-cluster-management:edge-7";
    const COMMON_NAME: &str = "system:open-cluster-management:edge-7:agent-a";

    #[test]
    fn a_subject_it_writes_is_one_it_reads() {
        let identity = AgentIdentity {
            cluster: "edge-7".parse().unwrap(),
            agent: "agent-a".parse().unwrap(),
        };
        let [first, second] = identity.organizations();
        let read = AgentIdentity::from_subject(&identity.common_name(), &[&second, &first]);
        assert_eq!(read, Ok(identity));
    }

    #[test]
    fn every_deviation_from_the_exact_subject_is_refused() {
        let organizations: [&[&str]; 5] = [
            &[],
            &[CLUSTER_ORG],
            &[CLUSTER_ORG, CLUSTER_ORG],
            &["system:open-cluster-management:other", MANAGED_CLUSTERS],
            &[CLUSTER_ORG, MANAGED_CLUSTERS, "system:masters"],
        ];
        for given in organizations {
            let read = AgentIdentity::from_subject(COMMON_NAME, given);
            assert!(
                matches!(read, Err(IdentityError::Organizations(_))),
                "{given:?}"
            );
        }
        for name in [
            "",
            "edge-7:a",
            "system:open-cluster-management:edge-7",
            "system:masters",
        ] {
            let read = AgentIdentity::from_subject(name, &[CLUSTER_ORG, MANAGED_CLUSTERS]);
            assert!(
                matches!(read, Err(IdentityError::CommonName(_))),
                "{name:?}"
            );
        }
        let read = AgentIdentity::from_subject(
            "system:open-cluster-management:edge-7:a:b",
            &[CLUSTER_ORG, MANAGED_CLUSTERS],
        );
        assert!(matches!(read, Err(IdentityError::Name { .. })));
    }

    #[test]
    fn any_sign_of_an_agent_is_seen() {
        assert!(claims_agent(COMMON_NAME, &[]));
        assert!(claims_agent("alice", &["dev", MANAGED_CLUSTERS]));
        assert!(!claims_agent("alice", &["system:masters"]));
    }
}
