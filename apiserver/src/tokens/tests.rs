use std::collections::BTreeMap;
use std::sync::Mutex;

use api::GroupResource;
use serde_json::{Value, json};
use time::Duration;

use super::*;
use crate::Status;

/// Objects in memory, by resource, namespace and name.
#[derive(Debug, Default)]
pub(crate) struct InMemory(Mutex<BTreeMap<(String, String, String), Value>>);

impl InMemory {
    pub(crate) fn put(&self, resource: &str, namespace: &str, name: &str, mut object: Value) {
        object["metadata"]["name"] = name.into();
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        self.0.lock().unwrap().insert(key, object);
    }

    pub(crate) fn remove(&self, resource: &str, namespace: &str, name: &str) {
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        self.0.lock().unwrap().remove(&key);
    }
}

impl Objects for InMemory {
    fn get(&self, resource: &GroupResource, namespace: &str, name: &str) -> Option<Value> {
        let key = (
            resource.resource.to_string(),
            namespace.to_owned(),
            name.to_owned(),
        );
        self.0.lock().unwrap().get(&key).cloned()
    }
}

pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap()
}

fn uid(uid: &str) -> Value {
    json!({"metadata": {"uid": uid}})
}

/// A hub with the service account `a/robot` of uid `u1`.
pub(crate) fn hub() -> (ServiceAccountTokens, InMemory) {
    let objects = InMemory::default();
    objects.put("serviceaccounts", "a", "robot", uid("u1"));
    (tokens(&Keyring::generate_pem().unwrap()), objects)
}

fn tokens(pem: &str) -> ServiceAccountTokens {
    let keyring = Keyring::from_pem(pem).unwrap();
    ServiceAccountTokens::new("https://hub", vec!["https://hub".to_owned()], keyring)
}

fn issue(tokens: &ServiceAccountTokens, objects: &InMemory, spec: Value) -> Result<Value, Status> {
    let issued = tokens.issue("a", "robot", json!({"spec": spec}), objects, now());
    issued.map(|issued| issued.object)
}

pub(crate) fn token(tokens: &ServiceAccountTokens, objects: &InMemory, spec: Value) -> String {
    let issued = issue(tokens, objects, spec).unwrap();
    issued["status"]["token"].as_str().unwrap().to_owned()
}

fn user_at(
    tokens: &ServiceAccountTokens,
    objects: &InMemory,
    token: &str,
    seconds: i64,
) -> Result<Option<TokenUser>, String> {
    let audiences = tokens.audiences();
    let at = now() + Duration::seconds(seconds);
    tokens
        .user(token, audiences, objects, at)
        .map_err(|error| error.to_string())
}

#[test]
fn a_token_says_who_its_service_account_is_until_it_expires() {
    let (tokens, objects) = hub();
    let token = token(&tokens, &objects, json!({"expirationSeconds": 600}));
    let user = user_at(&tokens, &objects, &token, 0).unwrap().unwrap().user;
    assert_eq!(user.name, "system:serviceaccount:a:robot");
    assert_eq!(user.uid, "u1");
    assert_eq!(
        user.groups,
        [
            "system:serviceaccounts",
            "system:serviceaccounts:a",
            "system:authenticated"
        ]
    );
    assert!(user.extra["authentication.kubernetes.io/credential-id"][0].starts_with("JTI="));
    assert!(user_at(&tokens, &objects, &token, 660).is_ok());
    let expired = user_at(&tokens, &objects, &token, 661);
    assert_eq!(expired, Err("service account token has expired".to_owned()));
    let early = user_at(&tokens, &objects, &token, -61);
    assert_eq!(
        early,
        Err("service account token is not valid yet".to_owned())
    );
}

