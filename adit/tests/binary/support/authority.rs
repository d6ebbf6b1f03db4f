//! Signs certificates: as a hub's authority, or as one that nobody knows.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use time::{Duration, OffsetDateTime};

use super::Identity;

pub(crate) struct TestAuthority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl TestAuthority {
    /// One that nobody knows.
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// The one that signs in a hub's data directory.
    pub(crate) fn of_hub(data: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(data.join(name)).unwrap();
        let key = KeyPair::from_pem(&read("ca.key")).unwrap();
        let pem = read("ca.crt");
        let issuer = Issuer::from_ca_cert_pem(&pem, key).unwrap();
        Self { pem, issuer }
    }

    /// A certificate and key for a server of that name.
    pub(crate) fn server(&self, name: &str) -> (String, String) {
        self.issue(CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// An administrator, for so long from now.
    pub(crate) fn administrator(&self, lifetime: Duration) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "system:masters");
        params.distinguished_name.push(DnType::CommonName, "root");
        params.not_after = OffsetDateTime::now_utc() + lifetime;
        let (certificate, key) = self.issue(params);
        Identity::Certificate { certificate, key }
    }

    /// The agent `agent` of a cluster, for so long from now.
    pub(crate) fn agent(&self, cluster: &str, lifetime: Duration) -> (String, String) {
        let name = format!("system:open-cluster-management:{cluster}");
        let clusters = "system:open-cluster-management:managed-clusters";
        let organization = DnType::CustomDnType(vec![2, 5, 4, 10]);
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let subject = &mut params.distinguished_name;
        subject.push(DnType::OrganizationName, name.as_str());
        subject.push(organization, clusters);
        subject.push(DnType::CommonName, format!("{name}:agent"));
        params.not_after = OffsetDateTime::now_utc() + lifetime;
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}
