//! Trust in a hub by the hash of its authority's certificate.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::ca::hex;

/// The SHA-256 of an authority's certificate in DER: `sha256:` and 64
/// hexadecimal digits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CaPin(String);

/// The text is no pin.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no pin: it is `sha256:` and 64 hexadecimal digits, as `adit token create` says")]
pub(crate) struct NoPin(String);

/// Trusts a hub whose certificate is signed by an authority of one of the
/// pins, which the hub shows behind its own.
pub(crate) struct PinnedAuthority {
    pins: Vec<CaPin>,
    found: OnceLock<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

const PREFIX: &str = "sha256:";

impl CaPin {
    /// That of a certificate.
    pub(crate) fn of(authority: &CertificateDer<'_>) -> Self {
        let hash = digest(&SHA256, authority);
        Self(format!("{PREFIX}{}", hex(hash.as_ref())))
    }
}

impl PinnedAuthority {
    /// Trusts the authorities of these pins; none trusts nobody.
    pub(crate) fn new(pins: Vec<CaPin>, provider: Arc<CryptoProvider>) -> Self {
        Self {
            pins,
            found: OnceLock::new(),
            provider,
        }
    }

    /// The authority of the first hub that was trusted.
    pub(crate) fn found(&self) -> Option<&CertificateDer<'static>> {
        self.found.get()
    }
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let pinned = between
            .iter()
            .find(|authority| self.pins.contains(&CaPin::of(authority)));
        let authority = pinned.ok_or_else(|| {
            Error::General(
                "the hub shows no authority of --ca-pin: is it another hub, or has its \
                 authority changed? `adit token create --join` tells its pin"
                    .to_owned(),
            )
        })?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
                .build()
                .map_err(|error| Error::General(error.to_string()))?;
        let verified = verifier.verify_server_cert(leaf, between, name, ocsp, now)?;
        self.found.get_or_init(|| authority.clone().into_owned());
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

impl FromStr for CaPin {
    type Err = NoPin;

    fn from_str(text: &str) -> Result<Self, NoPin> {
        let lower = text.to_ascii_lowercase();
        let digits = lower.strip_prefix(PREFIX).unwrap_or_default();
        if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(lower))
        } else {
            Err(NoPin(text.to_owned()))
        }
    }
}

impl fmt::Display for CaPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PinnedAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedAuthority")
            .field("pins", &self.pins)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject as _;

    use super::*;
    use crate::ca::{Authority, HUB_NAME, ServerNames};
    use crate::lifetime::Lifetime;

    /// A hub's certificate and its authority's.
    fn hub() -> [CertificateDer<'static>; 2] {
        let (authority, _) = Authority::create("test authority").unwrap();
        let names = ServerNames::of_this_machine(None);
        let issued = authority.issue_server(&names, Lifetime::from_days(1));
        let leaf = CertificateDer::from_pem_slice(issued.unwrap().certificate_pem.as_bytes());
        [leaf.unwrap(), authority.certificate().clone()]
    }

    fn verify(
        pin: &CertificateDer<'_>,
        leaf: &CertificateDer<'_>,
        shown: &CertificateDer<'_>,
        name: &str,
    ) -> Result<PinnedAuthority, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = PinnedAuthority::new(vec![CaPin::of(pin)], provider);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let shown = std::slice::from_ref(shown);
        verifier.verify_server_cert(leaf, shown, &name, &[], UnixTime::now())?;
        Ok(verifier)
    }

    #[test]
    fn a_hub_of_the_pinned_authority_is_trusted_and_tells_it() {
        let [leaf, authority] = hub();
        let verifier = verify(&authority, &leaf, &authority, HUB_NAME).unwrap();
        assert_eq!(verifier.found(), Some(&authority));
    }

    #[test]
    fn nobody_else_is() {
        let [leaf, authority] = hub();
        let [other_leaf, other] = hub();
        let refused = |pin, leaf, shown, name| verify(pin, leaf, shown, name).unwrap_err();
        refused(&other, &leaf, &authority, HUB_NAME);
        // The right authority is shown, and has not signed.
        refused(&authority, &other_leaf, &authority, HUB_NAME);
        refused(&authority, &other_leaf, &other, HUB_NAME);
        refused(&authority, &leaf, &authority, "another.example.org");
        // A leaf is no authority, even if it is pinned.
        refused(&leaf, &leaf, &leaf, HUB_NAME);
    }

    #[test]
    fn a_pin_is_read_as_it_is_written() {
        let [_, authority] = hub();
        let pin = CaPin::of(&authority);
        assert_eq!(pin.to_string().parse(), Ok(pin.clone()));
        assert_eq!(pin.to_string().to_uppercase().parse(), Ok(pin));
        for text in ["", "sha256:", "sha256:00", "md5:00"] {
            assert!(text.parse::<CaPin>().is_err(), "{text}");
        }
    }
}
