use serde_json::{Value, json};

use super::*;

mod escalation;
mod policy;

/// An authorizer that knows those objects.
fn rbac(objects: impl IntoIterator<Item = Value>) -> Rbac {
    let rbac = Rbac::default();
    for object in objects {
        rbac.put(&resource(&object), &object);
    }
    rbac
}

fn resource(object: &Value) -> api::GroupResource {
    let kind = object["kind"].as_str().unwrap();
    api::GroupResource {
        group: rbac::GROUP.into(),
        resource: format!("{}s", kind.to_lowercase()).into(),
    }
}

fn role(namespace: &str, name: &str, rules: Value) -> Value {
    let kind = if namespace.is_empty() {
        "ClusterRole"
    } else {
        "Role"
    };
    json!({"kind": kind, "metadata": {"name": name, "namespace": namespace}, "rules": rules})
}

fn binding(namespace: &str, name: &str, role: &str, subjects: Value) -> Value {
    let (of, role) = role.split_once('/').unwrap();
    let kind = if namespace.is_empty() {
        "ClusterRoleBinding"
    } else {
        "RoleBinding"
    };
    json!({
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": rbac::GROUP, "kind": of, "name": role},
        "subjects": subjects,
    })
}

fn user(name: &str) -> User {
    User::new(name, ["dev".to_owned()])
}

/// `get pods/log.apps x/name` and the like; a path for what is no resource.
fn ask(rbac: &Rbac, user: &User, verb: &str, on: &str) -> Decision {
    let on = if on.starts_with('/') {
        Object::Path(on)
    } else {
        let (of, object) = on.split_once(' ').unwrap_or((on, ""));
        let (resource, group) = of.split_once('.').unwrap_or((of, ""));
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let (namespace, name) = object.split_once('/').unwrap_or(("", object));
        Object::Resource(ResourceAttributes {
            group,
            namespace,
            resource,
            subresource,
            name,
        })
    };
    rbac.authorize(&Attributes { user, verb, on })
}