#[test]
fn a_token_is_over_with_what_it_is_bound_to() {
    let (tokens, objects) = hub();
    objects.put("secrets", "a", "s", uid("s1"));
    let to = json!({"kind": "Secret", "apiVersion": "v1", "name": "s"});
    let bound = token(&tokens, &objects, json!({"boundObjectRef": to}));
    let free = token(&tokens, &objects, json!({}));
    assert!(user_at(&tokens, &objects, &bound, 0).is_ok());
    objects.put("secrets", "a", "s", uid("s2"));
    let other = "secret UID (s2) does not match service account secret ref claim (s1)";
    assert_eq!(user_at(&tokens, &objects, &bound, 0), Err(other.to_owned()));
    objects.remove("secrets", "a", "s");
    let gone = "service account token has been invalidated";
    assert_eq!(user_at(&tokens, &objects, &bound, 0), Err(gone.to_owned()));
    assert!(user_at(&tokens, &objects, &free, 0).is_ok());
    objects.put("serviceaccounts", "a", "robot", uid("u2"));
    let other = "service account UID (u2) does not match claim (u1)";
    assert_eq!(user_at(&tokens, &objects, &free, 0), Err(other.to_owned()));
    let deleted = json!({"metadata": {"uid": "u1", "deletionTimestamp": "2020-01-01T00:00:00Z"}});
    objects.put("serviceaccounts", "a", "robot", deleted);
    let gone = "service account a/robot has been deleted";
    assert_eq!(user_at(&tokens, &objects, &free, 0), Err(gone.to_owned()));
    objects.remove("serviceaccounts", "a", "robot");
    let gone = "serviceaccounts \"robot\" not found";
    assert_eq!(user_at(&tokens, &objects, &free, 0), Err(gone.to_owned()));
}

