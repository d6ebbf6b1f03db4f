use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use http::header::InvalidHeaderValue;
use tokio::sync::Mutex;
use tokio::time::Instant;

mod source;

use source::{HeaderSource, PLUGIN_LIMIT};

/// How an agent is known to its API server beyond its TLS certificate.
pub(super) enum Credential {
    /// By its certificate, or not at all.
    Certificate,
    /// By a token in a file that rotates.
    File(TokenFile),
    /// By whatever else a kubeconfig can hold: a token, a password, a plugin.
    Kubeconfig(HeaderSource),
}

/// Why an agent cannot say who it is.
///
/// A plugin's output is left out: it may hold a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The kubeconfig's way to get a credential is wrong or has failed.
    #[error("the kubeconfig's credential cannot be had: {0}")]
    Kubeconfig(String),
    /// The token's file holds no token.
    #[error("{} holds no token", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
    /// The token's file cannot be read.
    #[error("the token {} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The token's file holds something else than a token.
    #[error("{} holds something else than a token", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        source: InvalidHeaderValue,
    },
    /// The kubeconfig's plugin has not answered in time. It is not started
    /// again as long as it runs.
    #[error("the credential plugin did not answer within {PLUGIN_LIMIT:?}")]
    Unanswered,
}

/// A token that is read from its file again when it gets old.
pub(super) struct TokenFile {
    path: PathBuf,
    last: Mutex<LastRead>,
}

struct LastRead {
    header: HeaderValue,
    at: Instant,
}

/// How old a token may get before its file is looked at again. A rotated
/// token's predecessor stays valid for minutes.
const TOKEN_AGE: Duration = Duration::from_secs(10);

impl Credential {
    /// Blocks while an exec plugin runs.
    pub(super) fn new(config: &kube::Config) -> Result<Self, CredentialError> {
        let auth = &config.auth_info;
        // What goes before a token's file, as in client-go.
        let other = auth.auth_provider.is_some()
            || auth.username.is_some() && auth.password.is_some()
            || auth.token.is_some();
        if let Some(path) = auth.token_file.as_ref().filter(|_| !other) {
            return TokenFile::new(path.into()).map(Self::File);
        }
        Ok(HeaderSource::new(config)?.map_or(Self::Certificate, Self::Kubeconfig))
    }

    /// The value of `Authorization`, if there is to be one. An exec plugin is
    /// waited for at most 30 s. Cancel-safe.
    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, CredentialError> {
        match self {
            Self::Certificate => Ok(None),
            Self::File(file) => Ok(Some(file.authorization().await)),
            Self::Kubeconfig(source) => source.authorization().await,
        }
    }
}

impl TokenFile {
    fn new(path: PathBuf) -> Result<Self, CredentialError> {
        let text = std::fs::read_to_string(&path);
        let header = header(&path, text)?;
        let last = LastRead {
            header,
            at: Instant::now(),
        };
        Ok(Self {
            path,
            last: Mutex::new(last),
        })
    }

    /// The token that was read last, not more than 10 s ago unless its file
    /// cannot be read any more: a token may outlive its file.
    async fn authorization(&self) -> HeaderValue {
        let mut last = self.last.lock().await;
        if last.at.elapsed() >= TOKEN_AGE {
            let text = tokio::fs::read_to_string(&self.path).await;
            match header(&self.path, text) {
                Ok(header) => last.header = header,
                Err(error) => tracing::warn!(%error, "going on with the token read before"),
            }
            last.at = Instant::now();
        }
        last.header.clone()
    }
}

fn header(
    path: &std::path::Path,
    text: io::Result<String>,
) -> Result<HeaderValue, CredentialError> {
    let path = || path.to_owned();
    let text = text.map_err(|source| CredentialError::Read {
        path: path(),
        source,
    })?;
    let token = text.trim();
    if token.is_empty() {
        return Err(CredentialError::NoToken { path: path() });
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}")).map_err(|source| {
        CredentialError::Token {
            path: path(),
            source,
        }
    })?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests;
