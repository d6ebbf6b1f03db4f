//! Agents that have a session by a token.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use proto::Credential;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tunnel::{CloseReason, Driver, Incoming, Link};

use super::ProxyServer;
use crate::login::AgentLogin;
use crate::{AdmissionError, ReviewError, ReviewedToken, ServeError, SessionToken};

/// How long a review may take, and telling whoever is refused.
const REVIEW: Duration = Duration::from_secs(10);
/// How often the token of a session that stands is reviewed: whoever's account
/// was deleted is out by then. One whose cluster is no longer accepted is out at
/// once.
const AGAIN: Duration = Duration::from_secs(20);

impl ProxyServer {
    /// Serves one connection with ALPN `adit-token/1`, of an agent that shows a
    /// token in its hello, until its session has ended; see [`Self::serve`].
    ///
    /// It is in the registry once the token has been reviewed and its cluster is
    /// found accepted, and until the token's time is over or it is found to be
    /// no longer good, which is looked for every 20 s. Another token of the same
    /// agent, shown by [`SessionToken::renew`] or by a further link of the
    /// session, takes the place of the first for all links.
    pub async fn serve_token<IO>(
        &self,
        io: IO,
        remote: SocketAddr,
        socket: Option<(SocketAddr, SocketAddr)>,
    ) -> Result<(), ServeError>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if let Err(error) = self.takes_links() {
            tunnel::h2::reject(io, error.to_string()).await;
            return Err(error);
        }
        let parts = tunnel::h2::hub(io, self.link_config()).await?;
        if let Some((local, remote)) = socket {
            parts.0.set_socket(local, remote);
        }
        self.keep_by_token(parts, remote).await
    }

    /// Serves one QUIC connection with ALPN `adit-token/1`; see [`Self::serve_token`].
    pub async fn serve_token_quic(
        &self,
        connection: quinn::Connection,
        remote: SocketAddr,
    ) -> Result<(), ServeError> {
        if let Err(error) = self.takes_links() {
            tunnel::quic::reject(&connection, error.to_string());
            return Err(error);
        }
        let parts = tunnel::quic::hub(connection, self.link_config()).await?;
        self.keep_by_token(parts, remote).await
    }

    async fn keep_by_token(
        &self,
        (link, incoming, driver): (Link, Incoming, Driver),
        remote: SocketAddr,
    ) -> Result<(), ServeError> {
        match self.admit_token(link.peer().credential.clone()).await {
            Ok(token) => {
                let login = AgentLogin::Token(token);
                let kept = self.keep((link, incoming, driver), login, remote);
                Box::pin(kept).await
            }
            Err(error) => {
                link.close(CloseReason::Rejected(error.to_string().into()));
                // Whoever does not read it is not waited for.
                let _ = timeout(REVIEW, driver).await;
                Err(error)
            }
        }
    }

    async fn admit_token(&self, token: Option<Credential>) -> Result<SessionToken, ServeError> {
        let token = token.ok_or_else(|| {
            let message = "a session by token needs a token in the hello";
            ReviewError::Refused(message.to_owned())
        })?;
        let reviewed = self.review(&token).await?;
        if reviewed.not_after <= SystemTime::now() {
            return Err(AdmissionError::TokenExpired.into());
        }
        self.inner.clusters.admit_token(&reviewed.identity)?;
        self.has_room(&reviewed.identity)?;
        Ok(SessionToken::new(token, reviewed))
    }

    async fn review(&self, token: &Credential) -> Result<ReviewedToken, ReviewError> {
        let Some(targets) = &self.inner.targets else {
            let message = "this hub lets nobody have a session by a token";
            return Err(ReviewError::Refused(message.to_owned()));
        };
        let reviewed = timeout(REVIEW, targets.review(token)).await;
        reviewed.unwrap_or_else(|_| {
            let message = "the hub cannot review the token now; try again later";
            Err(ReviewError::Unavailable(message.to_owned()))
        })
    }

    /// Closes a link when the token that it goes by is no longer good.
    pub(super) async fn end_with_token(&self, login: &AgentLogin, link: &Link) -> Infallible {
        let AgentLogin::Token(token) = login else {
            return std::future::pending().await;
        };
        let why = tokio::select! {
            () = token.over() => AdmissionError::TokenExpired.to_string(),
            why = self.until_refused(token) => why,
        };
        let identity = token.identity();
        tracing::info!(
            cluster = %identity.cluster,
            agent = %identity.agent,
            why,
            "closing the agent's link"
        );
        link.close(CloseReason::Rejected(why.into()));
        std::future::pending().await
    }

    /// Waits until a token is found to be no longer its agent's; why.
    async fn until_refused(&self, token: &SessionToken) -> String {
        loop {
            sleep(AGAIN).await;
            match self.review(&token.token()).await {
                Ok(reviewed) if reviewed.identity == *token.identity() => {}
                Ok(_) => return "the token names another agent now".to_owned(),
                Err(ReviewError::Refused(why)) => return why,
                // The token's time ends the session in any case.
                Err(ReviewError::Unavailable(why)) => {
                    tracing::warn!(why, "a session's token is not reviewed again");
                }
            }
        }
    }
}
