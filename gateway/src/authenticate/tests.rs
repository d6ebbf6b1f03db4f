use base64::Engine as _;
use futures_util::FutureExt as _;
use rcgen::{CertificateParams, DnType, KeyPair};
use secrecy::ExposeSecret;

use super::*;

/// Knows one token.
#[derive(Debug)]
struct OneToken;

impl Tokens for OneToken {
    fn user<'a>(
        &'a self,
        token: &'a SecretString,
    ) -> BoxFuture<'a, Result<Option<User>, ReviewError>> {
        let is_good = token.expose_secret() == "good";
        let user = is_good.then(|| User::new("bot", []).unwrap());
        Box::pin(async { Ok(user) })
    }
}

pub(crate) fn certificate(names: &[&str], organizations: &[&str], valid_for: Duration) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (index, name) in names.iter().enumerate() {
        // rcgen keeps one value of a type; a second common name goes in by its OID.
        let kind = match index {
            0 => DnType::CommonName,
            _ => DnType::CustomDnType(vec![2, 5, 4, 3]),
        };
        params.distinguished_name.push(kind, *name);
    }
    for (index, organization) in organizations.iter().enumerate() {
        let kind = match index {
            0 => DnType::OrganizationName,
            _ => DnType::CustomDnType(vec![2, 5, 4, 10]),
        };
        params.distinguished_name.push(kind, *organization);
    }
    params.not_before = (SystemTime::now() - Duration::from_secs(60)).into();
    params.not_after = (SystemTime::now() + valid_for).into();
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

fn ask(certificate: Option<Vec<u8>>, lines: &[(&'static str, &str)]) -> Result<User, Status> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    let peer = Peer {
        remote: "127.0.0.1:1".parse().unwrap(),
        certificate: certificate.map(|der| PeerCertificate {
            der,
            issuer: Issuer::Users,
        }),
    };
    let user = authenticate(&headers, &peer, &OneToken, None).now_or_never();
    user.expect("it waits for nothing")
}

fn code(result: Result<User, Status>) -> u16 {
    result.expect_err("refused").code().as_u16()
}

#[test]
fn a_certificate_names_the_user_and_his_groups() {
    let user = ask(Some(certificate(&["alice"], &["dev", "ops"], HOUR)), &[]).unwrap();
    assert_eq!(user.name, "alice");
    assert_eq!(user.groups, ["dev", "ops", "system:authenticated"]);
}

#[test]
fn a_token_names_its_user() {
    for line in ["Bearer good", "bearer  good", " BEARER good "] {
        assert_eq!(ask(None, &[("authorization", line)]).unwrap().name, "bot");
    }
    let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode("good");
    let line = format!("x, base64url.bearer.authorization.k8s.io.{encoded}");
    assert_eq!(
        ask(None, &[("sec-websocket-protocol", &line)])
            .unwrap()
            .name,
        "bot"
    );
}

#[test]
fn who_shows_nothing_or_something_wrong_is_unknown() {
    assert_eq!(code(ask(None, &[])), 401);
    for line in ["Bearer bad", "Bearer", "Bearer ", "Basic Z29vZA==", "good"] {
        assert_eq!(code(ask(None, &[("authorization", line)])), 401, "{line}");
    }
    let two = [
        ("authorization", "Bearer good"),
        ("authorization", "Bearer bad"),
    ];
    assert_eq!(code(ask(None, &two)), 400);
}

#[test]
fn a_refusal_never_repeats_the_token() {
    let status = ask(None, &[("authorization", "Bearer hunter2")]).unwrap_err();
    assert!(!status.message().contains("hunter2"));
}

#[test]
fn a_certificate_counts_before_a_token() {
    let alice = certificate(&["alice"], &[], HOUR);
    for token in ["Bearer good", "Bearer bad"] {
        let user = ask(Some(alice.clone()), &[("authorization", token)]).unwrap();
        assert_eq!(user.name, "alice");
    }
}

#[test]
fn an_agents_certificate_has_no_right_here() {
    for (name, organizations) in [
        (
            "system:open-cluster-management:edge-7:agent",
            &[
                "system:open-cluster-management:edge-7",
                "system:open-cluster-management:managed-clusters",
            ][..],
        ),
        ("system:open-cluster-management:edge-7:agent", &[]),
        (
            "alice",
            &["dev", "system:open-cluster-management:managed-clusters"],
        ),
    ] {
        let der = certificate(&[name], organizations, HOUR);
        assert_eq!(code(ask(Some(der.clone()), &[])), 403);
        assert_eq!(
            code(ask(Some(der), &[("authorization", "Bearer good")])),
            403
        );
    }
}

#[test]
fn a_certificate_that_names_nobody_leaves_it_to_the_token() {
    let expired = certificate(&["alice"], &[], Duration::ZERO);
    for der in [
        certificate(&[], &["dev"], HOUR),
        certificate(&["alice", "root"], &[], HOUR),
        certificate(&[" alice"], &[], HOUR),
        certificate(&["alice"], &["system:masters "], HOUR),
        b"garbage".to_vec(),
    ] {
        assert_eq!(code(ask(Some(der.clone()), &[])), 401);
        let user = ask(Some(der), &[("authorization", "Bearer good")]).unwrap();
        assert_eq!(user.name, "bot");
    }
    let later = SystemTime::now() + HOUR;
    assert!(certificate::user(&expired, later).is_err());
}

#[test]
fn a_front_proxys_certificate_names_no_user() {
    let peer = |certificate| Peer {
        remote: "127.0.0.1:1".parse().unwrap(),
        certificate: Some(certificate),
    };
    let der = certificate(&["root"], &["system:masters"], HOUR);
    let proxy = peer(PeerCertificate {
        der,
        issuer: Issuer::FrontProxies,
    });
    let headers = HeaderMap::new();
    let user = authenticate(&headers, &proxy, &OneToken, None).now_or_never();
    assert_eq!(code(user.expect("it waits for nothing")), 401);
}
