//! What a client has shown of itself in the handshake.

use std::sync::Arc;

use gateway::{Issuer, PeerCertificate};
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;

use super::lapse::Lapse;
use crate::hub::trust::ClientTrust;

/// A chain of certificates, the client's own first, and what it is trusted for.
pub(super) struct Shown {
    chain: Vec<CertificateDer<'static>>,
    issuer: Issuer,
}

/// The chain is trusted no more.
pub(super) struct Untrusted;

impl Shown {
    /// What a handshake has verified; `None` if nothing was shown.
    pub(super) fn of(
        chain: Option<Vec<CertificateDer<'static>>>,
        trust: &ClientTrust,
    ) -> Result<Option<Self>, Untrusted> {
        let Some(chain) = chain else {
            return Ok(None);
        };
        let issuer = trust.issuer(&chain).ok_or(Untrusted)?;
        Ok(Some(Self { chain, issuer }))
    }

    pub(super) fn certificate(&self) -> Option<PeerCertificate> {
        let leaf = self.chain.first()?;
        Some(PeerCertificate {
            der: leaf.as_ref().to_vec(),
            issuer: self.issuer,
        })
    }

    /// Knows when it is no longer good for what it is trusted for now.
    pub(super) fn lapse(self, trust: Arc<ClientTrust>, changes: watch::Receiver<u64>) -> Lapse {
        Lapse::new((self.chain, self.issuer), trust, changes)
    }
}

/// The certificate, if it may be an agent's: those of front proxies are not.
pub(super) fn of_agent(certificate: Option<PeerCertificate>) -> Option<Vec<u8>> {
    let certificate = certificate.filter(|of| of.issuer.vouches_for_users());
    certificate.map(|of| of.der)
}
