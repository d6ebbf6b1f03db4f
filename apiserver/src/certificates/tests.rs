use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, SanType,
};
use x509_parser::prelude::{GeneralName, ParsedExtension};

use super::*;
use crate::User;
use crate::authentication::ClientCertificate;
use crate::tokens::tests::now;

mod admission;

/// A CA that is good for ten days, and its signer.
fn authority() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.not_before = now() - Duration::DAY;
    params.not_after = now() + Duration::days(10);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "hub");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn signer(longest: Duration) -> (CertificateSigner, String) {
    let (certificate, key) = authority();
    let signer = CertificateSigner::new(&certificate, &key, longest).unwrap();
    (signer, certificate)
}

/// A request as an agent of Open Cluster Management makes it, with three
/// organizations, one name, and a wish to be an authority.
fn request() -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let subject = &mut params.distinguished_name;
    subject.push(DnType::CommonName, "system:open-cluster-management:c1:a1");
    subject.push(
        DnType::OrganizationName,
        "system:open-cluster-management:c1",
    );
    let organization = DnType::CustomDnType(vec![2, 5, 4, 10]);
    subject.push(
        organization,
        "system:open-cluster-management:managed-clusters",
    );
    subject.push(
        DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 57683, 2]),
        "uid",
    );
    params.subject_alt_names = vec![SanType::DnsName("a.example.com".try_into().unwrap())];
    (params.serialize_request(&key).unwrap().pem().unwrap(), key)
}

fn usages(usages: &[&str]) -> Vec<String> {
    usages.iter().map(|usage| (*usage).to_owned()).collect()
}

fn sign(
    signer: &CertificateSigner,
    pem: &str,
    of: &[&str],
    seconds: Option<i32>,
) -> Result<String, String> {
    let asked = SigningRequest {
        request: pem.as_bytes(),
        signer_name: CLIENT_SIGNER,
        usages: &usages(of),
        expiration_seconds: seconds,
    };
    signer
        .sign(&asked, now())
        .map_err(|error| error.to_string())
}

const AGENT: [&str; 3] = ["digital signature", "key encipherment", "client auth"];

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .unwrap()
        .to_vec()
}

#[test]
fn a_signed_certificate_speaks_for_whom_the_request_names() {
    let (signer, authority) = signer(Duration::days(1));
    let (pem, key) = request();
    let certificate = der(&sign(&signer, &pem, &AGENT, None).unwrap());
    let authority = der(&authority);
    let (_, parent) = X509Certificate::from_der(&authority).unwrap();
    let (rest, parsed) = X509Certificate::from_der(&certificate).unwrap();
    assert!(rest.is_empty());
    parsed.verify_signature(Some(parent.public_key())).unwrap();
    assert_eq!(parsed.issuer(), parent.subject());
    assert_eq!(
        parsed.public_key().raw,
        rcgen::PublicKeyData::subject_public_key_info(&key)
    );
    let groups: Vec<_> = parsed
        .subject()
        .iter_organization()
        .map(|of| of.as_str().unwrap())
        .collect();
    let expected = [
        "system:open-cluster-management:c1",
        "system:open-cluster-management:managed-clusters",
    ];
    assert_eq!(groups, expected);
    assert_eq!(
        parsed.subject().iter_attributes().count(),
        3,
        "only what is known is kept"
    );
    assert!(!parsed.is_ca());
    let usage = parsed.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.digital_signature() && usage.value.key_encipherment());
    assert!(!usage.value.key_cert_sign());
    let extended = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.client_auth && !extended.server_auth && !extended.any);
    let names = &parsed
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names;
    assert_eq!(names, &[GeneralName::DNSName("a.example.com")]);
    let own = parent.extensions().iter().map(|of| of.parsed_extension());
    let own = own.filter_map(|of| {
        let ParsedExtension::SubjectKeyIdentifier(id) = of else {
            return None;
        };
        Some(id.0)
    });
    let named = parsed.extensions().iter().map(|of| of.parsed_extension());
    let named = named.filter_map(|of| {
        let ParsedExtension::AuthorityKeyIdentifier(id) = of else {
            return None;
        };
        id.key_identifier.as_ref().map(|id| id.0)
    });
    let own: Vec<_> = own.collect();
    assert_eq!(named.collect::<Vec<_>>(), own);
    assert_eq!(own.len(), 1);
}

