//! What Kubernetes' own kinds refuse of values that their schemas allow, in
//! the real server's words.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use api::Change;
use serde_json::{Value, json};

#[test]
fn a_container_is_checked_field_by_field() {
    let pod = pod(json!({
        "name": "C", "image": "", "imagePullPolicy": "Seldom", "terminationMessagePolicy": "File",
        "ports": [
            {"name": "a-b", "containerPort": 0, "protocol": "TCP"},
            {"name": "a-b", "containerPort": 70000, "protocol": "X"},
        ],
        "env": [{"name": ""}, {"name": "a=b"}],
        "volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "w", "mountPath": "/a"}],
        "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2", "x": "-1"}},
        "livenessProbe": {"periodSeconds": -1, "successThreshold": 2},
    }));
    assert_eq!(
        errors("pods", &pod, Change::Create),
        [
            r#"spec.containers[0].name: Invalid value: "C": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"#,
            "spec.containers[0].image: Required value",
            "spec.containers[0].ports[0].containerPort: Required value",
            r#"spec.containers[0].ports[1].name: Duplicate value: "a-b""#,
            "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            r#"spec.containers[0].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP""#,
            "spec.containers[0].env[0].name: Required value",
            r#"spec.containers[0].env[1].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='"#,
            r#"spec.containers[0].volumeMounts[1].name: Not found: "w""#,
            r#"spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique"#,
            r#"spec.containers[0].imagePullPolicy: Unsupported value: "Seldom": supported values: "Always", "IfNotPresent", "Never""#,
            r#"spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1"#,
            r#"spec.containers[0].resources.requests[x]: Invalid value: "x": must be a standard resource type or fully qualified"#,
            r#"spec.containers[0].resources.requests[x]: Invalid value: "x": must be a standard resource for containers"#,
            r#"spec.containers[0].resources.requests[x]: Invalid value: "-1": must be greater than or equal to 0"#,
            "spec.containers[0].livenessProbe: Required value: must specify a handler type",
            "spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ]
    );
}

#[test]
fn what_tolerates_a_taint_says_which() {
    let mut pod = pod(json!({
        "name": "c", "image": "i", "imagePullPolicy": "Never", "terminationMessagePolicy": "File",
    }));
    pod["spec"]["tolerations"] = json!([
        {"operator": "Exists"},
        {"value": "x"},
        {"key": "a", "operator": "Exists", "value": "x", "tolerationSeconds": 1},
        {"key": "a", "operator": "Near", "effect": "Never"},
    ]);
    assert_eq!(
        errors("pods", &pod, Change::Create),
        [
            r#"spec.tolerations[1].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys""#,
            r#"spec.tolerations[2].effect: Invalid value: "": effect must be 'NoExecute' when `tolerationSeconds` is set"#,
            r#"spec.tolerations[2].operator: Invalid value: "x": value must be empty when `operator` is 'Exists'"#,
            r#"spec.tolerations[3].operator: Unsupported value: "Near": supported values: "Equal", "Exists""#,
            r#"spec.tolerations[3].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute""#,
        ]
    );
}

#[test]
fn a_pods_containers_stay_as_many() {
    let container = json!({
        "name": "c", "image": "i", "imagePullPolicy": "Never", "terminationMessagePolicy": "File",
    });
    let old = pod(container.clone());
    let mut new = old.clone();
    new["spec"]["containers"] = json!([container, {
        "name": "d", "image": "i", "imagePullPolicy": "Never", "terminationMessagePolicy": "File",
    }]);
    let change = Change::Update {
        old: &old,
        subresource: None,
    };
    assert_eq!(
        errors("pods", &new, change),
        ["spec.containers: Forbidden: pod updates may not add or remove containers"]
    );
}

