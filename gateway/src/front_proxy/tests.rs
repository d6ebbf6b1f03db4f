use std::time::Duration;

use super::*;
use crate::authenticate::tests::{HOUR, certificate};
use crate::{Issuer, PeerCertificate};

fn rules() -> FrontProxies {
    FrontProxies {
        names: vec!["front-proxy-client".to_owned()],
        user: vec![HeaderName::from_static("x-remote-user")],
        groups: vec![HeaderName::from_static("x-remote-group")],
        others: vec![HeaderName::from_static("x-remote-uid")],
        prefixes: vec!["x-remote-extra-".to_owned()],
    }
}

fn peer(name: &str, issuer: Issuer, valid_for: Duration) -> Peer {
    Peer {
        remote: "127.0.0.1:1".parse().unwrap(),
        certificate: Some(PeerCertificate {
            der: certificate(&[name], &[], valid_for),
            issuer,
        }),
    }
}

fn front_proxy() -> Peer {
    peer("front-proxy-client", Issuer::FrontProxies, HOUR)
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, value.parse().unwrap());
    }
    headers
}

fn code(lines: &[(&str, &str)], peer: &Peer) -> u16 {
    let told = rules().user(&headers(lines), peer);
    told.expect_err("refused").code().as_u16()
}

const ROOT: [(&str, &str); 2] = [
    ("X-Remote-User", "root"),
    ("X-Remote-Group", "system:masters"),
];

#[test]
fn a_front_proxy_says_who_asks() {
    let lines = [
        ("X-REMOTE-USER", "alice"),
        ("x-remote-group", "dev"),
        ("X-Remote-Group", "ops"),
        ("X-Remote-Extra-Scopes", "all"),
        ("X-Remote-Extra-Some_key%2fname", "a"),
        ("X-Remote-Uid", "7"),
    ];
    for issuer in [Issuer::FrontProxies, Issuer::Both] {
        let peer = peer("front-proxy-client", issuer, HOUR);
        let user = rules().user(&headers(&lines), &peer).unwrap().unwrap();
        assert_eq!(user.name, "alice");
        assert_eq!(user.groups, ["dev", "ops", "system:authenticated"]);
    }
}

#[test]
fn who_tells_nothing_is_left_to_other_ways() {
    let told = rules().user(&headers(&[("accept", "*/*")]), &front_proxy());
    assert_eq!(told.unwrap(), None);
}

#[test]
fn nobody_else_says_who_asks() {
    let nobody = Peer {
        remote: "127.0.0.1:1".parse().unwrap(),
        certificate: None,
    };
    let user = peer("front-proxy-client", Issuer::Users, HOUR);
    let other_name = peer("someone", Issuer::FrontProxies, HOUR);
    let both = peer("alice", Issuer::Both, HOUR);
    for peer in [&nobody, &user, &other_name, &both] {
        assert_eq!(code(&ROOT, peer), 403, "{peer:?}");
        assert_eq!(code(&[("X-Remote-Extra-Scopes", "all")], peer), 403);
        assert_eq!(code(&[("x-remote-anything", "1")], peer), 403);
        assert_eq!(code(&[("X_Remote_User", "root")], peer), 403);
    }
    let proxy = front_proxy();
    let later = SystemTime::now() + 2 * HOUR;
    let told = HeaderName::from_static("x-remote-user");
    let over = rules().check(&told, &proxy, later).unwrap_err();
    assert_eq!(over.code(), 401);
}

#[test]
fn where_any_name_will_do_the_authority_still_has_to_be_right() {
    let rules = FrontProxies {
        names: Vec::new(),
        ..rules()
    };
    let lines = headers(&ROOT);
    let proxy = peer("any", Issuer::FrontProxies, HOUR);
    assert!(rules.user(&lines, &proxy).unwrap().is_some());
    let user = peer("any", Issuer::Users, HOUR);
    assert!(rules.user(&lines, &user).is_err());
}

#[test]
fn what_could_be_read_in_two_ways_is_refused_even_of_a_front_proxy() {
    let proxy = front_proxy();
    for lines in [
        &[("x-remote-user", "alice"), ("x-remote-user", "root")][..],
        &[("x-remote-user", "alice"), ("x_remote_user", "root")],
        &[("x-remote-user", "alice"), ("x-remote_user", "root")],
        &[
            ("x-remote-user", "alice"),
            ("X_Remote_Group", "system:masters"),
        ],
        &[("x-remote-group", "system:masters")],
        &[("x-remote-user", "")],
    ] {
        assert_eq!(code(lines, &proxy), 400, "{lines:?}");
    }
}

#[test]
fn other_names_of_headers_take_the_place_of_the_customary_which_stay_refused() {
    let rules = FrontProxies {
        user: vec![HeaderName::from_static("x-company-user")],
        groups: Vec::new(),
        others: Vec::new(),
        prefixes: vec!["x-company-extra-".to_owned()],
        ..rules()
    };
    let own = headers(&[("X-Company-User", "alice")]);
    let user = rules.user(&own, &front_proxy()).unwrap().unwrap();
    assert_eq!(user.name, "alice");
    let nobody = Peer {
        certificate: None,
        ..front_proxy()
    };
    for name in ["x-company-user", "x-company-extra-a", "x-remote-user"] {
        let told = rules.user(&headers(&[(name, "root")]), &nobody);
        assert_eq!(told.unwrap_err().code(), 403, "{name}");
        assert_eq!(
            rules
                .refuse(&headers(&[(name, "root")]))
                .unwrap_err()
                .code(),
            403
        );
    }
}