#[test]
fn rules_allow_what_they_name_and_nothing_else() {
    let rbac = rbac([
        role(
            "",
            "r",
            json!([
                {"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "pods/log", "*/scale"]},
                {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"], "resourceNames": ["one"]},
                {"verbs": ["get"], "nonResourceURLs": ["/healthz/*", "/version"]},
                {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": null},
                {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"], "resourceNames": [7]},
            ]),
        ),
        binding(
            "",
            "b",
            "ClusterRole/r",
            json!([{"kind": "Group", "name": "dev"}]),
        ),
    ]);
    let user = user("alice");
    for (verb, on, allowed) in [
        ("get", "pods", true),
        ("list", "pods", false),
        ("get", "pods a/p", true),
        ("get", "pods.apps", false),
        ("get", "pods/log a/p", true),
        ("get", "pods/exec a/p", false),
        ("get", "anything/scale a/p", true),
        ("get", "scale", false),
        ("delete", "deployments.apps a/one", true),
        ("delete", "deployments/status.apps a/one", true),
        ("delete", "deployments.apps a/two", false),
        ("list", "deployments.apps a", false),
        ("get", "/healthz/ready", true),
        ("get", "/healthz", false),
        ("post", "/version", false),
        ("get", "/version", true),
        ("get", "/version/x", false),
        ("get", "secrets a/s", true),
        ("get", "nodes n", false),
    ] {
        assert_eq!(
            ask(&rbac, &user, verb, on).is_allowed(),
            allowed,
            "{verb} {on}"
        );
    }
}

#[test]
fn a_binding_holds_for_its_subjects_in_its_namespace() {
    let all = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let rbac = rbac([
        role("a", "r", all.clone()),
        role("", "c", all),
        binding(
            "a",
            "b",
            "Role/r",
            json!([{"kind": "ServiceAccount", "name": "robot"}]),
        ),
        binding(
            "b",
            "c",
            "ClusterRole/c",
            json!([{"kind": "ServiceAccount", "name": "robot", "namespace": "a"}, {"kind": "User", "name": "bob"}]),
        ),
    ]);
    let robot = user("system:serviceaccount:a:robot");
    for (user, namespace, reason) in [
        (
            &robot,
            "a",
            r#"RBAC: allowed by RoleBinding "b/a" of Role "r" to ServiceAccount "robot/a""#,
        ),
        (
            &robot,
            "b",
            r#"RBAC: allowed by RoleBinding "c/b" of ClusterRole "c" to ServiceAccount "robot/a""#,
        ),
        (
            &user("bob"),
            "b",
            r#"RBAC: allowed by RoleBinding "c/b" of ClusterRole "c" to User "bob""#,
        ),
    ] {
        let decision = ask(&rbac, user, "get", &format!("pods {namespace}/p"));
        assert_eq!(
            decision,
            Decision::Allow {
                reason: reason.into()
            }
        );
    }
    for (user, on) in [
        (&robot, "pods"),
        (&robot, "pods c/p"),
        (&user("bob"), "pods a/p"),
    ] {
        assert!(
            !ask(&rbac, user, "get", on).is_allowed(),
            "{} {on}",
            user.name
        );
    }
}

#[test]
fn a_change_is_heeded_by_the_next_decision() {
    let rules = |verb: &str| json!([{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]}]);
    let bind = |name: &str| {
        binding(
            "",
            "b",
            "ClusterRole/r",
            json!([{"kind": "User", "name": name}]),
        )
    };
    let rbac = rbac([role("", "r", rules("get")), bind("alice")]);
    let (alice, bob) = (user("alice"), user("bob"));
    let put = |object: &Value| rbac.put(&resource(object), object);
    assert!(ask(&rbac, &alice, "get", "pods").is_allowed());
    put(&role("", "r", rules("list")));
    assert!(!ask(&rbac, &alice, "get", "pods").is_allowed());
    assert!(ask(&rbac, &alice, "list", "pods").is_allowed());
    put(&bind("bob"));
    assert!(!ask(&rbac, &alice, "list", "pods").is_allowed());
    assert!(ask(&rbac, &bob, "list", "pods").is_allowed());
    rbac.remove(&resource(&role("", "r", json!([]))), "", "r");
    let lost = ask(&rbac, &bob, "list", "pods");
    let reason = r#"RBAC: clusterrole.rbac.authorization.k8s.io "r" not found"#;
    assert_eq!(
        lost,
        Decision::NoOpinion {
            reason: reason.into()
        }
    );
    rbac.remove(&resource(&bind("bob")), "", "b");
    assert_eq!(ask(&rbac, &bob, "list", "pods").reason(), "");
}

#[test]
fn masters_may_do_everything() {
    let root = User::new("root", [User::MASTERS.to_owned()]);
    assert!(ask(&Rbac::default(), &root, "delete", "nodes").is_allowed());
    assert!(ask(&Rbac::default(), &root, "get", "/metrics").is_allowed());
}

#[test]
fn a_refusal_has_the_real_servers_words() {
    let user = user("<al\"ice>");
    let request = |uri: &str| RequestInfo::new(&http::Method::GET, &uri.parse().unwrap()).unwrap();
    for (uri, reason, message) in [
        (
            "/api/v1/namespaces/x/pods",
            "",
            r#"pods is forbidden: User "&lt;al\"ice&gt;" cannot list resource "pods" in API group "" in the namespace "x""#,
        ),
        (
            "/apis/apps/v1/deployments/d/scale",
            "why",
            r#"deployments.apps "d" is forbidden: User "&lt;al\"ice&gt;" cannot get resource "deployments/scale" in API group "apps" at the cluster scope: why"#,
        ),
        (
            "/metrics",
            "",
            r#"forbidden: User "&lt;al\"ice&gt;" cannot get path "/metrics""#,
        ),
    ] {
        let request = request(uri);
        let status = Attributes::new(&user, &request).forbidden(reason);
        assert_eq!(status.message(), message);
        assert_eq!(status.code(), 403);
    }
}

#[test]
fn a_gathering_role_has_the_rules_of_those_it_selects() {
    let rule = |verb: &str| json!([{"verbs": [verb]}]);
    let labelled = |name: &str, verb: &str, label: &str| {
        let mut role = role("", name, rule(verb));
        role["metadata"]["labels"] = json!({"to": label});
        role
    };
    let others = [
        labelled("b", "two", "x"),
        labelled("a", "one", "x"),
        labelled("c", "one", "y"),
        labelled("d", "three", "z"),
    ];
    let mut gathering = labelled("g", "own", "x");
    gathering["aggregationRule"] = json!({"clusterRoleSelectors": [
        {"matchLabels": {"to": "x"}},
        {"matchExpressions": [{"key": "to", "operator": "In", "values": ["y", "x"]}]},
    ]});
    let all: Vec<&Value> = others.iter().chain([&gathering]).collect();
    let rules = aggregated_rules(&gathering, all).unwrap();
    let verbs: Vec<&str> = rules.iter().map(|rule| &*rule.verbs[0]).collect();
    assert_eq!(verbs, ["one", "two"]);
    assert_eq!(aggregated_rules(&others[0], &others), None);
}
