use std::time::SystemTime;

use proto::{AgentIdentity, AgentName, ClusterName, claims_agent};
use proxy_server::AgentCertificate;

/// Certificates in DER, subjects and names.
///
/// A subject that is taken is exactly the one that its identity writes, so
/// that no two subjects mean the same agent, and is one that the gateway sees
/// as an agent's. A name that is taken cannot be read as anything else.
pub fn identity(data: &[u8]) {
    if let Ok(certificate) = AgentCertificate::from_der(data) {
        check_identity(&certificate.identity);
        assert!(certificate.not_after >= SystemTime::UNIX_EPOCH);
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        assert!(certificate.serial.bytes().all(hex));
    }
    if let Ok(text) = str::from_utf8(data) {
        check_subject(text);
        check_names(text);
    }
}

/// A common name, and each organization on a line of its own.
fn check_subject(text: &str) {
    let mut lines = text.split('\n');
    let common_name = lines.next().unwrap_or_default();
    let mut organizations: Vec<&str> = lines.collect();
    let Ok(identity) = AgentIdentity::from_subject(common_name, &organizations) else {
        return;
    };
    check_identity(&identity);
    assert_eq!(identity.common_name(), common_name);
    let mut expected = identity.organizations();
    expected.sort_unstable();
    organizations.sort_unstable();
    assert_eq!(organizations, expected);
    assert!(claims_agent(common_name, &[]) && claims_agent("", &organizations));
}

fn check_identity(identity: &AgentIdentity) {
    check_name(identity.cluster.as_str());
    check_name(identity.agent.as_str());
    let organizations = identity.organizations();
    let organizations: Vec<&str> = organizations.iter().map(String::as_str).collect();
    let again = AgentIdentity::from_subject(&identity.common_name(), &organizations);
    assert_eq!(again.as_ref(), Ok(identity));
}

fn check_names(text: &str) {
    let cluster = text.parse::<ClusterName>();
    let agent = text.parse::<AgentName>();
    assert_eq!(cluster.is_ok(), agent.is_ok());
    if let Ok(name) = cluster {
        assert_eq!(name.as_str(), text);
        check_name(text);
    }
}

/// Names stand in paths, labels, log lines and in front of a `:`.
fn check_name(name: &str) {
    assert!((1..=63).contains(&name.len()));
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    assert!(name.bytes().all(|b| letter(b) || b == b'-' || b == b'.'));
    for label in name.split('.') {
        assert!(label.bytes().next().is_some_and(letter));
        assert!(label.bytes().last().is_some_and(letter));
    }
}
