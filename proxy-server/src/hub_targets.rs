use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use proto::{AgentIdentity, Credential};
use tunnel::IncomingStream;

use crate::{ReviewedToken, SessionToken};

/// What agents may open streams to on the hub itself.
pub trait HubTargets: Send + Sync + 'static {
    /// Whether whoever comes with this bootstrap token may join; the token's id
    /// by which those are counted who come with it.
    ///
    /// The error is told to the agent, who may be anybody.
    fn admit<'a>(&'a self, token: &'a Credential) -> BoxFuture<'a, Result<String, NotAdmitted>>;

    /// Whose agent a token names by which it would have a session; by default
    /// nobody has one by a token.
    ///
    /// It is asked when a session begins, and again while it stands. The errors
    /// are told to the agent, who may be anybody.
    fn review<'a>(
        &'a self,
        _token: &'a Credential,
    ) -> BoxFuture<'a, Result<ReviewedToken, ReviewError>> {
        let refused = "this hub lets nobody have a session by a token";
        Box::pin(async move { Err(ReviewError::Refused(refused.to_owned())) })
    }

    /// Serves one stream to its end, or refuses it.
    ///
    /// What is returned is dropped when the link ends, or when the hub stops.
    fn serve(&self, stream: IncomingStream, caller: Caller) -> BoxFuture<'static, ()>;
}

/// Who has opened a stream, and from where.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whom the hub knows it for.
    pub identity: CallerIdentity,
    /// The far end of its connection.
    pub remote: SocketAddr,
}

/// Whom a hub knows the opener of a stream for.
#[derive(Clone, Debug)]
pub enum CallerIdentity {
    /// An agent with a session, by its certificate.
    Agent(AgentIdentity),
    /// Somebody who joins, by a bootstrap token, which every request has to be
    /// judged by anew.
    Bootstrap(Credential),
    /// An agent with a session, by its token, which every request has to be
    /// judged by anew.
    Token(SessionToken),
}

/// Why somebody with a token is not let in, for people.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct NotAdmitted(pub String);

/// Why a token gives nobody a session, for people.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReviewError {
    /// It is not good.
    #[error("{0}")]
    Refused(String),
    /// That cannot be found out now; a session that stands goes on.
    #[error("{0}")]
    Unavailable(String),
}
