//! Whose certificates clients may show, which changes while the hub runs.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::sync::watch;

/// Verifies clients' certificates against the authorities trusted at the moment.
///
/// Clients are not told the authorities' names, so that the list may change.
#[derive(Debug)]
pub(super) struct ClientTrust {
    verifier: RwLock<Arc<dyn ClientCertVerifier>>,
    /// Counts the changes.
    generation: watch::Sender<u64>,
}

/// Why a set of authorities cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error("an authority's certificate cannot be used")]
    Authority(#[source] rustls::Error),
    #[error("no verifier of clients' certificates can be made")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
}

impl ClientTrust {
    /// Trusts these, at least one.
    pub(super) fn new(authorities: &[CertificateDer<'static>]) -> Result<Self, TrustError> {
        Ok(Self {
            verifier: RwLock::new(verifier(authorities)?),
            generation: watch::Sender::new(0),
        })
    }

    /// Trusts these from now on, and no others.
    pub(super) fn replace(
        &self,
        authorities: &[CertificateDer<'static>],
    ) -> Result<(), TrustError> {
        let verifier = verifier(authorities)?;
        *self
            .verifier
            .write()
            .unwrap_or_else(PoisonError::into_inner) = verifier;
        self.generation.send_modify(|generation| *generation += 1);
        Ok(())
    }

    /// Tells of every change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Whether a client may show this chain now: its own certificate first.
    pub(super) fn accepts(&self, chain: &[CertificateDer<'_>]) -> bool {
        let Some((leaf, between)) = chain.split_first() else {
            return false;
        };
        let now = UnixTime::now();
        self.current()
            .verify_client_cert(leaf, between, now)
            .is_ok()
    }

    fn current(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.verifier.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientCertVerifier for ClientTrust {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.current().verify_client_cert(leaf, between, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current()
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current()
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().supported_verify_schemes()
    }
}

fn verifier(
    authorities: &[CertificateDer<'static>],
) -> Result<Arc<dyn ClientCertVerifier>, TrustError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots
            .add(authority.clone())
            .map_err(TrustError::Authority)?;
    }
    WebPkiClientVerifier::builder(Arc::new(roots))
        .allow_unauthenticated()
        .build()
        .map_err(TrustError::Verifier)
}
