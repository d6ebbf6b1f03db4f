use proto::{Credential, Hello};

/// By what a hub knows an agent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum HubLogin {
    /// The certificate that it shows in the TLS handshake.
    #[default]
    Certificate,
    /// A bootstrap token, with which it can get a certificate and nothing
    /// else. Over TCP alone, and with one link.
    Bootstrap(Credential),
}

impl HubLogin {
    /// The ALPN protocol that says so.
    pub(crate) fn alpn(&self) -> &'static [u8] {
        match self {
            Self::Certificate => tunnel::ALPN,
            Self::Bootstrap(_) => tunnel::JOIN_ALPN,
        }
    }

    /// Whether any carrier, and any number of links, will do.
    pub(crate) fn is_free(&self) -> bool {
        match self {
            Self::Certificate => true,
            Self::Bootstrap(_) => false,
        }
    }

    /// A hello that shows it.
    pub(crate) fn write_in(&self, hello: &mut Hello) {
        hello.credential = match self {
            Self::Certificate => None,
            Self::Bootstrap(token) => Some(token.clone()),
        };
    }
}
