//! Tokens of service accounts in place of certificates: what the hub's half and
//! the agent's have to agree on.
//!
//! The agent `first` of a cluster is the service account `adit-agent-first` in
//! the cluster's namespace on the hub. It has a token of that account, for an
//! audience of its own, by which it has its session and renews the token there.
//! Whoever is to have the first one shows a secret of which the ManagedCluster
//! has the hash: with the cluster, the holder of that secret was accepted.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proto::{AgentIdentity, AgentName};
use serde::Deserialize;

/// The audience of agents' tokens: they are good for sessions and nothing else.
pub const AUDIENCE: &str = "adit-session";
/// On a ManagedCluster: whose agents register by token, and the hash of the
/// secret of each, `NAME=HASH` separated by commas.
pub const CLAIMS: &str = "agent.open-cluster-management.io/adit-token-claims";

/// Begins the names of agents' service accounts.
const PREFIX: &str = "adit-agent-";
/// Begins the names of service accounts as users.
const USER_PREFIX: &str = "system:serviceaccount:";
/// A longer token is none, in bytes.
const TOKEN_MAX: usize = 16 * 1024;
/// So many agents of a cluster may register by token.
const CLAIMS_MAX: usize = 16;
/// A SHA-256 in hexadecimal.
const HASH: usize = 64;

/// What a token says of itself, which nobody has verified.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct TokenClaims {
    #[serde(rename = "sub")]
    subject: String,
    #[serde(rename = "iat")]
    issued: u64,
    #[serde(rename = "exp")]
    expires: u64,
}

/// The service account of an agent.
#[must_use]
pub fn account(agent: &AgentName) -> String {
    format!("{PREFIX}{agent}")
}

/// Whose agent a user is, if it is the service account of one.
#[must_use]
pub fn identity_of(user: &str) -> Option<AgentIdentity> {
    let (namespace, account) = user.strip_prefix(USER_PREFIX)?.split_once(':')?;
    let agent = account.strip_prefix(PREFIX)?;
    Some(AgentIdentity {
        cluster: namespace.parse().ok()?,
        agent: agent.parse().ok()?,
    })
}

/// The agents that a ManagedCluster says to register by token, and the hash of
/// each one's secret. What is no claim is passed over.
#[must_use]
pub fn claims(annotation: &str) -> BTreeMap<AgentName, String> {
    let is_hash = |text: &str| text.len() == HASH && text.bytes().all(|b| b.is_ascii_hexdigit());
    let parsed = annotation.split(',').filter_map(|claim| {
        let (agent, hash) = claim.trim().split_once('=')?;
        is_hash(hash).then_some((agent.parse().ok()?, hash.to_ascii_lowercase()))
    });
    parsed.take(CLAIMS_MAX).collect()
}

/// The hash of an agent's secret, as its claim has it.
#[must_use]
pub fn hash(secret: &str) -> String {
    let hash = digest(&SHA256, secret.as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The annotation's value that says so of one agent.
#[must_use]
pub fn claim(agent: &AgentName, hash: &str) -> String {
    format!("{agent}={hash}")
}

impl TokenClaims {
    /// Reads what a token says; `None` for what is no JSON Web Token of a
    /// service account.
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let mut parts = token.split('.');
        let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        serde_json::from_slice(&claims).ok()
    }

    /// Whose agent's it is, if any's.
    #[must_use]
    pub fn identity(&self) -> Option<AgentIdentity> {
        identity_of(&self.subject)
    }

    /// Since when it is good.
    #[must_use]
    pub fn not_before(&self) -> SystemTime {
        at(self.issued)
    }

    /// Until when it is good.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        at(self.expires)
    }
}

/// A time that cannot be is one long ago.
fn at(seconds: u64) -> SystemTime {
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    at.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_one_agent_of_one_cluster_or_none() {
        let identity = identity_of("system:serviceaccount:edge-7:adit-agent-first").unwrap();
        assert_eq!(identity.cluster.as_str(), "edge-7");
        assert_eq!(identity.agent.as_str(), "first");
        for user in [
            "adit-agent-first",
            "system:serviceaccount:edge-7:default",
            "system:serviceaccount:edge-7:adit-agent-",
            "system:serviceaccount:adit-agent-first",
            "system:serviceaccount::adit-agent-first",
            "system:serviceaccount:edge-7:x:adit-agent-first",
            "system:serviceaccount:edge-7:work-agent",
            "system:open-cluster-management:edge-7:first",
        ] {
            assert_eq!(identity_of(user), None, "{user}");
        }
    }

    #[test]
    fn claims_are_read_and_nothing_else() {
        let hash = "0a".repeat(32);
        let agent: AgentName = "first".parse().unwrap();
        let text = format!("{},second=short,=,,B@d={hash}", claim(&agent, &hash));
        assert_eq!(claims(&text), BTreeMap::from([(agent, hash)]));
        assert!(claims("").is_empty());
    }

    #[test]
    fn what_is_no_token_says_nothing() {
        for text in ["", "a.b.c", "a", "..", "a.e30.c"] {
            assert_eq!(TokenClaims::of(text), None, "{text}");
        }
    }
}
