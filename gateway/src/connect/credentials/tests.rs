use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use proptest::prelude::*;

use super::*;
use crate::authenticate::tests::{HOUR, certificate};
use crate::{Issuer, PeerCertificate, ReviewError};

/// Knows the token `good` of alice and `other` of bob.
#[derive(Debug)]
struct TwoTokens;

impl Tokens for TwoTokens {
    fn user<'a>(
        &'a self,
        token: &'a SecretString,
    ) -> BoxFuture<'a, Result<Option<User>, ReviewError>> {
        let name = match token.expose_secret() {
            "good" => Some("alice"),
            "other" => Some("bob"),
            _ => None,
        };
        let user = name.map(|name| User::new(name, ["by-token".to_owned()]).unwrap());
        Box::pin(async { Ok(user) })
    }
}

fn alice() -> Option<Vec<u8>> {
    Some(certificate(&["alice"], &["by-certificate"], HOUR))
}

fn basic(text: &str) -> (&'static str, String) {
    let encoded = STANDARD.encode(text);
    ("proxy-authorization", format!("Basic {encoded}"))
}

fn named(cluster: &str) -> (&'static str, String) {
    ("adit-cluster", cluster.to_owned())
}

fn ask(
    certificate: Option<Vec<u8>>,
    lines: &[(&'static str, String)],
) -> Result<(User, String), Status> {
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
    let caller = Caller::Remote(&peer);
    let identified = identify(&headers, caller, &TwoTokens, None).now_or_never();
    let (user, cluster) = identified.expect("it waits for nothing")?;
    Ok((user, cluster.to_string()))
}

fn refused(certificate: Option<Vec<u8>>, lines: &[(&'static str, String)]) -> (u16, String) {
    let status = ask(certificate, lines).expect_err("refused");
    (status.code().as_u16(), status.message().to_owned())
}

#[test]
fn a_token_is_the_password_and_its_cluster_the_user_name() {
    let scheme = |line: String| ("proxy-authorization", line);
    let unpadded = STANDARD
        .encode("edge-7:good")
        .trim_end_matches('=')
        .to_owned();
    for line in [basic("edge-7:good"), scheme(format!("bAsIc  {unpadded} "))] {
        let (user, cluster) = ask(None, &[line]).unwrap();
        assert_eq!((user.name.as_str(), cluster.as_str()), ("alice", "edge-7"));
    }
    let (user, cluster) = ask(None, &[basic(":good"), named("edge-7")]).unwrap();
    assert_eq!((user.name.as_str(), cluster.as_str()), ("alice", "edge-7"));
}

#[test]
fn a_certificate_needs_the_clusters_name_beside_it() {
    for lines in [
        vec![named("edge-7")],
        vec![basic("edge-7:")],
        vec![basic("edge-7:"), named("edge-7")],
        vec![basic(":"), named("edge-7")],
    ] {
        let (user, cluster) = ask(alice(), &lines).unwrap();
        assert_eq!((user.name.as_str(), cluster.as_str()), ("alice", "edge-7"));
        assert!(user.in_group("by-certificate"));
    }
    assert_eq!(refused(alice(), &[]).0, 400);
    assert_eq!(refused(alice(), &[basic(":")]).0, 400);
}

#[test]
fn two_credentials_have_to_be_of_one_user() {
    let (user, _) = ask(alice(), &[basic("edge-7:good")]).unwrap();
    assert!(user.in_group("by-certificate"));
    let (code, message) = refused(alice(), &[basic("edge-7:other")]);
    assert_eq!(code, 400);
    assert!(message.contains("\"alice\"") && message.contains("\"bob\""));
    assert_eq!(refused(alice(), &[basic("edge-7:wrong")]).0, 407);
}

#[test]
fn an_agent_is_refused_whatever_it_brings() {
    let agent = || {
        let name = "system:open-cluster-management:edge-7:agent-a";
        let groups = ["system:open-cluster-management:edge-7"];
        Some(certificate(&[name], &groups, HOUR))
    };
    assert_eq!(refused(agent(), &[named("edge-7")]).0, 403);
    assert_eq!(refused(agent(), &[basic("edge-7:good")]).0, 403);
}

#[test]
fn a_certificate_that_says_nobody_leaves_it_to_the_token() {
    let nameless = || Some(certificate(&[], &["dev"], HOUR));
    let (code, message) = refused(nameless(), &[named("edge-7")]);
    assert_eq!(code, 407);
    assert!(message.contains("0 common names"), "{message}");
    assert!(ask(nameless(), &[basic("edge-7:other")]).is_ok());
}

#[test]
fn who_says_nothing_of_use_is_asked_who_he_is() {
    for line in [
        None,
        Some(named("edge-7")),
        Some(basic("edge-7:")),
        Some(basic("edge-7:wrong")),
        Some(basic("no colon")),
        Some(("proxy-authorization", "Bearer good".to_owned())),
        Some(("proxy-authorization", "Basic ???".to_owned())),
        Some(("proxy-authorization", "Basic".to_owned())),
        Some(("proxy-authorization", "Basic /////w==".to_owned())),
        Some(("authorization", "Bearer good".to_owned())),
    ] {
        let lines: Vec<_> = line.into_iter().collect();
        assert_eq!(refused(None, &lines).0, 407, "{lines:?}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for lines in [
        vec![basic("edge-7:good"), basic("edge-7:good")],
        vec![basic("edge-7:good"), named("edge-8")],
        vec![named("edge-7"), named("edge-7"), basic(":good")],
    ] {
        assert_eq!(refused(None, &lines).0, 400, "{lines:?}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_answered(value in "[ -~]{0,64}", decoded in any::<Vec<u8>>()) {
        let encoded = format!("Basic {}", STANDARD.encode(decoded));
        for line in [value, encoded] {
            let answer = ask(None, &[("proxy-authorization", line)]);
            prop_assert!(answer.is_err());
        }
    }
}

#[test]
fn a_token_at_the_clusters_place_is_not_repeated() {
    let (code, message) = refused(alice(), &[basic("adit_0123_secret:")]);
    assert_eq!(code, 400);
    assert!(!message.contains("secret"), "{message}");
}
