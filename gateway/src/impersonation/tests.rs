use super::*;

fn user(name: &str, groups: &[&str]) -> User {
    User::new(name, groups.iter().map(|&g| g.to_owned())).unwrap()
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn all<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect()
}

#[test]
fn a_caller_goes_on_as_himself_with_his_groups() {
    let mut sent = headers(&[("accept", "*/*")]);
    let zoe = user("Zoë", &["dev", "ops"]);
    assert_eq!(requested(&sent, &zoe).unwrap(), Identity::Own);
    set_own(&mut sent, &zoe);
    assert_eq!(all(&sent, "impersonate-user"), ["Zoë".as_bytes()]);
    assert_eq!(all(&sent, "impersonate-group"), [b"dev", b"ops"]);
}

#[test]
fn a_plain_users_impersonation_is_refused_in_kubernetes_words() {
    let alice = user("alice", &["dev"]);
    for (lines, message) in [
        (
            &[
                ("impersonate-user", "bob"),
                ("impersonate-group", "system:masters"),
            ][..],
            r#"users "bob" is forbidden: User "alice" cannot impersonate resource "users" in API group "" at the cluster scope"#,
        ),
        (
            &[("impersonate-user", "system:serviceaccount:kube-system:x")],
            r#"serviceaccounts "x" is forbidden: User "alice" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "kube-system""#,
        ),
        (
            &[("impersonate-group", "system:masters")],
            r#"groups "system:masters" is forbidden: User "alice" cannot impersonate resource "groups" in API group "" at the cluster scope"#,
        ),
    ] {
        let status = requested(&headers(lines), &alice).unwrap_err();
        assert_eq!((status.code().as_u16(), status.message()), (403, message));
    }
    for name in [
        "impersonate-uid",
        "impersonate-extra-scopes",
        "impersonate-anything",
    ] {
        let status = requested(&headers(&[(name, "x")]), &alice).unwrap_err();
        assert_eq!(status.code(), 403, "{name}");
    }
}

#[test]
fn a_master_acts_as_the_one_user_he_names() {
    let root = user("root", &["system:masters"]);
    let lines = headers(&[
        ("impersonate-user", "bob"),
        ("impersonate-group", "dev"),
        ("impersonate-uid", "7"),
        ("impersonate-extra-scopes%2fa", "view"),
    ]);
    assert_eq!(
        requested(&lines, &root).unwrap(),
        Identity::Assumed("bob".into())
    );
    for bad in [
        &[("impersonate-group", "dev")][..],
        &[("impersonate-user", "")],
        &[("impersonate-user", "bob"), ("impersonate-user", "eve")],
        &[("impersonate-user", "bob"), ("impersonate-unknown", "x")],
    ] {
        let status = requested(&headers(bad), &root).unwrap_err();
        assert_eq!(status.code(), 400, "{bad:?}");
    }
}

#[test]
fn nothing_that_stood_there_survives_the_own_identity() {
    let mut sent = headers(&[
        ("impersonate-group", "system:masters"),
        ("impersonate-uid", "0"),
    ]);
    set_own(&mut sent, &user("alice", &[]));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent["impersonate-user"], "alice");
}
