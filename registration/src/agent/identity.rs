//! Who an agent is: flags say it, or what was stored, or chance.

use proto::{AgentIdentity, AgentName, ClusterName, NameError};
use rand::Rng as _;

use super::credential::Stored;

/// Why a text is no managed cluster's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClusterNameError {
    /// It has a dot, which a namespace, the cluster's on the hub, cannot have.
    #[error(
        "the cluster's name {0:?} has a dot, but names its namespace on the hub; use '-' instead"
    )]
    Dot(ClusterName),
    /// It is no name at all.
    #[error("this is no name for a cluster")]
    Name(#[from] NameError),
}

/// Reads a managed cluster's name, which names a namespace on the hub too: a
/// DNS-1123 label.
///
/// # Errors
/// If it is none.
pub fn cluster_name(text: &str) -> Result<ClusterName, ClusterNameError> {
    let name: ClusterName = text.parse()?;
    check(&name)?;
    Ok(name)
}

/// Who the agent is: what is wanted, what was stored, or a random UUID and five
/// random characters.
///
/// # Errors
/// If a name that is wanted is no cluster's.
pub(super) fn decide(
    cluster: Option<&ClusterName>,
    agent: Option<&AgentName>,
    stored: &Stored,
) -> Result<AgentIdentity, ClusterNameError> {
    let wanted = cluster.cloned();
    if let Some(cluster) = &wanted {
        check(cluster)?;
    }
    let kept = stored.cluster.clone().filter(|name| check(name).is_ok());
    let cluster = match wanted.or(kept) {
        Some(cluster) => cluster,
        None => uuid().parse()?,
    };
    let agent = match agent.or(stored.agent.as_ref()) {
        Some(agent) => agent.clone(),
        None => suffix().parse()?,
    };
    Ok(AgentIdentity { cluster, agent })
}

fn check(name: &ClusterName) -> Result<(), ClusterNameError> {
    if name.as_str().contains('.') {
        return Err(ClusterNameError::Dot(name.clone()));
    }
    Ok(())
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

/// Five characters, without those that make words.
fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut rng = rand::rng();
    let letter = |_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]);
    (0..5).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(cluster: &str, agent: &str) -> Stored {
        Stored {
            cluster: cluster.parse().ok(),
            agent: agent.parse().ok(),
            ..Stored::default()
        }
    }

    /// Rule 1.3, step 2.
    #[test]
    fn a_flag_goes_before_what_was_stored_and_that_before_chance() {
        let kept = stored("kept", "a1");
        let flag = "flag".parse().unwrap();
        let of =
            |identity: AgentIdentity| (identity.cluster.to_string(), identity.agent.to_string());
        let decided = of(decide(Some(&flag), None, &kept).unwrap());
        assert_eq!(decided, ("flag".to_owned(), "a1".to_owned()));
        let agent = "a2".parse().unwrap();
        let decided = of(decide(None, Some(&agent), &kept).unwrap());
        assert_eq!(decided, ("kept".to_owned(), "a2".to_owned()));
        let (cluster, agent) = of(decide(None, None, &Stored::default()).unwrap());
        assert_eq!((cluster.len(), agent.len()), (36, 5), "{cluster} {agent}");
        let (again, _) = of(decide(None, None, &Stored::default()).unwrap());
        assert_ne!(cluster, again);
    }

    #[test]
    fn a_clusters_name_is_one_that_a_namespace_may_have() {
        assert_eq!(cluster_name("edge-7").unwrap().as_str(), "edge-7");
        for bad in ["", "Edge", "a/b", "-a", &"x".repeat(64)] {
            let refused = cluster_name(bad);
            assert!(matches!(refused, Err(ClusterNameError::Name(_))), "{bad}");
        }
        let dotted = cluster_name("a.b");
        assert!(
            matches!(dotted, Err(ClusterNameError::Dot(_))),
            "{dotted:?}"
        );
        let flag = "a.b".parse().unwrap();
        assert!(decide(Some(&flag), None, &Stored::default()).is_err());
    }
}
