use http::Method;
use serde_json::Value;

use super::*;
use crate::RequestInfo;
use crate::authorization::Rbac;

const RBAC: &str = "rbac.authorization.k8s.io";

/// An authorizer by which alice may do what the rules say.
fn rbac(rules: Value) -> Rbac {
    let rbac = Rbac::default();
    let put = |resource: &str, object: Value| {
        let resource = api::GroupResource {
            group: RBAC.into(),
            resource: resource.into(),
        };
        rbac.put(&resource, &object);
    };
    put(
        "clusterroles",
        json!({"metadata": {"name": "r"}, "rules": rules}),
    );
    put(
        "clusterrolebindings",
        json!({
            "metadata": {"name": "b"},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "r"},
            "subjects": [{"kind": "User", "name": "alice"}],
        }),
    );
    rbac
}

fn ask(rbac: &Rbac, user: User, uri: &str, headers: &[(&str, &str)]) -> Result<User, String> {
    let request = RequestInfo::new(&Method::GET, &uri.parse().unwrap()).unwrap();
    let mut headers = head(headers).headers;
    let user = impersonate(rbac, user, &request, &mut headers);
    assert!(user.is_err() || headers.is_empty(), "the headers go on");
    user.map_err(|status| status.message().to_owned())
}

fn alice() -> User {
    User::new("alice", [])
}

fn root() -> User {
    User::new("root", [User::MASTERS.to_owned()])
}

#[test]
fn who_may_not_impersonate_is_told_so_in_the_real_servers_words() {
    let rbac = rbac(json!([]));
    for (uri, headers, message) in [
        (
            "/api/v1/namespaces/x/pods",
            vec![("impersonate-user", "bob")],
            r#"pods is forbidden: User "alice" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "x""#,
        ),
        (
            "/api",
            vec![("impersonate-user", "bob")],
            r#"forbidden: User "alice" cannot impersonate-on:user-info:get path "/api""#,
        ),
        (
            "/api/v1/pods",
            vec![("impersonate-user", "system:serviceaccount:a:b")],
            r#"pods is forbidden: User "alice" cannot impersonate-on:serviceaccount:list resource "pods" in API group "" at the cluster scope"#,
        ),
        (
            "/api/v1/pods",
            vec![
                ("impersonate-user", "system:serviceaccount:a:b"),
                ("impersonate-group", "g"),
            ],
            r#"serviceaccounts "b" is forbidden: User "alice" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "a""#,
        ),
        (
            "/api/v1/pods",
            vec![("impersonate-user", "system:node:n1")],
            r#"pods is forbidden: User "alice" cannot impersonate-on:arbitrary-node:list resource "pods" in API group "" at the cluster scope"#,
        ),
        (
            "/api/v1/pods",
            vec![
                ("impersonate-group", "g"),
                ("impersonate-uid", "u"),
                ("impersonate-extra-acme.com%2ffoo", "x"),
            ],
            r#"requested &user.DefaultInfo{Name:"", UID:"u", Groups:[]string{"g"}, Extra:map[string][]string{"acme.com/foo":[]string{"x"}}} without impersonating a user name"#,
        ),
    ] {
        assert_eq!(ask(&rbac, alice(), uri, &headers), Err(message.to_owned()));
    }
    assert_eq!(ask(&rbac, alice(), "/api", &[]), Ok(alice()));
}

#[test]
fn whoever_may_impersonate_goes_on_as_the_other() {
    let rbac = rbac(json!([]));
    let ask = |headers: &[(&str, &str)]| ask(&rbac, root(), "/api/v1/pods", headers).unwrap();
    let bob = ask(&[("impersonate-user", "bob")]);
    assert_eq!(
        (&*bob.name, &*bob.groups),
        ("bob", &["system:authenticated".to_owned()][..])
    );
    let robot = ask(&[("impersonate-user", "system:serviceaccount:a:b")]);
    assert_eq!(robot.groups, User::service_account("a", "b").groups);
    let master = ask(&[
        ("impersonate-user", "bob"),
        ("impersonate-group", "system:masters"),
    ]);
    assert_eq!(master.groups, ["system:masters", "system:authenticated"]);
    let nobody = ask(&[("impersonate-user", "system:anonymous")]);
    assert_eq!(nobody, User::anonymous());
    let all = ask(&[
        ("impersonate-user", "bob"),
        ("impersonate-uid", "u"),
        ("impersonate-group", "system:unauthenticated"),
        ("impersonate-extra-acme.com%2ffoo", "x"),
        ("impersonate-extra-acme.com%2ffoo", "y"),
        ("impersonate-extra-odd%zz", "z"),
    ]);
    assert_eq!(
        (&*all.uid, &*all.groups),
        ("u", &["system:unauthenticated".to_owned()][..])
    );
    assert_eq!(all.extra["acme.com/foo"], ["x", "y"]);
    assert_eq!(all.extra["odd%zz"], ["z"]);
}

#[test]
fn each_thing_that_is_named_takes_a_right() {
    let old = rbac(json!([
        {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users", "groups"], "resourceNames": ["bob", "dev"]},
        {"verbs": ["impersonate"], "apiGroups": ["authentication.k8s.io"], "resources": ["userextras/acme.com/foo"]},
    ]));
    let may =
        |rbac: &Rbac, headers: &[(&str, &str)]| ask(rbac, alice(), "/api/v1/pods", headers).is_ok();
    let bob = ("impersonate-user", "bob");
    assert!(may(&old, &[bob]));
    assert!(may(&old, &[bob, ("impersonate-group", "dev")]));
    assert!(may(&old, &[bob, ("impersonate-extra-acme.com%2ffoo", "x")]));
    assert!(!may(&old, &[bob, ("impersonate-group", "ops")]));
    assert!(!may(&old, &[bob, ("impersonate-uid", "u")]));
    assert!(!may(
        &old,
        &[bob, ("impersonate-extra-acme.com%2fbar", "x")]
    ));
    assert!(!may(&old, &[("impersonate-user", "carol")]));
    let only_lists = rbac(json!([
        {"verbs": ["impersonate-on:user-info:list"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["impersonate:user-info"], "apiGroups": ["authentication.k8s.io"], "resources": ["users", "groups"]},
    ]));
    assert!(may(&only_lists, &[bob]));
    assert!(!may(
        &only_lists,
        &[bob, ("impersonate-group", "system:masters")]
    ));
    assert!(ask(&only_lists, alice(), "/api/v1/namespaces/a/pods/p", &[bob]).is_err());
}
