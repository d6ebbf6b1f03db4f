//! Signing certificates that clients ask for with CertificateSigningRequests.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer as _, X509Certificate, X509CertificationRequest};

mod admission;
mod der;
mod template;

pub use admission::{check_approval, check_create, check_status};

pub(crate) use admission::{GROUP, check_fields};

use self::template::Template;

/// The signer of certificates for clients of the API server. Who may ask for
/// one and who approves it is for RBAC to say.
pub const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";

/// Signs what has been approved.
pub struct CertificateSigner {
    authority: RwLock<Arc<Authority>>,
    longest: Duration,
}

/// A CA.
struct Authority {
    issuer: Vec<u8>,
    key_id: Option<Vec<u8>>,
    not_after: OffsetDateTime,
    key: EcdsaKeyPair,
}

/// The spec of a CertificateSigningRequest, as far as signing needs it.
#[derive(Clone, Copy, Debug)]
pub struct SigningRequest<'a> {
    /// The PKCS #10 request, in PEM.
    pub request: &'a [u8],
    /// By whom it is to be signed.
    pub signer_name: &'a str,
    /// What the certificate is to be used for.
    pub usages: &'a [String],
    /// For how long it is wanted.
    pub expiration_seconds: Option<i32>,
}

/// Why a request is not signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SigningError {
    /// The authority's own certificate is over.
    #[error("the signer has expired: NotAfter={0}")]
    Expired(OffsetDateTime),
    /// It is no request, or not by whom the key belongs to.
    #[error("{0}")]
    Request(&'static str),
    /// Signing failed.
    #[error("failed to sign certificate")]
    Sign,
    /// It is for another signer, who may be somewhere else.
    #[error("unrecognized signerName: {0:?}")]
    Signer(String),
    /// The signer does not sign for these usages. The request's condition
    /// `Failed` says so, with the reason `SignerValidationFailure`.
    #[error("{0}")]
    Usages(String),
}

/// Why an authority cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The certificate is none.
    #[error("the authority's certificate cannot be read")]
    Certificate,
    /// The key is none that can sign here.
    #[error("the authority's key is no ECDSA P-256 key in PKCS #8")]
    Key,
    /// The key is another's.
    #[error("the authority's key is not the one of its certificate")]
    KeyMismatch,
}

const BACKDATED: Duration = Duration::minutes(5);
/// What lives shorter than this lives on from now, not from when it is backdated to.
const SHORT: Duration = Duration::hours(8);
const LEAST: Duration = Duration::minutes(10);

impl CertificateSigner {
    /// Signs with a CA's certificate and its key (ECDSA P-256, PKCS #8), both
    /// PEM, for `longest` at most.
    ///
    /// # Errors
    /// If the two are not what they should be.
    pub fn new(certificate: &str, key: &str, longest: Duration) -> Result<Self, AuthorityError> {
        let authority = Authority::new(certificate, key)?;
        Ok(Self {
            authority: RwLock::new(Arc::new(authority)),
            longest,
        })
    }

    /// Signs with another CA from now on.
    ///
    /// # Errors
    /// If certificate and key are not what [`Self::new`] takes; then the one
    /// before goes on.
    pub fn replace_authority(&self, certificate: &str, key: &str) -> Result<(), AuthorityError> {
        let authority = Arc::new(Authority::new(certificate, key)?);
        *self
            .authority
            .write()
            .unwrap_or_else(PoisonError::into_inner) = authority;
        Ok(())
    }

