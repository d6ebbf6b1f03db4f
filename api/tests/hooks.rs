//! What the built-in kinds' hooks make of objects, find wrong with them and
//! show of them.

use std::collections::BTreeMap;

use api::{Change, Elapsed, Request, Resource};
use serde_json::{Value, json};

#[test]
fn a_secrets_texts_are_kept_in_base64() {
    let secret = created(
        "secrets",
        json!({"data": {"a": "AA=="}, "stringData": {"a": "new", "b": "x"}}),
    );
    assert_eq!(
        secret,
        json!({"type": "Opaque", "data": {"a": "bmV3", "b": "eA=="}})
    );
}

#[test]
fn a_secret_has_what_its_type_needs() {
    let secret = json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "", "a b": ""}});
    assert_eq!(
        errors("secrets", &secret, Change::Create),
        [
            r#"data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"#,
            "data[tls.key]: Required value",
        ]
    );
}

#[test]
fn what_is_immutable_stays() {
    let old = json!({"immutable": true, "data": {"a": "1"}});
    let change = Change::Update {
        old: &old,
        subresource: None,
    };
    assert_eq!(
        errors("configmaps", &json!({"data": {"a": "2"}}), change),
        [
            "immutable: Forbidden: field is immutable when `immutable` is set",
            "data: Forbidden: field is immutable when `immutable` is set",
        ]
    );
    assert!(errors("configmaps", &old, change).is_empty());
}

