//! Users by their client certificates, as Kubernetes reads them.

use std::time::{Duration, SystemTime};

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::User;
use crate::user::UserError;

/// Why a verified certificate lets nobody in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// It is an agent's, or pretends to be.
    #[error(
        "the client certificate is an agent's; agents have no right at the gateway, \
         use a user's certificate or a token"
    )]
    Agent,
    /// It has no common name, or several.
    #[error("the client certificate has {0} common names; one is needed, the user's name")]
    CommonNames(usize),
    /// Its names cannot be a user's.
    #[error("the client certificate's subject is no user's: {0}")]
    Names(#[from] UserError),
    /// Its subject cannot be read.
    #[error("the client certificate's subject cannot be read")]
    Unreadable,
    /// Its time is over, or has not come, though the connection it opened still stands.
    #[error("the client certificate is not valid now")]
    Validity,
}

/// The user whom a verified certificate names: CN is the name, each O a group.
pub(crate) fn user(der: &[u8], now: SystemTime) -> Result<User, CertificateError> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
    let subject = certificate.subject();
    let names = texts(subject, X509Name::iter_common_name)?;
    let groups = texts(subject, X509Name::iter_organization)?;
    if names.iter().any(|name| proto::claims_agent(name, &groups)) {
        return Err(CertificateError::Agent);
    }
    let name = single(&names)?;
    check_validity(&certificate, now)?;
    Ok(User::new(name, groups.into_iter().map(str::to_owned))?)
}

/// The name in a verified certificate, whatever it is the name of.
pub(crate) fn common_name(der: &[u8], now: SystemTime) -> Result<String, CertificateError> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
    let names = texts(certificate.subject(), X509Name::iter_common_name)?;
    let name = single(&names)?;
    check_validity(&certificate, now)?;
    Ok(name.to_owned())
}

fn single<'a>(names: &[&'a str]) -> Result<&'a str, CertificateError> {
    match names {
        [name] => Ok(name),
        _ => Err(CertificateError::CommonNames(names.len())),
    }
}

/// TLS has checked it once; connections may outlive what it checked.
fn check_validity(
    certificate: &X509Certificate<'_>,
    now: SystemTime,
) -> Result<(), CertificateError> {
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    let valid = (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now);
    if valid {
        Ok(())
    } else {
        Err(CertificateError::Validity)
    }
}

fn texts<'a, I>(
    subject: &'a X509Name<'a>,
    attributes: impl Fn(&'a X509Name<'a>) -> I,
) -> Result<Vec<&'a str>, CertificateError>
where
    I: Iterator<Item = &'a AttributeTypeAndValue<'a>>,
{
    attributes(subject)
        .map(|attribute| attribute.as_str().map_err(|_| CertificateError::Unreadable))
        .collect()
}
