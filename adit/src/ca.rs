//! The hub's certificate authority.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::lifetime::Lifetime;

mod serving;
mod subject;

pub(crate) use serving::{HUB_NAME, ServerNames, is_over, is_signed_by, is_still_good};
pub(crate) use subject::{Subject, SubjectError, check_user};

/// Signs the certificates of one hub with an ECDSA P-256 key.
pub(crate) struct Authority {
    certificate_pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, fresh from the authority.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) certificate_pem: String,
    /// PKCS #8, PEM.
    pub(crate) key_pem: SecretString,
    /// Lower-case hexadecimal.
    pub(crate) serial: String,
    pub(crate) not_after: OffsetDateTime,
}

/// What people want to know of an authority.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AuthorityFacts {
    pub(crate) name: String,
    pub(crate) made: OffsetDateTime,
    pub(crate) expires: OffsetDateTime,
}

/// Why the authority cannot do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    #[error("the authority's certificate is no PEM certificate")]
    Certificate(#[source] rustls_pki_types::pem::Error),
    #[error("the authority's certificate or key cannot be used")]
    Load(#[source] rcgen::Error),
    #[error("the authority's key is not the one of its certificate")]
    KeyMismatch,
    #[error("cannot sign a certificate")]
    Sign(#[source] rcgen::Error),
    #[error("the authority's certificate cannot be read")]
    Unreadable,
}

/// How long the authority itself is good for.
const AUTHORITY_LIFETIME: Lifetime = Lifetime::from_days(3650);

/// Certificates are good from a while before they are made, for machines
/// whose clocks run behind.
const BACKDATED: Duration = Duration::from_secs(3600);

impl Authority {
    /// Makes a new authority; returns its private key too, PKCS #8 as PEM.
    pub(crate) fn create(common_name: &str) -> Result<(Self, SecretString), AuthorityError> {
        let key = new_key()?;
        let key_pem = SecretString::from(key.serialize_pem());
        Ok((Self::self_signed(common_name, key)?, key_pem))
    }

    /// Makes a new authority of a private key that has signed nothing yet.
    pub(crate) fn create_with_key(
        common_name: &str,
        key_pem: &str,
    ) -> Result<Self, AuthorityError> {
        let key = KeyPair::from_pem(key_pem).map_err(AuthorityError::Load)?;
        Self::self_signed(common_name, key)
    }

    fn self_signed(common_name: &str, key: KeyPair) -> Result<Self, AuthorityError> {
        let mut params = base_params(AUTHORITY_LIFETIME, OffsetDateTime::now_utc());
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(AuthorityError::Sign)?;
        Ok(Self {
            certificate_pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Takes up an authority made before.
    pub(crate) fn load(certificate_pem: String, key_pem: &str) -> Result<Self, AuthorityError> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(AuthorityError::Certificate)?;
        let key = KeyPair::from_pem(key_pem).map_err(AuthorityError::Load)?;
        if !fits(&key, &certificate) {
            return Err(AuthorityError::KeyMismatch);
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(AuthorityError::Load)?;
        Ok(Self {
            certificate_pem,
            certificate,
            issuer,
        })
    }

    /// The authority's own certificate, PEM.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's own certificate, DER.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Who it is, and since and until when.
    pub(crate) fn facts(&self) -> Result<AuthorityFacts, AuthorityError> {
        let (_, certificate) =
            X509Certificate::from_der(&self.certificate).map_err(|_| AuthorityError::Unreadable)?;
        let mut names = certificate.subject().iter_common_name();
        let name = names.next().and_then(|name| name.as_str().ok());
        let validity = certificate.validity();
        Ok(AuthorityFacts {
            name: name.ok_or(AuthorityError::Unreadable)?.to_owned(),
            made: validity.not_before.to_datetime() + BACKDATED,
            expires: validity.not_after.to_datetime(),
        })
    }

    /// Issues a certificate that says who a client is.
    pub(crate) fn issue_client(
        &self,
        subject: &Subject,
        lifetime: Lifetime,
    ) -> Result<Issued, AuthorityError> {
        let mut params = base_params(lifetime, OffsetDateTime::now_utc());
        params.distinguished_name = subject.distinguished_name();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    /// Issues a certificate for a server with these names.
    pub(crate) fn issue_server(
        &self,
        names: &ServerNames,
        lifetime: Lifetime,
    ) -> Result<Issued, AuthorityError> {
        let mut params = base_params(lifetime, OffsetDateTime::now_utc());
        params
            .distinguished_name
            .push(DnType::CommonName, names.common_name());
        params.subject_alt_names = names.to_san().map_err(AuthorityError::Sign)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> Result<Issued, AuthorityError> {
        let serial = random_serial();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(AuthorityError::Sign)?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            key_pem: SecretString::from(key.serialize_pem()),
            serial: hex(&serial),
            not_after: params.not_after,
        })
    }
}

impl Issued {
    /// The private key as PEM, to be written to a private file.
    pub(crate) fn expose_key(&self) -> &str {
        self.key_pem.expose_secret()
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fits(key: &KeyPair, certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, certificate)| {
        certificate.public_key().subject_public_key.data == key.public_key_raw()
    })
}

fn new_key() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(AuthorityError::Sign)
}

fn base_params(lifetime: Lifetime, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = now - BACKDATED;
    params.not_after = now + lifetime.as_duration();
    params
}

/// A positive number of exactly 16 bytes, so that it is written the same
/// everywhere (RFC 5280 section 4.1.2.2: positive, at most 20 bytes).
fn random_serial() -> [u8; 16] {
    let mut serial: [u8; 16] = rand::random();
    serial[0] = (serial[0] & 0x3f) | 0x40;
    serial
}

#[cfg(test)]
mod tests;
