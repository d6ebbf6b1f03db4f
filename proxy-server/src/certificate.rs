use std::time::{Duration, SystemTime};

use proto::{AgentIdentity, IdentityError};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// What the hub reads from an agent's certificate, whose signature TLS has verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgentCertificate {
    /// Whose agent it is.
    pub identity: AgentIdentity,
    /// The serial number, in lower-case hexadecimal without separators.
    pub serial: String,
    /// The common name of the authority that signed it; empty if it has none.
    pub authority: String,
    /// When it expires.
    pub not_after: SystemTime,
}

/// Why a certificate is no agent's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// The subject is another one's.
    #[error("the certificate is not an agent's: {0}")]
    Identity(#[from] IdentityError),
    /// It is no X.509 certificate, or its subject has not exactly one common name.
    #[error("the certificate cannot be read")]
    Malformed,
    /// The client showed none.
    #[error("no certificate was shown; an agent needs one of the hub's CA")]
    Missing,
}

impl AgentCertificate {
    /// Reads a certificate in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        let texts = |attributes: Vec<_>| -> Result<Vec<&str>, CertificateError> {
            attributes
                .into_iter()
                .collect::<Result<_, _>>()
                .map_err(|_| CertificateError::Malformed)
        };
        let subject = certificate.subject();
        let names = texts(
            subject
                .iter_common_name()
                .map(|name| name.as_str())
                .collect(),
        )?;
        let organizations = texts(subject.iter_organization().map(|o| o.as_str()).collect())?;
        let [common_name] = names[..] else {
            return Err(CertificateError::Malformed);
        };
        let mut authority = certificate.issuer().iter_common_name();
        let authority = authority.next().and_then(|name| name.as_str().ok());
        let not_after = certificate.validity().not_after.timestamp();
        let not_after = u64::try_from(not_after).map_err(|_| CertificateError::Malformed)?;
        Ok(Self {
            identity: AgentIdentity::from_subject(common_name, &organizations)?,
            serial: hex(certificate.raw_serial()),
            authority: authority.unwrap_or_default().to_owned(),
            not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(not_after),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
