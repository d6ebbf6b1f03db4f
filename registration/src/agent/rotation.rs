//! A new certificate, or token, before the old one ends.

use std::time::{Duration, SystemTime};

use kube::Client;
use rand::Rng as _;
use tokio::time::sleep;

use super::authorities::is_of_an_earlier;
use super::by_token::{self, TokenError};
use super::clock::readable;
use super::condition::{self, Wanted};
use super::pace::{after_failures, jittered};
use super::refusal::told;
use super::request::{Request, RequestError};
use super::store::{CredentialStore, StoreError};
use super::{Clock, Credential, Pace, Proof};

/// How the life of a certificate ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rotated {
    /// There is another one, and it is stored.
    Renewed,
    /// It is over.
    Expired,
}

/// Why there is no new certificate. It is tried again.
#[derive(Debug, thiserror::Error)]
enum RotationError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// What rotates a certificate.
pub(super) struct Rotation<'a> {
    /// As the agent, by the certificate that is rotated.
    pub(super) hub: Client,
    pub(super) credential: &'a Credential,
    pub(super) expiration_seconds: Option<i32>,
    pub(super) follows_authorities: bool,
    pub(super) store: &'a dyn CredentialStore,
    pub(super) clock: &'a Clock,
    pub(super) pace: &'a Pace,
}

/// How the hub is told what became of it.
struct Told {
    kind: &'static str,
    done: &'static str,
    failed: &'static str,
    what: &'static str,
}

const CERTIFICATE: Told = Told {
    kind: "ClusterCertificateRotated",
    done: "ClientCertificateUpdated",
    failed: "ClientCertificateUpdateFailed",
    what: "client certificate",
};
const TOKEN: Told = Told {
    kind: "TokenRefreshed",
    done: "TokenRefreshed",
    failed: "TokenCreationFailed",
    what: "token",
};

impl Rotation<'_> {
    /// Waits for the certificate's last quarter, and gets another one. If
    /// another authority signs by now, that is soon.
    pub(super) async fn run(&self) -> Rotated {
        if self.is_of_an_earlier_authority() {
            // All agents of the hub are to have another one.
            let wait = self.pace.authority.mul_f64(rand::rng().random());
            sleep(wait).await;
        } else {
            let fraction = rand::rng().random_range(0.20..0.25);
            self.until(due(self.credential, fraction)).await;
        }
        let renewed = async {
            let mut failures = 0;
            loop {
                let error = match self.renew().await {
                    Ok(()) => return Rotated::Renewed,
                    Err(error) => error,
                };
                self.tell_failed(&error).await;
                failures += 1;
                let denied = matches!(&error, RotationError::Request(of) if of.is_final());
                sleep(if denied {
                    jittered(self.pace.denied, 0.5)
                } else {
                    after_failures(failures, self.pace.retry)
                })
                .await;
            }
        };
        tokio::select! {
            renewed = Box::pin(renewed) => renewed,
            () = self.until(self.credential.not_after) => Rotated::Expired,
        }
    }

    fn is_of_an_earlier_authority(&self) -> bool {
        let authorities = &self.credential.endpoint.certificate_authority;
        let authorities = authorities.as_deref().unwrap_or_default();
        match &self.credential.proof {
            Proof::Certificate {
                certificate_pem, ..
            } => self.follows_authorities && is_of_an_earlier(certificate_pem, authorities),
            Proof::Token { .. } => false,
        }
    }

    async fn renew(&self) -> Result<(), RotationError> {
        let credential = match &self.credential.proof {
            Proof::Certificate { .. } => self.another_certificate().await?,
            Proof::Token { claim, .. } => {
                let seconds = self.expiration_seconds;
                by_token::another(&self.hub, self.credential, claim, seconds).await?
            }
        };
        self.store.save(&credential.to_stored()).await?;
        let Told {
            kind, done, what, ..
        } = self.told();
        let message = format!(
            "{what} rotated starting from {} to {}",
            readable(credential.not_before),
            readable(credential.not_after)
        );
        self.tell(Wanted {
            kind,
            status: "True",
            reason: done,
            message,
        })
        .await;
        Ok(())
    }

    async fn another_certificate(&self) -> Result<Credential, RequestError> {
        let Credential {
            identity, endpoint, ..
        } = self.credential;
        let request = Request::create(&self.hub, identity, self.expiration_seconds).await?;
        tracing::info!(request = request.name(), "asked for a new certificate");
        Box::pin(request.signed(identity, endpoint)).await
    }

    fn told(&self) -> Told {
        match self.credential.proof {
            Proof::Certificate { .. } => CERTIFICATE,
            Proof::Token { .. } => TOKEN,
        }
    }

    async fn tell_failed(&self, error: &RotationError) {
        let why = told(error);
        let Told {
            kind, failed, what, ..
        } = self.told();
        tracing::warn!(error = why, what, "the agent's credential is not rotated");
        self.tell(Wanted {
            kind,
            status: "False",
            reason: failed,
            message: format!("Failed to rotate {what}: {why}"),
        })
        .await;
    }

    async fn tell(&self, wanted: Wanted) {
        let cluster = &self.credential.identity.cluster;
        let told = condition::set(&self.hub, cluster, &wanted, self.clock).await;
        if let Err(error) = told {
            tracing::warn!(%error, "the hub does not take a condition");
        }
    }

    /// Waits for a time of the clock, which may jump, as when a machine sleeps.
    async fn until(&self, at: SystemTime) {
        while let Ok(left) = at.duration_since(self.clock.now()) {
            if left.is_zero() {
                return;
            }
            sleep(left.min(self.pace.rotation)).await;
        }
    }
}

/// When so much of the certificate's life is left.
fn due(credential: &Credential, fraction: f64) -> SystemTime {
    let life = credential.not_after.duration_since(credential.not_before);
    let life = life.unwrap_or(Duration::ZERO);
    credential.not_after - life.mul_f64(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::HubEndpoint;

    /// Rule 1.4, rotation.
    #[test]
    fn a_certificate_is_rotated_when_a_fifth_to_a_quarter_of_its_life_is_left() {
        let not_before = SystemTime::UNIX_EPOCH;
        let credential = Credential {
            identity: proto::AgentIdentity {
                cluster: "c1".parse().unwrap(),
                agent: "a1".parse().unwrap(),
            },
            endpoint: HubEndpoint::default(),
            proof: Proof::Certificate {
                certificate_pem: String::new(),
                key_pem: String::new().into(),
            },
            not_before,
            not_after: not_before + Duration::from_secs(1000),
        };
        let at = |fraction| {
            due(&credential, fraction)
                .duration_since(not_before)
                .unwrap()
        };
        assert_eq!(at(0.25), Duration::from_secs(750));
        assert_eq!(at(0.20), Duration::from_secs(800));
    }
}
