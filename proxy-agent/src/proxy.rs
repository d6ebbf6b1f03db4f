//! What stands between an agent and its hub.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use secrecy::SecretString;

use crate::HubAddress;

mod bypass;
mod url;

pub use bypass::NoProxy;
pub use url::ProxyUrlError;

/// How an agent's connections leave for the hub.
///
/// TLS to the hub is end to end in every case: a proxy sees the hub's address
/// and ciphertext.
#[derive(Clone, Debug, Default)]
pub enum ProxyConfig {
    /// Straight to the hub.
    #[default]
    Direct,
    /// Through a proxy, whatever the hub's address.
    Always(Proxy),
    /// Through a proxy, except to the hubs that are named here.
    Except(Proxy, NoProxy),
}

/// A proxy that connects to others for an agent.
///
/// It is read from a URL: `http://[USER:PASSWORD@]HOST[:PORT]` is a proxy that
/// knows HTTP's method CONNECT, `https://…` one that is spoken to over TLS
/// ([`Self::with_tls`]), and `socks5://…` and `socks5h://…` are SOCKS5
/// (RFC 1928), the first with names resolved by the agent, the second with
/// names left to the proxy. Ports are 80, 443 and 1080 unless said; without a
/// scheme it is `http://`. Shown, it is the URL without the user and password.
#[derive(Clone, Debug)]
pub struct Proxy {
    pub(crate) kind: ProxyKind,
    pub(crate) address: HubAddress,
    pub(crate) credentials: Option<ProxyCredentials>,
    /// How it is spoken to over TLS, if it is.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

/// The protocol that a proxy speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ProxyKind {
    /// HTTP CONNECT; the proxy resolves names.
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS5; the agent resolves names.
    Socks5,
    /// SOCKS5; the proxy resolves names.
    Socks5h,
}

/// Who the agent is to a proxy.
#[derive(Clone, Debug)]
pub struct ProxyCredentials {
    pub(crate) user: String,
    pub(crate) password: SecretString,
}

/// A text is not `USER:PASSWORD`, or no proxy can be told what it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "it is not USER:PASSWORD on one line (at most {MAX_CREDENTIAL_LEN} bytes each, and the user not empty)"
)]
pub struct ProxyCredentialsError;

/// What a length byte of RFC 1929 can tell.
const MAX_CREDENTIAL_LEN: usize = 255;

impl ProxyConfig {
    /// The proxy to take to this hub, if any.
    pub(crate) fn for_hub(&self, hub: &HubAddress) -> Option<&Proxy> {
        match self {
            Self::Direct => None,
            Self::Always(proxy) => Some(proxy),
            Self::Except(proxy, bypass) => (!bypass.covers(hub)).then_some(proxy),
        }
    }
}

impl Proxy {
    /// The same proxy, to which the agent is this user.
    pub fn with_credentials(mut self, credentials: ProxyCredentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Whether it is spoken to over TLS.
    pub fn is_tls(&self) -> bool {
        self.kind == ProxyKind::Https
    }

    /// The same proxy, if it is one of TLS with a certificate that `tls` trusts.
    pub fn with_tls(mut self, mut tls: ClientConfig) -> Self {
        // What is asked for is CONNECT over HTTP/1.1.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        self.tls = Some(Arc::new(tls));
        self
    }

    /// Whether the agent has a user and password for it.
    pub fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.kind.scheme(), self.address)
    }
}

impl ProxyKind {
    fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }
}

impl ProxyCredentials {
    /// Reads `USER:PASSWORD`; a line's end after it is not part of the password.
    pub fn parse(text: &str) -> Result<Self, ProxyCredentialsError> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (user, password) = line.split_once(':').ok_or(ProxyCredentialsError)?;
        Self::new(user.to_owned(), password.to_owned())
    }

    fn new(user: String, password: String) -> Result<Self, ProxyCredentialsError> {
        let fits = |text: &str| {
            text.len() <= MAX_CREDENTIAL_LEN && !text.contains(|c: char| c.is_ascii_control())
        };
        // HTTP knows no colon in a user.
        if user.is_empty() || user.contains(':') || !fits(&user) || !fits(&password) {
            return Err(ProxyCredentialsError);
        }
        Ok(Self {
            user,
            password: password.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn credentials_are_a_line_of_user_and_password() {
        let credentials = ProxyCredentials::parse("anna:p:w @\r\n").unwrap();
        assert_eq!(credentials.user, "anna");
        assert_eq!(credentials.password.expose_secret(), "p:w @");
        let long = format!("anna:{}", "x".repeat(256));
        for text in ["", "anna", ":secret", "anna:one\ntwo\n", &long] {
            assert!(ProxyCredentials::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let proxy: Proxy = "socks5h://anna:hush@proxy:1080".parse().unwrap();
        let config = ProxyConfig::Always(proxy.clone());
        for shown in [format!("{config:?}"), proxy.to_string()] {
            assert!(!shown.contains("hush"), "{shown}");
        }
        assert_eq!(proxy.to_string(), "socks5h://proxy:1080");
    }
}
