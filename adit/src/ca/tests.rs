use proto::AgentIdentity;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;

fn authority() -> Authority {
    Authority::create("test authority").unwrap().0
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn names() -> ServerNames {
    let mut names = ServerNames::of_this_machine(Some("machine"));
    names.add("hub.example.org");
    names.add("192.0.2.7");
    names
}

#[test]
fn an_agents_certificate_has_exactly_the_subject_that_sessions_need() {
    let identity = AgentIdentity {
        cluster: "edge-1".parse().unwrap(),
        agent: "agent-a".parse().unwrap(),
    };
    let subject = Subject::Agent(identity.clone());
    let issued = authority()
        .issue_client(&subject, Lifetime::from_days(1))
        .unwrap();
    let der = der(&issued.certificate_pem);
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let common_name = certificate
        .subject()
        .iter_common_name()
        .next()
        .unwrap()
        .as_str()
        .unwrap();
    let organizations: Vec<&str> = certificate
        .subject()
        .iter_organization()
        .map(|o| o.as_str().unwrap())
        .collect();
    assert_eq!(
        AgentIdentity::from_subject(common_name, &organizations),
        Ok(identity)
    );
}

#[test]
fn the_serial_told_is_the_one_in_the_certificate() {
    let issued = authority()
        .issue_client(&Subject::administrator(), Lifetime::from_days(1))
        .unwrap();
    let der = der(&issued.certificate_pem);
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    assert_eq!(hex(certificate.raw_serial()), issued.serial);
}

#[test]
fn an_authority_loaded_again_signs_what_the_first_one_vouches_for() {
    let (first, key) = Authority::create("test authority").unwrap();
    let again = Authority::load(first.certificate_pem().to_owned(), key.expose_secret()).unwrap();
    let issued = again
        .issue_server(&names(), Lifetime::from_days(90))
        .unwrap();
    let now = OffsetDateTime::now_utc();
    assert!(is_still_good(
        &issued.certificate_pem,
        first.certificate(),
        now
    ));
}

#[test]
fn a_serving_certificate_is_replaced_when_anything_about_it_is_off() {
    let authority = authority();
    let pem = authority
        .issue_server(&names(), Lifetime::from_days(90))
        .unwrap()
        .certificate_pem;
    let now = OffsetDateTime::now_utc();
    let good = |now| is_still_good(&pem, authority.certificate(), now);
    assert!(good(now));
    assert!(good(now + Duration::from_secs(59 * 86_400)));
    assert!(
        !good(now + Duration::from_secs(61 * 86_400)),
        "its end is near"
    );
    assert!(names().are_those_of(&pem));
    let mut more = names();
    more.add("other.example.org");
    assert!(!more.are_those_of(&pem), "a name is new");
    assert!(
        !ServerNames::of_this_machine(None).are_those_of(&pem),
        "a name is gone"
    );
    assert!(
        !is_still_good(&pem, self::authority().certificate(), now),
        "another authority's"
    );
    assert!(!is_still_good("garbage", authority.certificate(), now));
}

#[test]
fn no_user_may_be_taken_for_an_agent() {
    let agents = "system:open-cluster-management:edge-1".to_owned();
    assert!(matches!(
        check_user(&agents, &[]),
        Err(SubjectError::Agent(_))
    ));
    assert!(matches!(
        check_user("alice", &[agents]),
        Err(SubjectError::Agent(_))
    ));
    assert_eq!(check_user("", &[]), Err(SubjectError::NoName));
    assert!(matches!(
        check_user("a\nb", &[]),
        Err(SubjectError::Characters(_))
    ));
    assert_eq!(check_user("alice", &["dev".to_owned()]), Ok(()));
}

#[test]
fn an_authority_with_the_key_of_another_is_refused() {
    let (_, key) = Authority::create("another").unwrap();
    let certificate = authority().certificate_pem().to_owned();
    let loaded = Authority::load(certificate, key.expose_secret());
    assert!(matches!(loaded, Err(AuthorityError::KeyMismatch)));
}
