//! The tokens by which agents without a certificate have sessions.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::{AgentIdentity, Credential};
use tokio::sync::watch;
use tokio::time::sleep;

/// What a hub has found a token to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReviewedToken {
    /// Whose agent it names.
    pub identity: AgentIdentity,
    /// When its time is over.
    pub not_after: SystemTime,
}

/// The token that a session goes by; clones are handles to the same one.
///
/// A session takes another token of its agent while it stands, so that nothing
/// that runs over it has to end with a token's time.
#[derive(Clone)]
pub struct SessionToken {
    identity: AgentIdentity,
    current: Arc<watch::Sender<Current>>,
}

#[derive(Clone)]
struct Current {
    token: Credential,
    not_after: SystemTime,
}

/// The token is not of the agent whose session it is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the token is not of the agent whose session this is")]
pub struct AnotherAgents;

/// A clock that is set while one waits is noticed within that time.
const LOOK: Duration = Duration::from_secs(60);

impl SessionToken {
    /// With a token that was reviewed.
    pub(crate) fn new(token: Credential, reviewed: ReviewedToken) -> Self {
        let ReviewedToken {
            identity,
            not_after,
        } = reviewed;
        let current = watch::Sender::new(Current { token, not_after });
        Self {
            identity,
            current: Arc::new(current),
        }
    }

    /// Whose agent it names, whatever token it is.
    pub fn identity(&self) -> &AgentIdentity {
        &self.identity
    }

    /// The token itself.
    pub fn token(&self) -> Credential {
        self.current.borrow().token.clone()
    }

    /// When its time is over.
    pub fn not_after(&self) -> SystemTime {
        self.current.borrow().not_after
    }

    /// Goes by another token of the same agent from now on; one that ends
    /// sooner changes nothing.
    ///
    /// # Errors
    /// If it is another agent's.
    pub fn renew(&self, token: Credential, reviewed: &ReviewedToken) -> Result<(), AnotherAgents> {
        if reviewed.identity != self.identity {
            return Err(AnotherAgents);
        }
        let not_after = reviewed.not_after;
        self.current.send_if_modified(|current| {
            let later = not_after > current.not_after;
            if later {
                *current = Current { token, not_after };
            }
            later
        });
        Ok(())
    }

    /// Goes by the other's token if that ends later.
    pub(crate) fn take_later(&self, other: &Self) {
        let Current { token, not_after } = other.current.borrow().clone();
        let reviewed = ReviewedToken {
            identity: other.identity.clone(),
            not_after,
        };
        // Whoever's it is, nothing is taken of another agent.
        let _ = self.renew(token, &reviewed);
    }

    /// Waits until the time of the newest token is over.
    pub(crate) async fn over(&self) {
        let mut changes = self.current.subscribe();
        while let Ok(left) = self.not_after().duration_since(SystemTime::now()) {
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = sleep(left.min(LOOK)) => {}
                // It cannot fail: this holds the sender.
                _ = changes.changed() => {}
            }
        }
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken")
            .field("identity", &self.identity)
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reviewed(agent: &str, seconds: u64) -> ReviewedToken {
        ReviewedToken {
            identity: AgentIdentity {
                cluster: "c1".parse().unwrap(),
                agent: agent.parse().unwrap(),
            },
            not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_session_takes_later_tokens_of_its_own_agent_alone() {
        let token = |text| Credential::new(text).unwrap();
        let session = SessionToken::new(token("first"), reviewed("a", 10));
        assert_eq!(
            session.renew(token("other"), &reviewed("b", 20)),
            Err(AnotherAgents)
        );
        assert_eq!(session.token(), token("first"));
        session.renew(token("second"), &reviewed("a", 20)).unwrap();
        session.renew(token("earlier"), &reviewed("a", 15)).unwrap();
        assert_eq!(session.token(), token("second"));
        assert_eq!(session.not_after(), reviewed("a", 20).not_after);
        let shown = format!("{session:?}");
        assert!(!shown.contains("second"), "{shown}");
    }

    #[tokio::test]
    async fn a_token_that_is_over_is_over_at_once() {
        let session = SessionToken::new(Credential::new("t").unwrap(), reviewed("a", 10));
        session.over().await;
    }
}