    fn authority(&self) -> Arc<Authority> {
        let authority = self.authority.read();
        authority.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs a request that has been approved; returns the certificate in PEM.
    ///
    /// It speaks for the subject and the alternative names that were asked for,
    /// and for nothing else: it is no authority, and all other extensions are
    /// left out.
    ///
    /// # Errors
    /// If it is not for [`CLIENT_SIGNER`], or not what that signs.
    pub fn sign(
        &self,
        request: &SigningRequest<'_>,
        now: OffsetDateTime,
    ) -> Result<String, SigningError> {
        if request.signer_name != CLIENT_SIGNER {
            return Err(SigningError::Signer(request.signer_name.to_owned()));
        }
        check_usages(request.usages)?;
        let pkcs10 = request_der(request.request)?;
        let parsed = verified(&pkcs10)?;
        let authority = self.authority();
        if now >= authority.not_after {
            return Err(SigningError::Expired(authority.not_after));
        }
        let lifetime = self.lifetime(request.expiration_seconds);
        let backdated = if lifetime < SHORT {
            Duration::ZERO
        } else {
            BACKDATED
        };
        let template = Template {
            issuer: &authority.issuer,
            authority_key_id: authority.key_id.as_deref(),
            not_before: now - BACKDATED,
            not_after: (now + lifetime - backdated).min(authority.not_after),
            request: &parsed,
            usages: request.usages,
        };
        let sign = |message: &[u8]| {
            let signature = authority.key.sign(&SystemRandom::new(), message).ok()?;
            Some(signature.as_ref().to_vec())
        };
        let certificate = template.signed(sign).ok_or(SigningError::Sign)?;
        Ok(crate::pem::encode("CERTIFICATE", &certificate))
    }

    fn lifetime(&self, asked: Option<i32>) -> Duration {
        match asked.map(|seconds| Duration::seconds(seconds.into())) {
            Some(asked) if asked <= self.longest => asked.max(LEAST),
            _ => self.longest,
        }
    }
}

impl Authority {
    fn new(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let der = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|_| AuthorityError::Certificate)?;
        let (_, parsed) =
            X509Certificate::from_der(&der).map_err(|_| AuthorityError::Certificate)?;
        let key =
            PrivatePkcs8KeyDer::from_pem_slice(key.as_bytes()).map_err(|_| AuthorityError::Key)?;
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, key.secret_pkcs8_der())
            .map_err(|_| AuthorityError::Key)?;
        if parsed.public_key().subject_public_key.data.as_ref() != key.public_key().as_ref() {
            return Err(AuthorityError::KeyMismatch);
        }
        Ok(Self {
            issuer: parsed.subject().as_raw().to_vec(),
            key_id: template::subject_key_id(&parsed),
            not_after: parsed.validity().not_after.to_datetime(),
            key,
        })
    }
}

/// Checks a PKCS #10 request: that it is one, and signed by the key that it is
/// for.
pub(crate) fn check_request(pem: &[u8]) -> Result<(), SigningError> {
    verified(&request_der(pem)?).map(drop)
}

fn request_der(pem: &[u8]) -> Result<Vec<u8>, SigningError> {
    match <(SectionKind, Vec<u8>)>::from_pem_slice(pem) {
        Ok((SectionKind::Csr, der)) => Ok(der),
        _ => Err(SigningError::Request(
            "PEM block type must be CERTIFICATE REQUEST",
        )),
    }
}

fn verified(der: &[u8]) -> Result<X509CertificationRequest<'_>, SigningError> {
    let Ok(([], parsed)) = X509CertificationRequest::from_der(der) else {
        return Err(SigningError::Request("asn1: structure error"));
    };
    parsed
        .verify_signature()
        .map_err(|_| SigningError::Request("x509: signature verification failed"))?;
    Ok(parsed)
}

fn check_usages(usages: &[String]) -> Result<(), SigningError> {
    let taken = ["client auth", "digital signature", "key encipherment"];
    let other = usages.iter().find(|usage| !taken.contains(&usage.as_str()));
    let why = match other {
        Some(other) => format!("invalid usage for client certificate: {other}"),
        None if usages.iter().any(|usage| usage == "client auth") => return Ok(()),
        None => "missing required usage for client certificate: client auth".to_owned(),
    };
    Err(SigningError::Usages(why))
}

impl fmt::Debug for CertificateSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateSigner")
            .field("not_after", &self.authority().not_after)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
