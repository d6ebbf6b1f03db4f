//! Whose certificates clients may show, and what for, which changes while the
//! hub runs.

use std::sync::{Arc, PoisonError, RwLock};

use gateway::Issuer;
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
    trusted: RwLock<Trusted>,
    /// Counts the changes.
    generation: watch::Sender<u64>,
}

/// The authorities of a Kubernetes cluster that is the hub.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct OfCluster {
    /// They say who users and agents are, as the hub's own do.
    pub(super) users: Vec<CertificateDer<'static>>,
    /// They say which servers may tell who asks, and nothing else.
    pub(super) front_proxies: Vec<CertificateDer<'static>>,
}

#[derive(Debug)]
struct Trusted {
    own: Vec<CertificateDer<'static>>,
    of_cluster: OfCluster,
    verifiers: Verifiers,
}

#[derive(Clone, Debug)]
struct Verifiers {
    users: Arc<dyn ClientCertVerifier>,
    front_proxies: Option<Arc<dyn ClientCertVerifier>>,
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
            trusted: RwLock::new(Trusted {
                own: authorities.to_vec(),
                of_cluster: OfCluster::default(),
                verifiers: Verifiers::of(authorities, &OfCluster::default())?,
            }),
            generation: watch::Sender::new(0),
        })
    }

    /// Trusts these from now on for the hub's own, and no others.
    pub(super) fn replace(
        &self,
        authorities: &[CertificateDer<'static>],
    ) -> Result<(), TrustError> {
        self.change(|trusted| trusted.own = authorities.to_vec())
    }

    /// Trusts these from now on for the cluster's, and no others.
    pub(super) fn replace_of_cluster(&self, of_cluster: OfCluster) -> Result<(), TrustError> {
        let same = {
            let trusted = self.trusted.read();
            trusted.unwrap_or_else(PoisonError::into_inner).of_cluster == of_cluster
        };
        if same {
            return Ok(());
        }
        self.change(|trusted| trusted.of_cluster = of_cluster)
    }

    /// All of the change, or nothing.
    fn change(&self, change: impl FnOnce(&mut Trusted)) -> Result<(), TrustError> {
        let mut trusted = self.trusted.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Trusted {
            own: trusted.own.clone(),
            of_cluster: trusted.of_cluster.clone(),
            verifiers: trusted.verifiers.clone(),
        };
        change(&mut next);
        next.verifiers = Verifiers::of(&next.own, &next.of_cluster)?;
        *trusted = next;
        drop(trusted);
        self.generation.send_modify(|generation| *generation += 1);
        Ok(())
    }

    /// Tells of every change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Whose a client's chain is, its own certificate first; `None` if it may
    /// not be shown now.
    pub(super) fn issuer(&self, chain: &[CertificateDer<'_>]) -> Option<Issuer> {
        let (leaf, between) = chain.split_first()?;
        let now = UnixTime::now();
        let Verifiers {
            users,
            front_proxies,
        } = self.current();
        let by = |verifier: &Arc<dyn ClientCertVerifier>| {
            verifier.verify_client_cert(leaf, between, now).is_ok()
        };
        match (by(&users), front_proxies.as_ref().is_some_and(by)) {
            (true, true) => Some(Issuer::Both),
            (true, false) => Some(Issuer::Users),
            (false, true) => Some(Issuer::FrontProxies),
            (false, false) => None,
        }
    }

    fn current(&self) -> Verifiers {
        let trusted = self.trusted.read().unwrap_or_else(PoisonError::into_inner);
        trusted.verifiers.clone()
    }
}

impl Verifiers {
    fn of(own: &[CertificateDer<'static>], of_cluster: &OfCluster) -> Result<Self, TrustError> {
        let users = own.iter().chain(&of_cluster.users);
        let front_proxies = &of_cluster.front_proxies;
        Ok(Self {
            users: verifier(users)?,
            front_proxies: match front_proxies.is_empty() {
                true => None,
                false => Some(verifier(front_proxies)?),
            },
        })
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
        let Verifiers {
            users,
            front_proxies,
        } = self.current();
        let by_users = users.verify_client_cert(leaf, between, now);
        match (by_users, front_proxies) {
            (Err(_), Some(front_proxies)) => front_proxies.verify_client_cert(leaf, between, now),
            (by_users, _) => by_users,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        // How a signature is verified does not depend on the authorities.
        let users = self.current().users;
        users.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let users = self.current().users;
        users.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().users.supported_verify_schemes()
    }
}

fn verifier<'a>(
    authorities: impl IntoIterator<Item = &'a CertificateDer<'static>>,
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

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject as _;

    use super::*;
    use crate::ca::{Authority, Subject};
    use crate::lifetime::Lifetime;

    fn authority() -> (Authority, CertificateDer<'static>) {
        let (authority, _) = Authority::create("test authority").unwrap();
        let certificate = authority.certificate().clone();
        (authority, certificate)
    }

    fn client_of(authority: &Authority) -> [CertificateDer<'static>; 1] {
        let subject = Subject::administrator();
        let issued = authority.issue_client(&subject, Lifetime::from_days(1));
        let pem = issued.unwrap().certificate_pem;
        [CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()]
    }

    #[test]
    fn an_authority_is_trusted_for_what_it_is_there_for() {
        let [
            (own, own_pem),
            (users, users_pem),
            (proxies, proxies_pem),
            (none, _),
        ] = std::array::from_fn(|_| authority());
        let trust = ClientTrust::new(&[own_pem]).unwrap();
        assert_eq!(trust.issuer(&client_of(&own)), Some(Issuer::Users));
        assert_eq!(trust.issuer(&client_of(&proxies)), None);
        let of_cluster = OfCluster {
            users: vec![users_pem.clone()],
            front_proxies: vec![proxies_pem],
        };
        trust.replace_of_cluster(of_cluster).unwrap();
        for (authority, issuer) in [
            (&own, Some(Issuer::Users)),
            (&users, Some(Issuer::Users)),
            (&proxies, Some(Issuer::FrontProxies)),
            (&none, None),
        ] {
            let chain = client_of(authority);
            assert_eq!(trust.issuer(&chain), issuer);
            let verified = trust.verify_client_cert(&chain[0], &[], UnixTime::now());
            assert_eq!(verified.is_ok(), issuer.is_some());
        }
        let both = OfCluster {
            users: vec![users_pem.clone()],
            front_proxies: vec![users_pem],
        };
        trust.replace_of_cluster(both).unwrap();
        assert_eq!(trust.issuer(&client_of(&users)), Some(Issuer::Both));
        assert_eq!(trust.issuer(&client_of(&proxies)), None);
    }
}