#[test]
fn a_new_namespace_is_active_and_waits_for_its_content() {
    assert_eq!(
        created("namespaces", json!({"metadata": {"name": "n"}})),
        json!({
            "metadata": {"name": "n", "labels": {"kubernetes.io/metadata.name": "n"}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        })
    );
}

#[test]
fn a_role_of_a_namespace_says_nothing_of_urls() {
    let role = json!({"rules": [{"nonResourceURLs": ["/a"]}, {"verbs": ["get"]}]});
    assert_eq!(
        errors("roles", &role, Change::Create),
        [
            "rules[0].verbs: Required value: verbs must contain at least one value",
            r#"rules[0].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs"#,
            "rules[1].apiGroups: Required value: resource rules must supply at least one api group",
            "rules[1].resources: Required value: resource rules must supply at least one resource",
        ]
    );
}

#[test]
fn a_binding_stays_with_its_role() {
    let of = |name| {
        let role = json!({"kind": "ClusterRole", "name": name});
        let subjects = json!([{"kind": "User", "name": "u"}, {"kind": "Robot", "name": "r"}]);
        created(
            "clusterrolebindings",
            json!({"roleRef": role, "subjects": subjects}),
        )
    };
    let old = of("a");
    assert_eq!(
        errors(
            "clusterrolebindings",
            &of("b"),
            Change::Update {
                old: &old,
                subresource: None
            }
        ),
        [
            r#"subjects[1].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group""#,
            r#"roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"b"}: cannot change roleRef"#,
        ]
    );
}

#[test]
fn the_server_says_who_asks_for_a_certificate() {
    let asked = json!({"spec": {"username": "root", "extra": {"a": ["b"]}}, "status": {"certificate": "x"}});
    assert_eq!(
        created("certificatesigningrequests", asked),
        json!({"spec": {"username": "alice", "groups": ["team"]}, "status": {}})
    );
}

#[test]
fn only_an_approval_approves() {
    let approved = json!([{"type": "Approved", "status": "True"}]);
    let request = |conditions: &Value| {
        json!({
            "spec": {
                "request": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K",
                "usages": ["client auth"],
                "signerName": "kubernetes.io/kube-apiserver-client",
            },
            "status": {"conditions": conditions},
        })
    };
    let (old, new) = (request(&json!([])), request(&approved));
    let through = |subresource| Change::Update {
        old: &old,
        subresource: Some(subresource),
    };
    let kind = "certificatesigningrequests";
    assert!(errors(kind, &new, through("approval")).is_empty());
    assert_eq!(
        errors(kind, &new, through("status")),
        [r#"status.conditions: Forbidden: updates may not add a condition of type "Approved""#]
    );
    let mut stamped = new;
    run(kind, &mut stamped, through("approval"));
    let condition = &stamped["status"]["conditions"][0];
    assert_eq!(condition["lastUpdateTime"], NOW);
    assert_eq!(condition["lastTransitionTime"], NOW);
}

#[test]
fn a_pod_has_the_real_servers_defaults() {
    let pod = created(
        "pods",
        json!({"spec": {"containers": [{"name": "c", "image": "nginx", "resources": {"limits": {"cpu": "1"}}}]}}),
    );
    assert_eq!(
        pod,
        json!({
            "spec": {
                "containers": [{
                    "name": "c",
                    "image": "nginx",
                    "imagePullPolicy": "Always",
                    "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                }],
                "dnsPolicy": "ClusterFirst",
                "enableServiceLinks": true,
                "preemptionPolicy": "PreemptLowerPriority",
                "priority": 0,
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "serviceAccount": "default",
                "serviceAccountName": "default",
                "terminationGracePeriodSeconds": 30,
                "tolerations": [
                    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                ],
            },
            "status": {"phase": "Pending", "qosClass": "Burstable"},
        })
    );
    let mut other = pod.clone();
    other["spec"]["containers"][0]["image"] = "nginx:1".into();
    let change = Change::Update {
        old: &pod,
        subresource: None,
    };
    assert!(errors("pods", &other, change).is_empty());
    other["spec"]["nodeName"] = "n".into();
    assert_eq!(errors("pods", &other, change).len(), 1);
}

#[test]
fn a_jobs_pods_are_told_by_its_uid() {
    let job = created(
        "jobs",
        json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"template": {"spec": {}}}}),
    );
    let uid = "batch.kubernetes.io/controller-uid";
    assert_eq!(job["spec"]["selector"]["matchLabels"][uid], "u");
    let labels = &job["spec"]["template"]["metadata"]["labels"];
    assert_eq!(
        (&labels[uid], &labels["job-name"]),
        (&json!("u"), &json!("j"))
    );
}

/// Hooks run before anybody has looked at types.
#[test]
fn objects_of_any_shape_are_taken_without_a_panic() {
    let shapes = [
        json!(null),
        json!(1),
        json!("x"),
        json!([]),
        json!([1]),
        json!({}),
    ];
    for resource in &api::core().resources {
        let schema = &api::core().definitions[&resource.schema];
        for shape in &shapes {
            let whole: serde_json::Map<String, Value> = schema
                .properties
                .keys()
                .map(|name| (name.to_string(), shape.clone()))
                .collect();
            let nested = json!({
                "metadata": {"labels": shape, "annotations": shape},
                "spec": {"template": shape, "containers": [shape], "volumes": [shape], "ports": [shape], "strategy": shape, "selector": shape},
                "status": {"conditions": [shape], "capacity": shape},
                "rules": [shape], "subjects": [shape], "roleRef": shape, "subsets": [shape],
                "data": {"a": shape}, "stringData": {"a": shape},
            });
            for mut object in [Value::Object(whole), nested] {
                let old = object.clone();
                let plural = &resource.names.plural;
                run_on(resource, &mut object, Change::Create);
                let change = Change::Update {
                    old: &old,
                    subresource: None,
                };
                run_on(resource, &mut object, change);
                if let Some(validate) = resource.hooks.validate {
                    validate(&object, change);
                }
                if let Some(row) = resource.hooks.row {
                    let cells = row(&object, ELAPSED);
                    assert_eq!(cells.len(), resource.columns.len(), "{plural}");
                }
            }
        }
    }
}

#[test]
fn rows_are_what_kubectl_shows() {
    let pod = json!({
        "metadata": {"name": "p", "creationTimestamp": "t"},
        "spec": {"containers": [{"name": "a"}, {"name": "b"}], "nodeName": "n"},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": "10.0.0.1"}],
            "containerStatuses": [
                {"ready": true, "restartCount": 2, "state": {"running": {}},
                 "lastState": {"terminated": {"finishedAt": "end"}}},
                {"ready": false, "restartCount": 0, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            ],
        },
    });
    assert_eq!(
        row("pods", &pod),
        [
            "p",
            "1/2",
            "CrashLoopBackOff",
            "2 (end- ago)",
            "t-",
            "10.0.0.1",
            "n",
            "<none>",
            "<none>"
        ]
    );
    let node = json!({
        "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/worker": ""}, "creationTimestamp": "t"},
        "spec": {"unschedulable": true},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1", "kernelVersion": "6", "architecture": "amd64"},
        },
    });
    assert_eq!(
        row("nodes", &node),
        [
            "n",
            "Ready,SchedulingDisabled",
            "worker",
            "t-",
            "v1",
            "<none>",
            "<none>",
            "<unknown>",
            "6 (amd64)",
            "<unknown>"
        ]
    );
    let service = json!({
        "metadata": {"name": "s", "creationTimestamp": "t"},
        "spec": {"type": "LoadBalancer", "clusterIP": "1.2.3.4", "selector": {"a": "b"},
                 "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}]},
    });
    assert_eq!(
        row("services", &service),
        [
            "s",
            "LoadBalancer",
            "1.2.3.4",
            "<pending>",
            "80:30000/TCP",
            "t-",
            "a=b"
        ]
    );
    let event = json!({
        "metadata": {"name": "e"}, "type": "Normal", "reason": "r", "message": " m\n",
        "involvedObject": {"kind": "Pod", "name": "p"}, "lastTimestamp": "last",
        "source": {"component": "kubelet", "host": "h"},
    });
    assert_eq!(
        row("events", &event),
        [
            "last-",
            "Normal",
            "r",
            "pod/p",
            "",
            "kubelet, h",
            "m",
            "<unknown>",
            "1",
            "e"
        ]
    );
}

