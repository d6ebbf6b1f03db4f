//! Roles, bindings and questions, made from a seed.

use apiserver::User;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::RBAC;

/// The namespaces that objects are in.
pub(crate) const NAMESPACES: [&str; 2] = ["left", "right"];

/// Who may do something once all objects are heeded.
pub(crate) const LAST: &str = "the-last";

const VERBS: [&str; 6] = ["get", "list", "create", "delete", "*", "impersonate"];
const GROUPS: [&str; 4] = ["", "apps", RBAC, "*"];
const RESOURCES: [&str; 8] = [
    "pods",
    "pods/log",
    "deployments",
    "deployments/scale",
    "*/scale",
    "*",
    "roles",
    "secrets",
];
const NAMES: [&str; 2] = ["one", "two"];
const PATHS: [&str; 6] = ["/healthz", "/healthz/*", "/x", "/x/*", "/x*", "*"];
const ROLES: usize = 24;

/// Makes what a seed says.
pub(crate) struct Generator(pub(crate) StdRng);

impl Generator {
    /// One for the seed `ADIT_SEED`, or a fixed one.
    pub(crate) fn seeded() -> Self {
        let seed = std::env::var("ADIT_SEED").ok();
        let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(7);
        eprintln!("authorization: ADIT_SEED={seed}");
        Self(StdRng::seed_from_u64(seed))
    }

    /// All roles and bindings, the last of which tell that all are heeded.
    pub(crate) fn objects(&mut self) -> Vec<Value> {
        let mut objects = vec![
            // So that whoever writes is refused for what he gives alone.
            role(
                "",
                "writer",
                json!([{"verbs": ["create"], "apiGroups": [RBAC], "resources": ["*"]}]),
            ),
            binding(
                "",
                "writer",
                "ClusterRole",
                "writer",
                json!([{"kind": "Group", "name": "writers"}]),
            ),
            role(
                "",
                "free",
                json!([{"verbs": ["escalate", "bind"], "apiGroups": [RBAC], "resources": ["*"]}]),
            ),
            binding(
                "left",
                "free",
                "ClusterRole",
                "free",
                json!([{"kind": "User", "name": "u5"}]),
            ),
        ];
        for scope in ["", NAMESPACES[0], NAMESPACES[1]] {
            for index in 0..ROLES {
                objects.push(role(scope, &format!("r{index}"), self.rules(scope)));
            }
            for index in 0..ROLES {
                objects.push(self.binding(scope, &format!("b{index}")));
            }
        }
        for scope in [NAMESPACES[0], NAMESPACES[1], ""] {
            let kind = if scope.is_empty() {
                "ClusterRole"
            } else {
                "Role"
            };
            let rules = json!([{"verbs": ["last"], "apiGroups": ["last"], "resources": ["last"]}]);
            objects.push(role(scope, LAST, rules));
            let subjects = json!([{"kind": "User", "name": LAST}]);
            objects.push(binding(scope, LAST, kind, LAST, subjects));
        }
        objects
    }

    /// A role or binding that somebody may want to write.
    pub(crate) fn new_object(&mut self) -> Value {
        let scope = self.scope();
        if self.0.random_bool(0.5) {
            role(scope, "new", self.rules(scope))
        } else {
            self.binding(scope, "new")
        }
    }

    /// Somebody who may write roles and bindings.
    pub(crate) fn writer(&mut self) -> User {
        let (name, mut groups) = self.user();
        groups.push("writers".to_owned());
        User::new(name, groups)
    }

    /// A question whether somebody may do something.
    pub(crate) fn review(&mut self) -> Value {
        let (name, groups) = self.user();
        let mut spec = json!({"user": name, "groups": groups});
        let verb = self.one(&["get", "list", "create", "delete", "patch", "*"]);
        if self.0.random_bool(0.2) {
            let path = self.one(&["/healthz", "/healthz/a", "/x", "/x/", "/xy", "/y"]);
            spec["nonResourceAttributes"] = json!({"verb": verb, "path": path});
        } else {
            let resource = self.one(&[
                "pods",
                "deployments",
                "secrets",
                "roles",
                "nodes",
                "*",
                "pods/log",
            ]);
            spec["resourceAttributes"] = json!({
                "verb": verb,
                "group": self.one(&["", "apps", RBAC, "batch"]),
                "resource": resource,
                "subresource": self.one(&["", "", "log", "scale", "*"]),
                "namespace": self.one(&["", "left", "right", "elsewhere"]),
                "name": self.one(&["", "one", "two", "three"]),
            });
        }
        json!({"spec": spec})
    }