#[test]
fn a_token_of_a_pod_tells_its_pod_and_node() {
    let (tokens, objects) = hub();
    let spec = json!({"serviceAccountName": "robot", "nodeName": "n"});
    objects.put(
        "pods",
        "a",
        "p",
        json!({"metadata": {"uid": "p1"}, "spec": spec}),
    );
    objects.put("nodes", "", "n", uid("n1"));
    let to = json!({"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "p1"});
    let token = token(&tokens, &objects, json!({"boundObjectRef": to}));
    let user = user_at(&tokens, &objects, &token, 0).unwrap().unwrap().user;
    for (key, value) in [
        ("pod-name", "p"),
        ("pod-uid", "p1"),
        ("node-name", "n"),
        ("node-uid", "n1"),
    ] {
        assert_eq!(
            user.extra[&format!("authentication.kubernetes.io/{key}")],
            [value]
        );
    }
}

#[test]
fn a_token_for_others_is_not_taken() {
    let (tokens, objects) = hub();
    let other = token(&tokens, &objects, json!({"audiences": ["vault"]}));
    let refused =
        r#"token audiences ["vault"] is invalid for the target audiences ["https://hub"]"#;
    assert_eq!(
        user_at(&tokens, &objects, &other, 0),
        Err(refused.to_owned())
    );
    let for_vault = tokens.user(&other, &["vault".to_owned()], &objects, now());
    assert_eq!(for_vault.unwrap().unwrap().audiences, ["vault"]);
}

#[test]
fn a_token_that_the_hub_did_not_sign_is_not_taken() {
    let (tokens, objects) = hub();
    let (other, _) = hub();
    let foreign = token(&other, &objects, json!({}));
    let no_key = "invalid signature, no keys found";
    assert_eq!(
        user_at(&tokens, &objects, &foreign, 0),
        Err(no_key.to_owned())
    );
    let own = token(&tokens, &objects, json!({}));
    let (signed, _) = own.rsplit_once('.').unwrap();
    let (_, signature) = foreign.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{signature}");
    assert!(user_at(&tokens, &objects, &forged, 0).is_err());
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", signed.split_once('.').unwrap().1);
    assert!(user_at(&tokens, &objects, &unsigned, 0).is_err());
    for nonsense in ["", "a.b.c", "nonsense", "..", &"x".repeat(1 << 20)] {
        assert_eq!(user_at(&tokens, &objects, nonsense, 0), Ok(None));
    }
}

#[test]
fn former_keys_verify_and_the_first_signs() {
    let (old, new) = (
        Keyring::generate_pem().unwrap(),
        Keyring::generate_pem().unwrap(),
    );
    let (_, objects) = hub();
    let hub = tokens(&old);
    let before = token(&hub, &objects, json!({}));
    hub.replace_keyring(Keyring::from_pem(&format!("{new}{old}")).unwrap());
    let after = token(&hub, &objects, json!({}));
    assert!(user_at(&hub, &objects, &before, 0).is_ok());
    hub.replace_keyring(Keyring::from_pem(&new).unwrap());
    assert!(user_at(&hub, &objects, &before, 0).is_err());
    assert!(user_at(&hub, &objects, &after, 0).is_ok());
}

#[test]
fn keys_that_are_none_are_told_from_keys() {
    for (pem, error) in [
        ("", "no key"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "key 1",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "key 1",
        ),
    ] {
        let refused = Keyring::from_pem(pem).unwrap_err().to_string();
        assert!(refused.contains(error), "{refused}");
    }
}

#[test]
fn the_documents_of_discovery_tell_the_keys() {
    let (tokens, objects) = hub();
    let token = token(&tokens, &objects, json!({}));
    let header = token.split('.').next().unwrap();
    let jwks = tokens.jwks();
    let key = &jwks["keys"][0];
    assert_eq!(key["kty"], "EC");
    assert_eq!(key["x"].as_str().unwrap().len(), 43);
    let kid = key["kid"].as_str().unwrap();
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header);
    assert!(String::from_utf8(decoded.unwrap()).unwrap().contains(kid));
    let document = tokens.openid_configuration("hub:8443");
    assert_eq!(document["jwks_uri"], "https://hub:8443/openid/v1/jwks");
    assert_eq!(document["issuer"], "https://hub");
}

#[test]
fn a_request_for_a_token_is_answered_as_the_real_server_does() {
    let (tokens, objects) = hub();
    let issued = issue(&tokens, &objects, json!({"audiences": null})).unwrap();
    assert_eq!(
        issued["spec"],
        json!({"audiences": ["https://hub"], "expirationSeconds": 3600, "boundObjectRef": null})
    );
    assert_eq!(
        issued["status"]["expirationTimestamp"],
        "2027-01-15T09:00:00Z"
    );
    assert_eq!(
        issued["metadata"],
        json!({"name": "robot", "namespace": "a", "uid": "u1", "creationTimestamp": "2027-01-15T08:00:00Z"})
    );
    let limited = tokens.at_most(700);
    let issued = limited
        .issue(
            "a",
            "robot",
            json!({"spec": {"expirationSeconds": 800}}),
            &objects,
            now(),
        )
        .unwrap();
    assert_eq!(
        issued.warnings,
        ["requested expiration of 800 seconds shortened to 700 seconds"]
    );
    assert_eq!(issued.object["spec"]["expirationSeconds"], 700);
}

#[test]
fn bad_requests_for_tokens_are_refused_in_the_real_servers_words() {
    let (tokens, objects) = hub();
    let bind = |kind: &str| json!({"spec": {"boundObjectRef": {"kind": kind, "apiVersion": "v1", "name": "x"}}});
    for (request, code, message) in [
        (
            json!({"spec": {"expirationSeconds": 5}}),
            422,
            r#"TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes"#,
        ),
        (
            json!({"metadata": {"name": "other"}, "spec": {}}),
            422,
            r#"TokenRequest.authentication.k8s.io "robot" is invalid: metadata.name: Invalid value: "other": must match the service account name if specified"#,
        ),
        (
            json!({"metadata": {"uid": "zz"}, "spec": {}}),
            409,
            r#"Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "robot": the UID in the token request (zz) does not match the UID of the service account (u1)"#,
        ),
        (
            bind("ConfigMap"),
            400,
            "cannot bind token to object of type /v1, Kind=ConfigMap",
        ),
        (bind("Secret"), 404, r#"secrets "x" not found"#),
    ] {
        let refused = tokens
            .issue("a", "robot", request, &objects, now())
            .unwrap_err();
        assert_eq!(
            (refused.code().as_u16(), refused.message()),
            (code, message)
        );
    }
    let refused = tokens
        .issue("a", "nope", json!({}), &objects, now())
        .unwrap_err();
    assert_eq!(refused.message(), r#"serviceaccounts "nope" not found"#);
}
