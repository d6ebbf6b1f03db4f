//! The hub's authorities, which may be replaced while everything runs.

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{HubEndpoint, ToldAuthorities};

const KEY: &str = "ca.crt";

/// Waits until the hub tells other authorities than the endpoint has; PEM.
pub(super) async fn changed(hub: Client, told: &ToldAuthorities, endpoint: &HubEndpoint) -> String {
    let maps: Api<ConfigMap> = Api::namespaced(hub, &told.namespace);
    let changes = watcher::watch_object(maps, &told.name).default_backoff();
    let mut changes = std::pin::pin!(changes);
    let known = endpoint
        .certificate_authority
        .as_deref()
        .unwrap_or_default();
    while let Some(change) = changes.next().await {
        let map = match change {
            Ok(map) => map,
            Err(error) => {
                tracing::debug!(%error, "the hub does not tell its authorities");
                continue;
            }
        };
        let data = map.and_then(|map| map.data);
        let told = data.and_then(|mut data| data.remove(KEY));
        // Nothing, or nothing that can be read, is nobody to trust.
        if let Some(told) = told.filter(|told| told.trim() != known.trim() && has_some(told)) {
            return told;
        }
    }
    std::future::pending().await
}

fn has_some(pem: &str) -> bool {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    all.is_ok_and(|all| !all.is_empty())
}

/// Whether a certificate is of an authority that is trusted still, but does
/// not sign any more: the one that does is told first.
pub(super) fn is_of_an_earlier(certificate_pem: &str, authorities_pem: &str) -> bool {
    let Ok(certificate) = CertificateDer::from_pem_slice(certificate_pem.as_bytes()) else {
        return false;
    };
    let Ok((_, certificate)) = X509Certificate::from_der(&certificate) else {
        return false;
    };
    let authorities = CertificateDer::pem_slice_iter(authorities_pem.as_bytes());
    let signed = authorities.filter_map(Result::ok).map(|authority| {
        X509Certificate::from_der(&authority)
            .is_ok_and(|(_, authority)| authority.subject() == certificate.issuer())
    });
    let signed: Vec<bool> = signed.collect();
    signed.first() == Some(&false) && signed.contains(&true)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    fn authority(name: &str) -> (CertificateParams, KeyPair, String) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        (params, key, pem)
    }

    #[test]
    fn a_certificate_is_renewed_only_when_another_authority_signs() {
        let (params, key, old) = authority("old");
        let (_, _, new) = authority("new");
        let issuer = Issuer::new(params, key);
        let own = KeyPair::generate().unwrap();
        let leaf = CertificateParams::default().signed_by(&own, &issuer);
        let leaf = leaf.unwrap().pem();
        assert!(!is_of_an_earlier(&leaf, &old));
        assert!(!is_of_an_earlier(&leaf, &format!("{old}{new}")));
        assert!(is_of_an_earlier(&leaf, &format!("{new}{old}")));
        // Whoever signed it has nothing to do with these.
        assert!(!is_of_an_earlier(&leaf, &new));
        assert!(!is_of_an_earlier("", &old));
    }
}
