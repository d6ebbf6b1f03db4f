//! TLS on the hub's port.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::trust::ClientTrust;

/// The serving certificate, replaced while the hub runs; connections that
/// stand keep the one they began with.
#[derive(Debug)]
pub(super) struct Serving(RwLock<Pair>);

/// What the hub shows.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// To all but those who join.
    pub(super) own: Arc<CertifiedKey>,
    /// To those who join, who know the authority by its pin alone: with the
    /// authority's own certificate behind it.
    pub(super) with_authority: Arc<CertifiedKey>,
}

impl Serving {
    pub(super) fn new(pair: Pair) -> Self {
        Self(RwLock::new(pair))
    }

    pub(super) fn replace(&self, pair: Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pair;
    }

    pub(super) fn current(&self) -> Pair {
        let pair = self.0.read().unwrap_or_else(PoisonError::into_inner);
        pair.clone()
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let pair = self.current();
        let mut protocols = hello.alpn().into_iter().flatten();
        Some(if protocols.any(|of| of == tunnel::JOIN_ALPN) {
            pair.with_authority
        } else {
            pair.own
        })
    }
}

/// TLS 1.3 only; a certificate of a trusted authority may be shown, one of
/// another is refused.
///
/// Sessions are not resumed: a resumed one would go on with a certificate
/// whose time is over.
pub(super) fn server_config(trust: Arc<ClientTrust>, serving: Arc<Serving>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_client_cert_verifier(trust)
        .with_cert_resolver(serving);
    let sessions = [tunnel::ALPN, tunnel::TOKEN_ALPN, tunnel::JOIN_ALPN];
    let http: [&[u8]; 2] = [b"h2", b"http/1.1"];
    let protocols = sessions.iter().chain(&http);
    config.alpn_protocols = protocols.map(|protocol| protocol.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}
