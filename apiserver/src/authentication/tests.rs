use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::json;
use time::Duration;

use super::*;
use crate::tokens::tests::{InMemory, hub, now, token};

mod impersonating;

const HUB: &str = "authentication.kubernetes.io/credential-id";

fn head(headers: &[(&str, &str)]) -> Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        parts
            .headers
            .append(name, HeaderValue::from_str(value).unwrap());
    }
    parts
}

fn authenticator() -> (Authenticator, Arc<InMemory>, String) {
    let (tokens, objects) = hub();
    let robot = token(&tokens, &objects, json!({}));
    let objects = Arc::new(objects);
    let authenticator = Authenticator::new(Arc::clone(&objects) as _, Arc::new(tokens));
    (authenticator, objects, robot)
}

fn name(authenticator: &Authenticator, request: &mut Parts) -> Result<String, u16> {
    authenticator
        .authenticate(request, now())
        .map(|user| user.name)
        .map_err(|status| status.code().as_u16())
}

fn certificate(name: &str, lifetime: Duration) -> ClientCertificate {
    let mut params = CertificateParams::default();
    params.not_before = now() - Duration::HOUR;
    params.not_after = now() - Duration::HOUR + lifetime;
    params.distinguished_name = rcgen::DistinguishedName::new();
    if !name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params
        .distinguished_name
        .push(DnType::OrganizationName, "ops");
    params
        .distinguished_name
        .push(DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 57683, 2]), "u7");
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    ClientCertificate(Bytes::from(der))
}

#[test]
fn who_shows_nothing_is_anonymous_and_who_shows_something_wrong_is_nobody() {
    let (authenticator, _, robot) = authenticator();
    let bearer = format!("bearer {robot}");
    for (headers, expected) in [
        (vec![], Ok("system:anonymous")),
        (vec![("authorization", "Basic abc")], Ok("system:anonymous")),
        (vec![("authorization", "Bearer")], Ok("system:anonymous")),
        (vec![("authorization", "Bearer wrong")], Err(401)),
        (
            vec![("authorization", bearer.as_str())],
            Ok("system:serviceaccount:a:robot"),
        ),
        (vec![("x-remote-user", "root")], Ok("system:anonymous")),
    ] {
        let mut request = head(&headers);
        let expected = expected.map(ToOwned::to_owned);
        assert_eq!(name(&authenticator, &mut request), expected, "{headers:?}");
        assert!(request.headers.is_empty(), "a credential goes on");
    }
    let strict = authenticator.without_anonymous();
    assert_eq!(name(&strict, &mut head(&[])), Err(401));
}

#[test]
fn a_certificate_counts_before_a_token() {
    let (authenticator, _, robot) = authenticator();
    let bearer = format!("Bearer {robot}");
    let ask = |certificate: ClientCertificate, headers: &[(&str, &str)]| {
        let mut request = head(headers);
        request.extensions.insert(certificate);
        authenticator.authenticate(&mut request, now())
    };
    let with_token = [("authorization", bearer.as_str())];
    let user = ask(certificate("alice", Duration::DAY), &with_token).unwrap();
    assert_eq!((&*user.name, &*user.uid), ("alice", "u7"));
    assert_eq!(user.groups, ["ops", "system:authenticated"]);
    assert!(user.extra[HUB][0].starts_with("X509SHA256="));
    let expired = || certificate("alice", Duration::MINUTE);
    assert_eq!(ask(expired(), &[]).unwrap_err().code(), 401);
    let user = ask(expired(), &with_token).unwrap();
    assert_eq!(user.name, "system:serviceaccount:a:robot");
    let user = ask(certificate("", Duration::DAY), &[]).unwrap();
    assert_eq!(user, User::anonymous());
    let wrong = [("authorization", "Bearer wrong")];
    let user = ask(certificate("alice", Duration::DAY), &wrong).unwrap();
    assert_eq!(user.name, "alice");
}

