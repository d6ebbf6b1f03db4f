//! What agents that register by token tell a hub beside its API: a POST each,
//! over streams to `hub-api`.

use serde::{Deserialize, Serialize};

/// Where whoever joins asks for the first token.
pub(crate) const FIRST: &str = "/adit/v1/first-token";
/// Where a session is told of the token that it goes by from now on.
pub(crate) const RENEWED: &str = "/adit/v1/session-token";

/// A body is no longer than this, in bytes.
pub(crate) const BODY_MAX: usize = 32 * 1024;

/// Asks for an agent's first token. It holds a secret.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct AskFirst {
    pub(crate) cluster: String,
    pub(crate) agent: String,
    /// The secret of which the ManagedCluster has the hash.
    pub(crate) claim: String,
    /// For how long it is to be good.
    pub(crate) expiration_seconds: i64,
}

/// A token, asked for or shown. It is a secret.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    pub(crate) token: String,
}