    fn user(&mut self) -> (String, Vec<String>) {
        let mut groups: Vec<String> = Vec::new();
        for index in 0..4 {
            if self.0.random_bool(0.2) {
                groups.push(format!("g{index}"));
            }
        }
        let name = if self.0.random_bool(0.3) {
            let namespace = self.one(&NAMESPACES);
            format!(
                "system:serviceaccount:{namespace}:s{}",
                self.0.random_range(0..2)
            )
        } else {
            format!("u{}", self.0.random_range(0..6))
        };
        (name, groups)
    }

    fn rules(&mut self, scope: &str) -> Value {
        let count = self.0.random_range(1..4);
        let rules = (0..count).map(|_| {
            let verbs = self.some(&VERBS);
            if scope.is_empty() && self.0.random_bool(0.25) {
                return json!({"verbs": verbs, "nonResourceURLs": self.some(&PATHS)});
            }
            let mut rule = json!({"verbs": verbs, "apiGroups": self.some(&GROUPS), "resources": self.some(&RESOURCES)});
            if self.0.random_bool(0.3) {
                rule["resourceNames"] = self.some(&NAMES).into();
            }
            rule
        });
        rules.collect()
    }

    fn binding(&mut self, scope: &str, name: &str) -> Value {
        let kind = if scope.is_empty() || self.0.random_bool(0.4) {
            "ClusterRole"
        } else {
            "Role"
        };
        let count = self.0.random_range(0..3);
        let subjects = (0..count).map(|_| match self.0.random_range(0..3) {
            0 => json!({"kind": "User", "name": format!("u{}", self.0.random_range(0..6))}),
            1 => json!({"kind": "Group", "name": format!("g{}", self.0.random_range(0..4))}),
            _ => {
                let name = format!("s{}", self.0.random_range(0..2));
                json!({"kind": "ServiceAccount", "name": name, "namespace": self.one(&NAMESPACES)})
            }
        });
        let subjects: Value = subjects.collect();
        // Some refer to roles that are not there.
        let role = format!("r{}", self.0.random_range(0..ROLES + 3));
        binding(scope, name, kind, &role, subjects)
    }

    /// Yes, so often of all times.
    pub(crate) fn chance(&mut self, of: f64) -> bool {
        self.0.random_bool(of)
    }

    fn scope(&mut self) -> &'static str {
        self.one(&["", NAMESPACES[0], NAMESPACES[1]])
    }

    /// One of several.
    pub(crate) fn one(&mut self, of: &[&'static str]) -> &'static str {
        of.choose(&mut self.0).copied().unwrap_or_default()
    }

    fn some(&mut self, of: &[&'static str]) -> Vec<&'static str> {
        let count = self.0.random_range(1..3);
        let chosen = of.choose_multiple(&mut self.0, count);
        chosen.copied().collect()
    }
}

/// The object's kind.
pub(crate) fn kind_of(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

fn role(namespace: &str, name: &str, rules: Value) -> Value {
    let mut role = json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules});
    if !namespace.is_empty() {
        role["kind"] = "Role".into();
        role["metadata"]["namespace"] = namespace.into();
    }
    versioned(role)
}

fn binding(namespace: &str, name: &str, kind: &str, role: &str, mut subjects: Value) -> Value {
    for subject in subjects.as_array_mut().into_iter().flatten() {
        if subject["kind"] != "ServiceAccount" {
            subject["apiGroup"] = RBAC.into();
        }
    }
    let role = json!({"apiGroup": RBAC, "kind": kind, "name": role});
    let mut binding = json!({
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": role,
        "subjects": subjects,
    });
    if !namespace.is_empty() {
        binding["kind"] = "RoleBinding".into();
        binding["metadata"]["namespace"] = namespace.into();
    }
    versioned(binding)
}

fn versioned(mut object: Value) -> Value {
    object["apiVersion"] = format!("{RBAC}/v1").into();
    object
}
