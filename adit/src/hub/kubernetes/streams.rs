//! Agents' streams to the hub's API where that is a kube-apiserver's.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use gateway::TokenReviews;
use gateway::Tokens as _;
use proto::{Credential, Refusal, RefusalReason, Target};
use proxy_server::{Caller, HubTargets, NotAdmitted};
use secrecy::SecretString;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tunnel::IncomingStream;

use super::connect::Upstream;
use crate::join_token::{GROUP, JoinToken};
use crate::tcp;

/// Splices streams to `hub-api` with a connection to the kube-apiserver each.
///
/// The agent speaks TLS on it, end to end, and says by its own certificate or
/// token who it is: nothing here could say so for it.
pub(in crate::hub) struct SplicedStreams {
    upstream: Arc<Upstream>,
    tokens: TokenReviews,
}

/// Why a stream goes nowhere.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error("the hub's kube-apiserver cannot be reached: {0}")]
    Io(#[from] io::Error),
    #[error("the hub's kube-apiserver cannot be reached within {} s", DIAL.as_secs())]
    Late,
}

/// How long the kube-apiserver may take for a connection.
const DIAL: Duration = Duration::from_secs(10);
/// Bytes that a stream may hold here in each direction.
const BUFFER: usize = 16 * 1024;

impl SplicedStreams {
    /// `tokens` may create TokenReviews.
    pub(in crate::hub) fn new(upstream: Arc<Upstream>, tokens: TokenReviews) -> Self {
        Self { upstream, tokens }
    }

    async fn judge(&self, token: &Credential) -> Result<String, NotAdmitted> {
        let unknown = || {
            NotAdmitted(
                "the hub does not know the token; make one there with `adit token create --join`"
                    .to_owned(),
            )
        };
        let parsed: JoinToken = token.expose().parse().map_err(|_| unknown())?;
        let user = self.tokens.user(&SecretString::from(token.expose())).await;
        let user = user.map_err(|error| {
            tracing::error!(%error, "a bootstrap token cannot be judged");
            NotAdmitted("the hub cannot judge tokens now; try again later".to_owned())
        })?;
        let user = user.ok_or_else(unknown)?;
        if !user.in_group(GROUP) {
            return Err(NotAdmitted(format!(
                "the token is not made for joining: its group {GROUP} is missing"
            )));
        }
        Ok(parsed.id().to_owned())
    }
}

impl HubTargets for SplicedStreams {
    fn admit<'a>(&'a self, token: &'a Credential) -> BoxFuture<'a, Result<String, NotAdmitted>> {
        Box::pin(self.judge(token))
    }

    fn serve(&self, stream: IncomingStream, caller: Caller) -> BoxFuture<'static, ()> {
        let upstream = self.upstream.clone();
        Box::pin(async move {
            let target = stream.header().target.clone();
            if target != Target::HubApi {
                let message = format!("this hub does not serve {target}");
                stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
                return;
            }
            let remote = caller.remote;
            let server = match dial(&upstream).await {
                Ok(server) => server,
                Err(error) => {
                    tracing::warn!(%remote, %error, "an agent cannot reach the hub's API");
                    stream.refuse(Refusal::new(RefusalReason::DialFailed, error.to_string()));
                    return;
                }
            };
            if let Err(error) = splice(stream, server).await {
                tracing::debug!(%remote, %error, "a stream to the hub's API broke");
            }
        })
    }
}

async fn dial(upstream: &Upstream) -> Result<TcpStream, DialError> {
    let connected = TcpStream::connect((upstream.host.as_str(), upstream.port));
    let server = timeout(DIAL, connected).await;
    let server = server.map_err(|_| DialError::Late)??;
    // A kube-apiserver that has vanished is noticed by this alone.
    tcp::tune(&server);
    Ok(server)
}

/// Moves bytes until both directions have ended or one breaks. Dropped, or
/// broken, it resets the stream.
async fn splice(stream: IncomingStream, mut server: TcpStream) -> io::Result<()> {
    let mut stream = stream.accept().map_err(io::Error::other)?;
    copy_bidirectional_with_sizes(&mut stream, &mut server, BUFFER, BUFFER).await?;
    Ok(())
}
