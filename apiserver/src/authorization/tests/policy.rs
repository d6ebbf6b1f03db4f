use super::*;

#[test]
fn the_policy_gives_what_the_real_server_gives() {
    let rbac = rbac(bootstrap_policy());
    let (alice, anonymous) = (user("alice"), User::anonymous());
    assert!(ask(&rbac, &alice, "get", "/apis/apps/v1").is_allowed());
    assert!(
        ask(
            &rbac,
            &alice,
            "create",
            "selfsubjectaccessreviews.authorization.k8s.io"
        )
        .is_allowed()
    );
    assert!(!ask(&rbac, &alice, "list", "namespaces").is_allowed());
    assert!(ask(&rbac, &anonymous, "get", "/readyz").is_allowed());
    assert!(!ask(&rbac, &anonymous, "get", "/apis").is_allowed());
}

#[test]
fn the_policys_bindings_refer_to_its_own_roles() {
    let policy = bootstrap_policy();
    let names = |kind: &'static str| policy.iter().filter(move |of| of["kind"] == kind);
    for binding in names("ClusterRoleBinding") {
        let role = &binding["roleRef"]["name"];
        assert!(
            names("ClusterRole").any(|of| of["metadata"]["name"] == *role),
            "{role}"
        );
    }
    let admin = names("ClusterRole")
        .find(|of| of["metadata"]["name"] == "view")
        .unwrap();
    assert!(aggregated_rules(admin, &policy).unwrap().len() > 5);
}

#[test]
fn what_people_add_stays_and_what_is_missing_comes_back() {
    let wanted = bootstrap_policy()
        .into_iter()
        .find(|of| of["metadata"]["name"] == "system:discovery" && of["kind"] == "ClusterRole")
        .unwrap();
    assert_eq!(reconcile(None, &wanted), Reconciled::Create(wanted.clone()));
    assert_eq!(reconcile(Some(&wanted), &wanted), Reconciled::Done);
    let mut kept = wanted.clone();
    kept["rules"] = json!([{"verbs": ["get"], "nonResourceURLs": ["/mine"]}]);
    kept["metadata"]["labels"] = json!({"kubernetes.io/bootstrapping": "changed", "mine": "yes"});
    let Reconciled::Update(updated) = reconcile(Some(&kept), &wanted) else {
        panic!("nothing to update");
    };
    assert_eq!(updated["metadata"]["labels"], kept["metadata"]["labels"]);
    let rbac = rbac([
        updated.clone(),
        binding(
            "",
            "b",
            "ClusterRole/system:discovery",
            json!([{"kind": "User", "name": "u"}]),
        ),
    ]);
    assert!(ask(&rbac, &user("u"), "get", "/mine").is_allowed());
    assert!(ask(&rbac, &user("u"), "get", "/api").is_allowed());
    assert_eq!(reconcile(Some(&updated), &wanted), Reconciled::Done);
    kept["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = "false".into();
    assert_eq!(reconcile(Some(&kept), &wanted), Reconciled::Done);
}

#[test]
fn a_binding_to_another_role_is_made_anew() {
    let wanted = binding(
        "",
        "b",
        "ClusterRole/r",
        json!([{"kind": "User", "name": "u"}]),
    );
    let other = binding("", "b", "ClusterRole/other", json!([]));
    assert_eq!(
        reconcile(Some(&other), &wanted),
        Reconciled::Recreate(wanted.clone())
    );
    let without = binding("", "b", "ClusterRole/r", Value::Null);
    let Reconciled::Update(updated) = reconcile(Some(&without), &wanted) else {
        panic!("nothing to update");
    };
    assert_eq!(updated["subjects"], wanted["subjects"]);
}