#[test]
fn a_service_is_checked_by_its_ports_and_type() {
    let service = json!({"spec": {
        "type": "NodePort", "clusterIP": "None", "sessionAffinity": "Strong",
        "selector": {"a": "-"},
        "ports": [
            {"name": "a", "port": 0, "protocol": "TCP", "targetPort": "80"},
            {"name": "a", "port": 0, "protocol": "TCP", "targetPort": 80, "appProtocol": "a b"},
        ],
    }});
    let told = errors("services", &service, Change::Create);
    let fields: Vec<_> = told.iter().filter_map(|of| of.split(": ").next()).collect();
    assert_eq!(
        fields,
        [
            "spec.clusterIPs[0]",
            "spec.ports[0].port",
            "spec.ports[0].targetPort",
            "spec.ports[1].name",
            "spec.ports[1].port",
            "spec.ports[1].appProtocol",
            "spec.selector",
            "spec.sessionAffinity",
            "spec.ports[1]",
        ]
    );
}

#[test]
fn a_deployment_rolls_at_least_one_pod_at_a_time() {
    let deployment = |strategy: Value| {
        json!({"spec": {
            "replicas": 1, "progressDeadlineSeconds": 5, "minReadySeconds": 5,
            "selector": {"matchLabels": {"a": "b"}},
            "strategy": strategy,
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": pod(json!({
                    "name": "c", "image": "i", "imagePullPolicy": "Never",
                    "terminationMessagePolicy": "File",
                }))["spec"],
            },
        }})
    };
    let late =
        "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds";
    for (strategy, wrong) in [
        (
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}),
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
        ),
        (
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "101%", "maxSurge": 0}}),
            r#"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%"#,
        ),
        (
            json!({"type": "Recreate", "rollingUpdate": {}}),
            "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
    ] {
        let told = errors("deployments", &deployment(strategy), Change::Create);
        assert_eq!(told, [wrong, late]);
    }
}

#[test]
fn an_endpoint_has_an_address_that_can_be_reached() {
    let endpoints = json!({"subsets": [
        {"addresses": [{"ip": "127.0.0.1"}, {"ip": "fe80::1"}], "ports": [{"port": 1, "protocol": "TCP"}]},
        {},
    ]});
    assert_eq!(
        errors("endpoints", &endpoints, Change::Create),
        [
            r#"subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)"#,
            r#"subsets[0].addresses[1].ip: Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)"#,
            "subsets[1]: Required value: must specify `addresses` or `notReadyAddresses`",
        ]
    );
    let change = Change::Update {
        old: &endpoints,
        subresource: None,
    };
    assert!(errors("endpoints", &endpoints, change).is_empty());
    let slice = json!({"addressType": "IPv4", "endpoints": [{"addresses": ["::2", "x"]}, {}]});
    assert_eq!(
        errors("endpointslices", &slice, Change::Create),
        [
            r#"endpoints[0].addresses: Invalid value: "::2": must be an IPv4 address"#,
            r#"endpoints[0].addresses[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"#,
            "endpoints[1].addresses: Required value: must contain at least 1 address",
        ]
    );
}

#[test]
fn a_node_keeps_what_it_was_given() {
    let old = json!({"spec": {"providerID": "a", "podCIDRs": ["10.0.0.0/24"]}});
    let new = json!({"spec": {"providerID": "b", "taints": [{"key": "a", "effect": "Never"}]}});
    let change = Change::Update {
        old: &old,
        subresource: None,
    };
    assert_eq!(
        errors("nodes", &new, change),
        [
            r#"spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid"#,
            r#"spec.providerID: Forbidden: node updates may not change providerID except from "" to valid"#,
            r#"metadata.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute""#,
        ]
    );
}

/// A pod of one container, with what is always filled in.
fn pod(container: Value) -> Value {
    json!({"spec": {
        "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
        "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [container],
    }})
}

fn errors(plural: &str, object: &Value, change: Change<'_>) -> Vec<String> {
    let mut resources = api::core().resources.iter();
    let resource = resources.find(|of| *of.names.plural == *plural).unwrap();
    let validate = resource.hooks.validate.unwrap();
    let errors = validate(object, change).into_iter();
    errors.map(|error| error.to_string()).collect()
}
