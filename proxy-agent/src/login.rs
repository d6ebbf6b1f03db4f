use std::sync::Arc;

use proto::{Credential, Hello};
use tokio::sync::watch;

/// By what a hub knows an agent.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum HubLogin {
    /// The certificate that it shows in the TLS handshake.
    #[default]
    Certificate,
    /// A bootstrap token, with which it can get a certificate or a token of its
    /// own and nothing else. Over TCP alone, and with one link.
    Bootstrap(Credential),
    /// A token of its own.
    Token(CurrentToken),
}

/// An agent's token, which is another one from time to time; clones are handles
/// to the same one.
#[derive(Clone, Debug)]
pub struct CurrentToken(Arc<watch::Sender<Credential>>);

impl CurrentToken {
    /// Begins with this one.
    #[must_use]
    pub fn new(token: Credential) -> Self {
        Self(Arc::new(watch::Sender::new(token)))
    }

    /// Every link that is made from now on shows this one. The hub has to be
    /// told for those that stand.
    pub fn replace(&self, token: Credential) {
        self.0.send_replace(token);
    }

    fn now(&self) -> Credential {
        self.0.borrow().clone()
    }
}

impl HubLogin {
    /// The ALPN protocol that says so.
    pub(crate) fn alpn(&self) -> &'static [u8] {
        match self {
            Self::Certificate => tunnel::ALPN,
            Self::Bootstrap(_) => tunnel::JOIN_ALPN,
            Self::Token(_) => tunnel::TOKEN_ALPN,
        }
    }

    /// Whether any carrier, and any number of links, will do.
    pub(crate) fn is_free(&self) -> bool {
        match self {
            Self::Certificate | Self::Token(_) => true,
            Self::Bootstrap(_) => false,
        }
    }

    /// A hello that shows it.
    pub(crate) fn write_in(&self, hello: &mut Hello) {
        hello.credential = match self {
            Self::Certificate => None,
            Self::Bootstrap(token) => Some(token.clone()),
            Self::Token(token) => Some(token.now()),
        };
    }
}