#[test]
fn a_certificate_lives_as_long_as_was_asked_and_allowed() {
    let (signer, authority) = signer(Duration::days(2));
    let (pem, _) = request();
    let lifetime = |seconds| {
        let certificate = der(&sign(&signer, &pem, &AGENT, seconds).unwrap());
        let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
        let validity = parsed.validity();
        assert_eq!(
            validity.not_before.to_datetime(),
            now() - Duration::minutes(5)
        );
        validity.not_after.to_datetime() - now()
    };
    let day = Duration::DAY;
    assert_eq!(lifetime(None), day * 2 - Duration::minutes(5));
    assert_eq!(lifetime(Some(86_400)), day - Duration::minutes(5));
    assert_eq!(lifetime(Some(3_600)), Duration::HOUR);
    assert_eq!(lifetime(Some(1)), Duration::minutes(10));
    assert_eq!(lifetime(Some(i32::MAX)), day * 2 - Duration::minutes(5));
    drop(authority);
    let (signer, _) = self::signer(Duration::days(3650));
    let certificate = der(&sign(&signer, &pem, &AGENT, None).unwrap());
    let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
    assert_eq!(
        parsed.validity().not_after.to_datetime(),
        now() + Duration::days(10),
        "longer than its authority"
    );
    let asked = SigningRequest {
        request: pem.as_bytes(),
        signer_name: CLIENT_SIGNER,
        usages: &usages(&AGENT),
        expiration_seconds: None,
    };
    let late = signer.sign(&asked, now() + Duration::days(10));
    assert!(matches!(late, Err(SigningError::Expired(_))));
}

#[test]
fn what_the_signer_does_not_sign_is_refused() {
    let (signer, _) = signer(Duration::DAY);
    let (pem, _) = request();
    let refused = |pem: &str, of: &[&str]| sign(&signer, pem, of, None).unwrap_err();
    assert_eq!(
        refused(&pem, &["client auth", "server auth"]),
        "invalid usage for client certificate: server auth"
    );
    assert_eq!(
        refused(&pem, &["digital signature"]),
        "missing required usage for client certificate: client auth"
    );
    let no_pem = "PEM block type must be CERTIFICATE REQUEST";
    assert_eq!(refused("", &AGENT), no_pem);
    let (certificate, key) = authority();
    assert_eq!(refused(&certificate, &AGENT), no_pem);
    assert_eq!(refused(&key, &AGENT), no_pem);
    let (other, _) = request();
    let (own, other) = (csr(&pem), csr(&other));
    let mut forged = own[..own.len() - 64].to_vec();
    forged.extend_from_slice(&other[other.len() - 64..]);
    let forged = crate::pem::encode("CERTIFICATE REQUEST", &forged);
    assert!(check_request(pem.as_bytes()).is_ok());
    assert!(check_request(forged.as_bytes()).is_err());
    assert!(sign(&signer, &forged, &AGENT, None).is_err());
    let asked = SigningRequest {
        request: pem.as_bytes(),
        signer_name: "example.com/other",
        usages: &usages(&AGENT),
        expiration_seconds: None,
    };
    let other = SigningError::Signer("example.com/other".to_owned());
    assert_eq!(signer.sign(&asked, now()), Err(other));
}

fn csr(pem: &str) -> Vec<u8> {
    request_der(pem.as_bytes()).unwrap()
}

#[test]
fn an_authority_needs_its_own_key() {
    let ((certificate, _), (_, key)) = (authority(), authority());
    let other = CertificateSigner::new(&certificate, &key, Duration::DAY);
    assert!(matches!(other, Err(AuthorityError::KeyMismatch)));
}

#[test]
fn who_shows_a_signed_certificate_is_known() {
    let (signer, _) = signer(Duration::DAY);
    let (pem, _) = request();
    let certificate = der(&sign(&signer, &pem, &AGENT, None).unwrap());
    let (tokens, objects) = crate::tokens::tests::hub();
    let authenticator =
        crate::authentication::Authenticator::new(Arc::new(objects), Arc::new(tokens));
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts
        .extensions
        .insert(ClientCertificate(certificate.into()));
    let user = authenticator.authenticate(&mut parts, now()).unwrap();
    assert_eq!(user.name, "system:open-cluster-management:c1:a1");
    assert!(user.is_in("system:open-cluster-management:managed-clusters"));
    assert!(user.is_in(User::AUTHENTICATED));
}

#[test]
fn a_signer_goes_on_with_the_authority_that_takes_the_place_of_its_own() {
    let signed = |signer: &CertificateSigner| {
        let (request, _) = request();
        der(&sign(signer, &request, &AGENT, None).unwrap())
    };
    let by = |signed: &[u8], authority: &str| {
        let authority = der(authority);
        let (_, authority) = X509Certificate::from_der(&authority).unwrap();
        let (_, certificate) = X509Certificate::from_der(signed).unwrap();
        certificate
            .verify_signature(Some(authority.public_key()))
            .is_ok()
    };
    let (signer, old) = signer(Duration::DAY);
    let (new, key) = authority();
    assert!(by(&signed(&signer), &old));
    assert!(signer.replace_authority(&old, &key).is_err());
    assert!(by(&signed(&signer), &old));
    signer.replace_authority(&new, &key).unwrap();
    assert!(by(&signed(&signer), &new));
}
