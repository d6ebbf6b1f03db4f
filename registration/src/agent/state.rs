//! How far an agent has come.

use std::fmt;
use std::time::{Duration, SystemTime};

use proto::AgentIdentity;
use tokio::sync::watch;

/// How far an agent has come; its text is a line for people.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// Nothing has been tried yet.
    #[default]
    Starting,
    /// The hub is being told of the cluster.
    Registering {
        /// Who joins.
        identity: AgentIdentity,
    },
    /// Somebody on the hub is to decide.
    Waiting {
        /// Who joins.
        identity: AgentIdentity,
        /// What is still missing.
        missing: Missing,
    },
    /// The cluster has joined: it is accepted, and the agent has its certificate.
    Joined {
        /// Who joined.
        identity: AgentIdentity,
        /// Until when the certificate is good; it is renewed before.
        until: SystemTime,
    },
    /// Something failed, and is tried again.
    Failing {
        /// What failed, where, and what to try.
        why: String,
        /// When it is tried again; zero if it is somebody else's turn.
        again: Duration,
    },
}

/// What the hub's people have not decided yet.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Missing {
    /// The cluster is not accepted; its certificate request is signed, or there
    /// is no need for one.
    Acceptance,
    /// Neither of the two.
    Both {
        /// The certificate request's name.
        request: String,
    },
    /// The cluster is accepted; its certificate request waits.
    Certificate {
        /// The certificate request's name.
        request: String,
    },
}

impl State {
    /// Whether the cluster has joined.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        matches!(self, Self::Joined { .. })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("Starting"),
            Self::Registering { identity } => {
                write!(
                    f,
                    "Registering the cluster {} with the hub",
                    identity.cluster
                )
            }
            Self::Waiting { identity, missing } => {
                let cluster = &identity.cluster;
                match missing {
                    Missing::Acceptance | Missing::Both { .. } => write!(
                        f,
                        "Waiting for {cluster} to be accepted: run `adit accept {cluster}` on the hub"
                    ),
                    Missing::Certificate { request } => write!(
                        f,
                        "{cluster} is accepted; waiting for its certificate request {request} to \
                         be approved: run `adit accept {cluster}` on the hub"
                    ),
                }
            }
            Self::Joined { identity, .. } => {
                write!(f, "The cluster {} has joined the hub", identity.cluster)
            }
            Self::Failing { why, again } if again.is_zero() => f.write_str(why),
            Self::Failing { why, again } => {
                write!(f, "{why}; trying again in {} s", again.as_secs().max(1))
            }
        }
    }
}

/// Tells those that watch, if it is news.
pub(super) fn tell(watched: &watch::Sender<State>, state: State) {
    watched.send_if_modified(|now| {
        let news = *now != state;
        if news {
            tracing::info!("{state}");
            *now = state;
        }
        news
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_what_to_do() {
        let identity = AgentIdentity {
            cluster: "edge-7".parse().unwrap(),
            agent: "a1".parse().unwrap(),
        };
        let request = "edge-7-x2z4b".to_owned();
        let waiting = |missing| State::Waiting {
            identity: identity.clone(),
            missing,
        };
        let both = waiting(Missing::Both {
            request: request.clone(),
        });
        let line = "Waiting for edge-7 to be accepted: run `adit accept edge-7` on the hub";
        assert_eq!(both.to_string(), line);
        assert_eq!(waiting(Missing::Acceptance).to_string(), line);
        let certificate = waiting(Missing::Certificate { request }).to_string();
        assert!(certificate.contains("edge-7-x2z4b"), "{certificate}");
        let failing = State::Failing {
            why: "the hub cannot be reached".to_owned(),
            again: Duration::from_millis(300),
        };
        let line = "the hub cannot be reached; trying again in 1 s";
        assert_eq!(failing.to_string(), line);
    }
}
