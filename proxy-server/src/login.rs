use std::time::SystemTime;

use proto::AgentIdentity;

use crate::{AgentCertificate, SessionToken};

/// By what the hub knows whose link it is.
#[derive(Clone, Debug)]
pub(crate) enum AgentLogin {
    /// The certificate of the TLS handshake.
    Certificate(AgentCertificate),
    /// The token of its session.
    Token(SessionToken),
}

impl AgentLogin {
    pub(crate) fn identity(&self) -> &AgentIdentity {
        match self {
            Self::Certificate(certificate) => &certificate.identity,
            Self::Token(token) => token.identity(),
        }
    }

    /// The certificate's serial number; none of a token.
    pub(crate) fn serial(&self) -> &str {
        match self {
            Self::Certificate(certificate) => &certificate.serial,
            Self::Token(_) => "",
        }
    }

    /// The name of the certificate's authority; none of a token.
    pub(crate) fn authority(&self) -> &str {
        match self {
            Self::Certificate(certificate) => &certificate.authority,
            Self::Token(_) => "",
        }
    }

    pub(crate) fn not_after(&self) -> SystemTime {
        match self {
            Self::Certificate(certificate) => certificate.not_after,
            Self::Token(token) => token.not_after(),
        }
    }
}