#[test]
fn a_websocket_shows_its_token_as_a_subprotocol() {
    let (authenticator, _, robot) = authenticator();
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let of = |token: &str| format!("base64url.bearer.authorization.k8s.io.{}", encode(token));
    let upgrade = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
    ];
    let ask = |offered: &str| {
        let mut request = head(&upgrade);
        let offered = HeaderValue::from_str(offered).unwrap();
        request.headers.insert("sec-websocket-protocol", offered);
        (name(&authenticator, &mut request), request)
    };
    let (user, request) = ask(&format!("v5.channel.k8s.io, {}, v4", of(&robot)));
    assert_eq!(user, Ok("system:serviceaccount:a:robot".to_owned()));
    assert_eq!(
        request.headers["sec-websocket-protocol"],
        "v5.channel.k8s.io,v4"
    );
    for wrong in [
        of(&robot),
        format!("x, {}, {}", of(&robot), of(&robot)),
        format!("x, {}", of("wrong")),
        "x, base64url.bearer.authorization.k8s.io.*".to_owned(),
    ] {
        assert_eq!(ask(&wrong).0, Err(401), "{wrong}");
    }
    assert_eq!(ask("x").0, Ok("system:anonymous".to_owned()));
}

#[test]
fn a_bootstrap_token_is_good_while_its_secret_says_so() {
    let (authenticator, objects, _) = authenticator();
    let text = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let secret = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut secret = json!({"metadata": {}, "type": "bootstrap.kubernetes.io/token", "data": {
            "token-id": text("abcdef"),
            "token-secret": text("0123456789abcdef"),
            "usage-bootstrap-authentication": text("true"),
            "expiration": text("2027-01-15T08:00:01Z"),
            "auth-extra-groups": text("system:bootstrappers:managedcluster,system:bootstrappers:a"),
        }});
        change(&mut secret);
        objects.put("secrets", "kube-system", "bootstrap-token-abcdef", secret);
        let token = "Bearer abcdef.0123456789abcdef";
        authenticator.authenticate(&mut head(&[("authorization", token)]), now())
    };
    let user = secret(&|_| {}).unwrap();
    assert_eq!(user.name, "system:bootstrap:abcdef");
    let groups = [
        "system:bootstrappers",
        "system:bootstrappers:a",
        "system:bootstrappers:managedcluster",
        "system:authenticated",
    ];
    assert_eq!(user.groups, groups);
    let forever = secret(&|of| of["data"]["expiration"] = "".into()).unwrap();
    assert_eq!(forever, user);
    for (key, value) in [
        ("token-id", "abcdeg"),
        ("token-secret", "0123456789abcdeg"),
        ("token-secret", ""),
        ("usage-bootstrap-authentication", "false"),
        ("expiration", "2027-01-15T08:00:00Z"),
        ("expiration", "soon"),
        ("auth-extra-groups", "system:masters"),
        ("auth-extra-groups", "system:bootstrappers:"),
    ] {
        let refused = secret(&|of| of["data"][key] = text(value).into());
        assert_eq!(refused.unwrap_err().code(), 401, "{key}: {value}");
    }
    assert!(secret(&|of| of["type"] = "Opaque".into()).is_err());
    assert!(
        secret(&|of| of["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z".into()).is_err()
    );
}

#[test]
fn a_request_from_within_is_its_users() {
    let (authenticator, _, _) = authenticator();
    let mut request = head(&[("authorization", "Bearer wrong")]);
    request.extensions.insert(User::new("controller", []));
    assert_eq!(
        name(&authenticator, &mut request),
        Ok("controller".to_owned())
    );
}

#[test]
fn what_is_wrong_with_a_token_is_told_to_those_who_review_it() {
    let (authenticator, objects, robot) = authenticator();
    let own = ["https://hub".to_owned()];
    let review = |token: &str, audiences: &[String], at| {
        authenticator.token_user(token, audiences, at).unwrap_err()
    };
    assert_eq!(review("nonsense", &own, now()), "invalid bearer token");
    assert_eq!(
        review(&robot, &own, now() + Duration::DAY),
        "[invalid bearer token, service account token has expired]"
    );
    assert_eq!(
        review(&robot, &["a".to_owned()], now()),
        r#"[invalid bearer token, token audiences ["https://hub"] is invalid for the target audiences ["a"]]"#
    );
    objects.remove("serviceaccounts", "a", "robot");
    assert_eq!(
        review(&robot, &own, now()),
        r#"[invalid bearer token, serviceaccounts "robot" not found]"#
    );
}
