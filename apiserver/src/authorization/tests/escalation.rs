use super::*;

fn pods(verbs: &[&str]) -> Value {
    json!([{"verbs": verbs, "apiGroups": [""], "resources": ["pods"]}])
}

fn write(
    user: &User,
    resource: &str,
    namespace: &str,
    check: impl FnOnce(&Attributes<'_>) -> Result<(), Status>,
) -> Result<(), String> {
    let on = ResourceAttributes {
        group: rbac::GROUP,
        namespace,
        resource,
        ..ResourceAttributes::default()
    };
    check(&Attributes {
        user,
        verb: "create",
        on: Object::Resource(on),
    })
    .map_err(|status| status.message().to_owned())
}

/// alice may get and list pods of namespace a, and bind the role `bindable`.
fn held() -> Rbac {
    rbac([
        role("a", "mine", pods(&["get", "list"])),
        binding(
            "a",
            "mine",
            "Role/mine",
            json!([{"kind": "User", "name": "alice"}]),
        ),
        role(
            "",
            "strong",
            json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]),
        ),
        role(
            "",
            "binder",
            json!([{"verbs": ["bind"], "apiGroups": [rbac::GROUP], "resources": ["clusterroles"], "resourceNames": ["strong"]}]),
        ),
        binding(
            "",
            "binder",
            "ClusterRole/binder",
            json!([{"kind": "User", "name": "bob"}]),
        ),
    ])
}

#[test]
fn a_role_may_give_only_what_its_writer_has() {
    let (rbac, alice) = (held(), user("alice"));
    let check = |role: &Value| write(&alice, "roles", "a", |on| check_role(&rbac, on, role, None));
    assert_eq!(check(&role("a", "new", pods(&["list"]))), Ok(()));
    let mut more = pods(&["delete", "get", "create"]);
    let other = json!([{"verbs": ["get"], "nonResourceURLs": ["/x"]}, {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["a"], "resourceNames": ["n"]}]);
    more.as_array_mut()
        .unwrap()
        .extend(other.as_array().unwrap().clone());
    let refused = concat!(
        r#"roles.rbac.authorization.k8s.io "new" is forbidden: user "alice" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:"#,
        "\n",
        r#"{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}"#,
        "\n",
        r#"{APIGroups:["apps"], Resources:["a"], ResourceNames:["n"], Verbs:["get"]}"#,
        "\n",
        r#"{NonResourceURLs:["/x"], Verbs:["get"]}"#,
    );
    assert_eq!(check(&role("a", "new", more)), Err(refused.to_owned()));
}

#[test]
fn a_role_of_more_permissions_than_can_be_compared_is_refused_unless_one_rule_covers_it() {
    let names = |what: &str| (0..100).map(|at| format!("{what}{at}")).collect::<Vec<_>>();
    let rules = json!([{"verbs": names("v"), "apiGroups": names("g"), "resources": names("r")}]);
    let wide = role("", "wide", rules);
    let check = |rbac: &Rbac| {
        write(&user("alice"), "clusterroles", "", |on| {
            check_role(rbac, on, &wide, None)
        })
    };
    let refused = check(&held()).unwrap_err();
    assert!(refused.contains("more than 20000 permissions"), "{refused}");
    let all = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let to_alice = json!([{"kind": "User", "name": "alice"}]);
    let strong = rbac([
        role("", "all", all),
        binding("", "all", "ClusterRole/all", to_alice),
    ]);
    assert_eq!(check(&strong), Ok(()));
}

#[test]
fn a_role_that_gathers_takes_everything() {
    let rbac = held();
    let mut gathering = role("", "g", json!([]));
    gathering["aggregationRule"] = json!({"clusterRoleSelectors": [{}]});
    let refused = write(&user("alice"), "clusterroles", "", |on| {
        check_role(&rbac, on, &gathering, None)
    });
    let text = r#"clusterroles.rbac.authorization.k8s.io "g" is forbidden: must have cluster-admin privileges to use the aggregationRule"#;
    assert_eq!(refused, Err(text.to_owned()));
}

#[test]
fn a_binding_may_give_only_what_its_writer_has_or_may_bind() {
    let rbac = held();
    let check = |name: &str, namespace: &str, of: &str| {
        let binding = binding(namespace, "n", of, json!([]));
        let resource = if namespace.is_empty() {
            "clusterrolebindings"
        } else {
            "rolebindings"
        };
        write(&user(name), resource, namespace, |on| {
            check_binding(&rbac, on, &binding, None)
        })
    };
    assert_eq!(check("alice", "a", "Role/mine"), Ok(()));
    assert_eq!(check("bob", "", "ClusterRole/strong"), Ok(()));
    assert!(
        check("bob", "a", "Role/mine")
            .unwrap_err()
            .contains("not currently held:\n")
    );
    let refused = check("alice", "a", "ClusterRole/strong").unwrap_err();
    assert!(
        refused.ends_with("\n{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}"),
        "{refused}"
    );
    let lost = r#"rolebindings.rbac.authorization.k8s.io "lost" not found"#;
    assert_eq!(
        check("alice", "a", "ClusterRole/lost"),
        Err(lost.to_owned())
    );
}

#[test]
fn the_garbage_collector_may_touch_what_it_does_not_hold() {
    let rbac = held();
    let old = role("a", "strong", pods(&["*"]));
    let mut new = old.clone();
    new["metadata"]["finalizers"] = json!(["x"]);
    let check = |new: &Value| {
        write(&user("gc"), "roles", "a", |on| {
            check_role(&rbac, on, new, Some(&old))
        })
    };
    assert_eq!(check(&new), Ok(()));
    new["metadata"]["labels"] = json!({"a": "b"});
    assert!(check(&new).is_err());
}
