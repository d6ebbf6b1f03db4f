//! Certificates for users and agents. Nobody verifies them here: TLS has by
//! the time the code under test sees one.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

pub(crate) fn user_certificate(name: &str, organizations: &[&str]) -> Vec<u8> {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    for (index, organization) in organizations.iter().enumerate() {
        let kind = match index {
            0 => DnType::OrganizationName,
            // rcgen keeps one value of a type; the second goes in by its OID.
            _ => DnType::CustomDnType(vec![2, 5, 4, 10]),
        };
        subject.push(kind, *organization);
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    let key = KeyPair::generate().expect("a key");
    params
        .self_signed(&key)
        .expect("a certificate")
        .der()
        .to_vec()
}

pub(crate) fn agent_certificate(cluster: &str) -> Vec<u8> {
    user_certificate(
        &format!("system:open-cluster-management:{cluster}:agent-a"),
        &[
            &format!("system:open-cluster-management:{cluster}"),
            "system:open-cluster-management:managed-clusters",
        ],
    )
}
