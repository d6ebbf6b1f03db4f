//! Whether what was stored is still of use.

use std::time::SystemTime;

use proto::AgentIdentity;
use rcgen::KeyPair;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::clock::{from_seconds, readable};
use super::credential::{Credential, Proof, Stored};
use super::{Driver, HubEndpoint};
use crate::token::TokenClaims;

/// Why a stored credential is of no use: the agent joins anew.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Invalid {
    /// It is of another hub, or the hub is elsewhere now.
    #[error("it is of a hub with another {0}")]
    AnotherHub(&'static str),
    /// It is another agent's.
    #[error("it is {found}'s, not {wanted}'s")]
    AnotherIdentity {
        /// Whose it is, as a certificate's common name has it.
        found: String,
        /// The one that it should have.
        wanted: String,
    },
    /// Its time is over.
    #[error("it was good until {0}")]
    Expired(String),
    /// The key is not that of the certificate.
    #[error("its private key is not that of its certificate")]
    KeyMismatch,
    /// There is none yet.
    #[error("there is none yet")]
    Missing,
    /// It is no certificate, or no key.
    #[error("its {0} cannot be read")]
    Unreadable(&'static str),
}

/// The stored credential, if it is this agent's, for this hub, and good now.
pub(super) fn check(
    stored: &Stored,
    identity: &AgentIdentity,
    endpoint: &HubEndpoint,
    driver: Driver,
    now: SystemTime,
) -> Result<Credential, Invalid> {
    let proof = match driver {
        Driver::Csr => Proof::Certificate {
            certificate_pem: stored.certificate_pem.clone().ok_or(Invalid::Missing)?,
            key_pem: stored.key_pem.clone().ok_or(Invalid::Missing)?,
        },
        Driver::Token => Proof::Token {
            token: stored.token.clone().ok_or(Invalid::Missing)?,
            claim: stored.claim.clone().ok_or(Invalid::Missing)?,
        },
    };
    let known = stored.endpoint.as_ref().ok_or(Invalid::Missing)?;
    if let Some(what) = known.difference(endpoint) {
        return Err(Invalid::AnotherHub(what));
    }
    let (not_before, not_after) = match &proof {
        Proof::Certificate {
            certificate_pem,
            key_pem,
        } => check_certificate(certificate_pem, key_pem.expose_secret(), identity)?,
        Proof::Token { token, .. } => check_token(token.expose_secret(), identity)?,
    };
    if not_after <= now {
        return Err(Invalid::Expired(readable(not_after)));
    }
    Ok(Credential {
        identity: identity.clone(),
        endpoint: endpoint.clone(),
        proof,
        not_before,
        not_after,
    })
}

/// Checks that a token is this agent's; returns from when until when it is good.
/// Whether the hub has signed it, the hub will say.
pub(super) fn check_token(
    token: &str,
    identity: &AgentIdentity,
) -> Result<(SystemTime, SystemTime), Invalid> {
    let claims = TokenClaims::of(token).ok_or(Invalid::Unreadable("token"))?;
    let found = claims.identity();
    if found.as_ref() != Some(identity) {
        return Err(Invalid::AnotherIdentity {
            found: found.map_or_else(|| "nobody".to_owned(), |of| of.common_name()),
            wanted: identity.common_name(),
        });
    }
    Ok((claims.not_before(), claims.not_after()))
}

/// Checks that a certificate is this agent's and its key's; returns from when
/// until when it is good.
pub(super) fn check_certificate(
    certificate_pem: &str,
    key_pem: &str,
    identity: &AgentIdentity,
) -> Result<(SystemTime, SystemTime), Invalid> {
    let unreadable = Invalid::Unreadable("certificate");
    let Ok(der) = CertificateDer::from_pem_slice(certificate_pem.as_bytes()) else {
        return Err(unreadable);
    };
    let Ok((_, certificate)) = X509Certificate::from_der(&der) else {
        return Err(unreadable);
    };
    let key = KeyPair::from_pem(key_pem).map_err(|_| Invalid::Unreadable("private key"))?;
    if certificate.public_key().subject_public_key.data != key.public_key_raw() {
        return Err(Invalid::KeyMismatch);
    }
    let subject = certificate.subject();
    let names = subject.iter_common_name().map(|name| name.as_str());
    let names: Vec<&str> = names.filter_map(Result::ok).collect();
    let name = names.first().copied().unwrap_or_default();
    let groups = subject.iter_organization().map(|name| name.as_str());
    let groups: Vec<&str> = groups.filter_map(Result::ok).collect();
    let found = AgentIdentity::from_subject(name, &groups);
    if names.len() != 1 || found.as_ref() != Ok(identity) {
        return Err(Invalid::AnotherIdentity {
            found: name.to_owned(),
            wanted: identity.common_name(),
        });
    }
    let validity = certificate.validity();
    Ok((
        from_seconds(validity.not_before.timestamp()),
        from_seconds(validity.not_after.timestamp()),
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use rcgen::{CertificateParams, DistinguishedName, DnType};
    use secrecy::SecretString;

    use super::*;

    fn identity(cluster: &str, agent: &str) -> AgentIdentity {
        AgentIdentity {
            cluster: cluster.parse().unwrap(),
            agent: agent.parse().unwrap(),
        }
    }

    fn endpoint() -> HubEndpoint {
        HubEndpoint {
            cluster: "hub".to_owned(),
            server: "https://hub:8443".to_owned(),
            ..HubEndpoint::default()
        }
    }

    /// What an agent of that name has stored, good until 2100.
    fn stored(of: &AgentIdentity) -> Stored {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2100, 1, 1);
        let mut subject = DistinguishedName::new();
        let [first, second] = of.organizations();
        subject.push(DnType::OrganizationName, first);
        subject.push(DnType::CustomDnType(vec![2, 5, 4, 10]), second);
        subject.push(DnType::CommonName, of.common_name());
        params.distinguished_name = subject;
        Stored {
            endpoint: Some(endpoint()),
            certificate_pem: Some(params.self_signed(&key).unwrap().pem()),
            key_pem: Some(SecretString::from(key.serialize_pem())),
            ..Stored::names(of)
        }
    }

    /// Rule 1.3, the last lines.
    #[test]
    fn a_credential_is_good_for_its_agent_its_hub_and_its_time() {
        let own = identity("c1", "a1");
        let kept = stored(&own);
        let now = SystemTime::now();
        let good = check(&kept, &own, &endpoint(), Driver::Csr, now).unwrap();
        assert!(good.not_before < now && good.not_after > now);
        let late = good.not_after + Duration::from_secs(1);
        let expired = check(&kept, &own, &endpoint(), Driver::Csr, late).unwrap_err();
        assert_eq!(
            expired.to_string(),
            "it was good until 2100-01-01 00:00:00 +0000 UTC"
        );
        for other in [identity("c2", "a1"), identity("c1", "a2")] {
            let refused = check(&kept, &other, &endpoint(), Driver::Csr, now);
            assert!(matches!(refused, Err(Invalid::AnotherIdentity { .. })));
        }
        let mut moved = endpoint();
        moved.proxy_url = Some("http://proxy".to_owned());
        let refused = check(&kept, &own, &moved, Driver::Csr, now).unwrap_err();
        assert_eq!(refused, Invalid::AnotherHub("proxy"));
    }

    #[test]
    fn a_token_is_good_for_its_agent_and_its_time_and_by_its_driver_alone() {
        let claims = r#"{"sub":"system:serviceaccount:c1:adit-agent-a1","iat":1000,"exp":2000}"#;
        let token = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims));
        let own = identity("c1", "a1");
        let kept = Stored {
            endpoint: Some(endpoint()),
            token: Some(token.into()),
            claim: Some("secret".to_owned().into()),
            ..Stored::names(&own)
        };
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let check = |of: &AgentIdentity, driver, seconds| {
            check(&kept, of, &endpoint(), driver, at(seconds)).map(|of| of.not_after)
        };
        assert_eq!(check(&own, Driver::Token, 1999), Ok(at(2000)));
        let expired = check(&own, Driver::Token, 2000);
        assert!(matches!(expired, Err(Invalid::Expired(_))), "{expired:?}");
        for other in [identity("c2", "a1"), identity("c1", "a2")] {
            let refused = check(&other, Driver::Token, 1500);
            assert!(matches!(refused, Err(Invalid::AnotherIdentity { .. })));
        }
        assert_eq!(check(&own, Driver::Csr, 1500), Err(Invalid::Missing));
    }

    #[test]
    fn a_part_that_is_missing_or_does_not_fit_is_noticed() {
        let own = identity("c1", "a1");
        let now = SystemTime::now();
        let with = |change: fn(&mut Stored)| {
            let mut kept = stored(&own);
            change(&mut kept);
            check(&kept, &own, &endpoint(), Driver::Csr, now).unwrap_err()
        };
        assert_eq!(with(|of| of.key_pem = None), Invalid::Missing);
        assert_eq!(with(|of| of.endpoint = None), Invalid::Missing);
        assert_eq!(with(|of| of.certificate_pem = None), Invalid::Missing);
        assert_eq!(
            with(|of| of.certificate_pem = Some("no".to_owned())),
            Invalid::Unreadable("certificate")
        );
        let other = KeyPair::generate().unwrap().serialize_pem();
        let mut kept = stored(&own);
        kept.key_pem = Some(SecretString::from(other));
        let refused = check(&kept, &own, &endpoint(), Driver::Csr, now).unwrap_err();
        assert_eq!(refused, Invalid::KeyMismatch);
    }
}