const NOW: &str = "2026-01-02T03:04:05Z";

fn resource(plural: &str) -> &'static Resource {
    let mut resources = api::core().resources.iter();
    resources
        .find(|resource| &*resource.names.plural == plural)
        .unwrap_or_else(|| panic!("{plural} is not served"))
}

fn created(plural: &str, mut object: Value) -> Value {
    run(plural, &mut object, Change::Create);
    object
}

fn run(plural: &str, object: &mut Value, change: Change<'_>) {
    run_on(resource(plural), object, change);
}

fn run_on(resource: &Resource, object: &mut Value, change: Change<'_>) {
    if let Some(default) = resource.hooks.default {
        default(object);
    }
    if let Some(prepare) = resource.hooks.prepare {
        prepare(object, change);
    }
    if let Some(stamp) = resource.hooks.stamp {
        let request = Request {
            user: "alice",
            uid: "",
            groups: &["team".to_owned()],
            extra: &BTreeMap::new(),
            now: NOW,
        };
        stamp(object, change, &request);
    }
}

fn errors(plural: &str, object: &Value, change: Change<'_>) -> Vec<String> {
    let validate = resource(plural).hooks.validate.expect("it has one");
    let errors = validate(object, change);
    errors.iter().map(ToString::to_string).collect()
}

fn row(plural: &str, object: &Value) -> Vec<String> {
    let row = resource(plural).hooks.row.expect("it has one");
    let cells = row(object, ELAPSED);
    let text = |cell: &Value| {
        cell.as_str()
            .map_or_else(|| cell.to_string(), str::to_owned)
    };
    cells.iter().map(text).collect()
}

const ELAPSED: Elapsed<'static> = Elapsed {
    between: &|from, to| format!("{from}-{to}"),
    seconds: &|seconds| format!("{seconds}s"),
};
