//! One process at a time does a hub's work: a Lease says which.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::setup::hostname;

/// Takes part in the election, by the Lease `adit-hub` of a namespace.
///
/// Clocks of different machines are not compared: a holder counts as gone when
/// its lease has not changed for as long as it is good.
pub(super) struct Leader {
    leases: Api<Lease>,
    /// Of this process, which no other has.
    identity: String,
}

/// A lease of somebody else's, and since when it is as it is.
struct Seen {
    version: Option<String>,
    since: Instant,
}

/// Why the lease is not held.
#[derive(Debug, thiserror::Error)]
enum LeaseError {
    #[error("the lease {NAME} cannot be written: {0}")]
    Api(#[from] kube::Error),
    #[error("the API server has not answered within {} s", ANSWER.as_secs())]
    Late,
    #[error("{0} has taken the lease")]
    Lost(String),
}

const NAME: &str = "adit-hub";
/// How long a lease is good that is not renewed.
const GOOD: Duration = Duration::from_secs(15);
/// How long its holder may be unable to renew it; then it stops its work, while
/// the lease still keeps others from beginning theirs.
const DEADLINE: Duration = Duration::from_secs(10);
/// Between two renewals, and between two looks at somebody else's lease.
const PAUSE: Duration = Duration::from_secs(2);
/// How long one request may take.
const ANSWER: Duration = Duration::from_secs(5);

impl Leader {
    /// `client` may get, create and update Leases in the namespace.
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        let host = hostname().unwrap_or_default();
        let random: u64 = rand::random();
        Self {
            leases: Api::namespaced(client, namespace),
            identity: format!("{host}_{random:016x}"),
        }
    }

    /// Does the work whenever the lease is held, until told to stop. The work
    /// is told to stop when the lease cannot be renewed, and dropped with what
    /// is left of it before another process may begin.
    pub(super) async fn lead(
        &self,
        stop: CancellationToken,
        work: impl Fn(CancellationToken) -> BoxFuture<'static, ()> + Send,
    ) {
        loop {
            let Some(held) = Box::pin(stop.run_until_cancelled(self.acquire())).await else {
                return;
            };
            tracing::info!(identity = self.identity, "this process does the hub's work");
            let term = stop.child_token();
            let lost = tokio::select! {
                () = work(term.clone()) => None,
                lost = self.renew(held) => Some(lost),
            };
            term.cancel();
            match lost {
                Some(error) => {
                    tracing::error!(%error, "this process does the hub's work no longer");
                }
                None => {
                    Box::pin(self.release()).await;
                    if stop.is_cancelled() {
                        return;
                    }
                }
            }
        }
    }

    /// Waits until the lease is this process's. Cancel-safe.
    async fn acquire(&self) -> Lease {
        let mut seen = None;
        let mut told = false;
        loop {
            match self.take(&mut seen).await {
                Ok(Some(lease)) => return lease,
                Ok(None) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::info!("another process does the hub's work; this one waits");
                    }
                }
                Err(error) => tracing::warn!(%error, "the hub's work cannot be begun yet"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Takes the lease if it is nobody's.
    async fn take(&self, seen: &mut Option<Seen>) -> Result<Option<Lease>, LeaseError> {
        let params = PostParams::default();
        let Some(mut lease) = in_time(self.leases.get_opt(NAME)).await? else {
            let lease = self.held(Lease {
                metadata: ObjectMeta {
                    name: Some(NAME.to_owned()),
                    ..ObjectMeta::default()
                },
                spec: None,
            });
            return unless_taken(in_time(self.leases.create(&params, &lease)).await);
        };
        let version = lease.metadata.resource_version.clone();
        let same = seen.as_ref().filter(|seen| seen.version == version);
        let since = same.map_or_else(Instant::now, |seen| seen.since);
        *seen = Some(Seen { version, since });
        if !is_free(&lease, &self.identity, since.elapsed()) {
            return Ok(None);
        }
        lease = self.held(lease);
        unless_taken(in_time(self.leases.replace(NAME, &params, &lease)).await)
    }

    /// Renews the lease until that cannot be done for too long.
    async fn renew(&self, mut lease: Lease) -> LeaseError {
        let params = PostParams::default();
        let mut renewed = Instant::now();
        loop {
            sleep(PAUSE).await;
            let begun = Instant::now();
            let next = self.held(lease.clone());
            let failed = match in_time(self.leases.replace(NAME, &params, &next)).await {
                Ok(written) => {
                    (lease, renewed) = (written, begun);
                    continue;
                }
                Err(failed) => failed,
            };
            // Perhaps it was written, and only the answer was lost.
            match in_time(self.leases.get(NAME)).await {
                Ok(there) if self.holds(&there) => lease = there,
                Ok(there) => return LeaseError::Lost(holder(&there).to_owned()),
                Err(_) => {}
            }
            if renewed.elapsed() >= DEADLINE {
                return failed;
            }
            tracing::warn!(error = %failed, "the hub's lease is not renewed");
        }
    }

    /// Gives the lease back, so that another process need not wait.
    async fn release(&self) {
        let there = in_time(self.leases.get(NAME)).await;
        if let Ok(mut lease) = there
            && self.holds(&lease)
        {
            lease.spec.get_or_insert_default().holder_identity = None;
            let params = PostParams::default();
            // If it is not written, it ends by itself.
            let _ = in_time(self.leases.replace(NAME, &params, &lease)).await;
        }
    }

    fn holds(&self, lease: &Lease) -> bool {
        holder(lease) == self.identity
    }

    /// The lease, held by this process from now on.
    fn held(&self, mut lease: Lease) -> Lease {
        let now = MicroTime(Timestamp::now());
        let spec = lease.spec.take().unwrap_or_default();
        let ours = spec.holder_identity.as_deref() == Some(&*self.identity);
        let turns = spec.lease_transitions.unwrap_or_default();
        lease.spec = Some(LeaseSpec {
            acquire_time: if ours {
                spec.acquire_time
            } else {
                Some(now.clone())
            },
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(GOOD.as_secs()).ok(),
            lease_transitions: Some(if ours { turns } else { turns.saturating_add(1) }),
            renew_time: Some(now),
            ..spec
        });
        lease
    }
}

fn holder(lease: &Lease) -> &str {
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref());
    holder.unwrap_or_default()
}

/// Whether a lease that has not changed for so long may be taken.
fn is_free(lease: &Lease, identity: &str, unchanged: Duration) -> bool {
    let holder = holder(lease);
    if holder.is_empty() || holder == identity {
        return true;
    }
    let spec = lease.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
    let good = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    unchanged > good.map_or(GOOD, Duration::from_secs)
}

/// Somebody who was faster is no failure.
fn unless_taken(written: Result<Lease, LeaseError>) -> Result<Option<Lease>, LeaseError> {
    match written {
        Ok(lease) => Ok(Some(lease)),
        Err(LeaseError::Api(kube::Error::Api(status))) if status.code == 409 => Ok(None),
        Err(error) => Err(error),
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, kube::Error>>) -> Result<T, LeaseError> {
    match timeout(ANSWER, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(LeaseError::Late),
    }
}

impl fmt::Debug for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
