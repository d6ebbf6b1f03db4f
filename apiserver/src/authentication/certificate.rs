use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use time::OffsetDateTime;
use x509_parser::oid_registry::{Oid, asn1_rs::oid};
use x509_parser::prelude::{ASN1Time, AttributeTypeAndValue, FromDer as _, X509Certificate};

use crate::User;

/// A client's certificate as DER, among a request's extensions.
///
/// Only what TLS has verified against the CA for clients may be put there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientCertificate(pub Bytes);

/// The certificate cannot be taken.
#[derive(Debug)]
pub(super) struct Unfit;

/// Kubernetes' attribute for a user's uid.
const UID: Oid<'static> = oid!(1.3.6.1.4.1.57683.2);

impl ClientCertificate {
    /// The user that it speaks for: the common name, in the organizations as
    /// groups; `None` without a common name. It has to be valid now, however
    /// long ago the connection was made.
    pub(super) fn user(&self, now: OffsetDateTime) -> Result<Option<User>, Unfit> {
        let (_, certificate) = X509Certificate::from_der(&self.0).map_err(|_| Unfit)?;
        let now = ASN1Time::from(now);
        if !certificate.validity().is_valid_at(now) {
            return Err(Unfit);
        }
        let subject = certificate.subject();
        // As Go has it, the last of several counts.
        let name = subject.iter_common_name().last().map(text).transpose()?;
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let groups = subject.iter_organization().map(text);
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let mut uids = subject.iter_by_oid(&UID).map(text);
        let uid = match (uids.next().transpose()?, uids.next()) {
            (None, _) => String::new(),
            (Some(uid), None) if !uid.is_empty() => uid,
            _ => return Err(Unfit),
        };
        let hash = digest(&SHA256, &self.0);
        let hash: Vec<String> = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let id = format!("X509SHA256={}", hash.concat());
        let key = "authentication.kubernetes.io/credential-id".to_owned();
        Ok(Some(User {
            uid,
            extra: BTreeMap::from([(key, vec![id])]),
            ..User::new(name, groups)
        }))
    }
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> Result<String, Unfit> {
    attribute.as_str().map(ToOwned::to_owned).map_err(|_| Unfit)
}
