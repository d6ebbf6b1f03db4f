use serde_json::{Value, json};

use super::{DEPLOYMENTS, deployment, with};
use crate::request::{Request, delete, get, merge, post, put};

pub(super) fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    all.extend(secrets());
    all.extend(services());
    all.extend(pods());
    all.extend(workloads());
    all.extend(events());
    all.extend(rights());
    all.extend(namespaces());
    all.extend(rest());
    all
}

/// Each as if it were made.
fn tried(path: &str, objects: Vec<Value>) -> Vec<Request> {
    let objects = objects.iter();
    objects
        .map(|object| post(format!("{path}?dryRun=All"), object))
        .collect()
}

fn secrets() -> Vec<Request> {
    let secret = |patch: Value| with(json!({"metadata": {"name": "s"}}), &patch);
    let mut all = tried(
        "/api/v1/namespaces/<ns>/secrets",
        vec![
            secret(json!({})),
            secret(json!({"stringData": {"a": "b"}, "data": {"a": "Yg==", "c": "ZA=="}})),
            secret(json!({"data": {"a": "!"}})),
            secret(json!({"data": {"a": "YQ"}})),
            secret(json!({"data": {"a b": "YQ=="}})),
            secret(json!({"type": "kubernetes.io/tls"})),
            secret(json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}})),
            secret(json!({"type": "kubernetes.io/basic-auth"})),
            secret(json!({"type": "kubernetes.io/ssh-auth"})),
            secret(json!({"type": "kubernetes.io/dockercfg", "data": {".dockercfg": "YQ=="}})),
            secret(json!({"type": "kubernetes.io/dockerconfigjson"})),
            secret(
                json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{}"}}),
            ),
            secret(json!({"type": "kubernetes.io/service-account-token"})),
            secret(json!({"type": "bootstrap.kubernetes.io/token"})),
            secret(json!({"type": "my/own", "immutable": true})),
        ],
    );
    let s = "/api/v1/namespaces/<ns>/secrets/t";
    all.extend([
        post(
            "/api/v1/namespaces/<ns>/secrets",
            &json!({"metadata": {"name": "t"}, "type": "a", "stringData": {"x": "1"}}),
        ),
        put(s, &json!({"metadata": {"name": "t"}, "type": "b"})),
        put(s, &json!({"metadata": {"name": "t"}})),
        merge(s, &json!({"stringData": {"x": "2"}})),
        merge(s, &json!({"data": {"x": null}})),
        merge(s, &json!({"immutable": true})),
        merge(s, &json!({"data": {"y": "YQ=="}})),
        merge(s, &json!({"metadata": {"labels": {"a": "b"}}})),
        get("/api/v1/namespaces/<ns>/secrets?fieldSelector=type=a"),
    ]);
    all
}

fn services() -> Vec<Request> {
    let service = |spec: Value| json!({"metadata": {"name": "s"}, "spec": with(json!({"clusterIP": "None", "ports": [{"port": 80}]}), &spec)});
    let mut all = tried(
        "/api/v1/namespaces/<ns>/services",
        vec![
            service(json!({})),
            service(json!({"selector": {"a": "b"}, "publishNotReadyAddresses": true})),
            service(json!({"ports": []})),
            service(json!({"ports": [{"port": 0}]})),
            service(json!({"ports": [{"port": 70000}]})),
            service(json!({"ports": [{"port": 80}, {"port": 81}]})),
            service(json!({"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]})),
            service(json!({"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]})),
            service(json!({"ports": [{"port": 80, "name": "A"}]})),
            service(json!({"ports": [{"port": 80, "protocol": "X"}]})),
            service(json!({"ports": [{"port": 80, "targetPort": "http"}]})),
            service(json!({"ports": [{"port": 80, "targetPort": "-"}]})),
            service(json!({"ports": [{"port": 80, "targetPort": 0}]})),
            service(json!({"sessionAffinity": "ClientIP"})),
            service(json!({"sessionAffinity": "X"})),
            service(json!({"type": "X"})),
            service(json!({"type": "ExternalName", "clusterIP": null})),
            service(json!({"type": "ExternalName", "clusterIP": null, "externalName": "a.b"})),
            service(json!({"externalIPs": ["1.2.3.4"]})),
            service(json!({"clusterIP": null})),
            json!({"metadata": {"name": "1s"}, "spec": {"clusterIP": "None"}}),
            json!({"metadata": {"name": "s"}}),
        ],
    );
    let s = "/api/v1/namespaces/<ns>/services/u";
    all.extend([
        put(s, &json!({"metadata": {"name": "u"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})),
        put(s, &json!({"metadata": {"name": "u"}, "spec": {"ports": [{"port": 81}]}})),
        merge(format!("{s}?dryRun=All"), &json!({"spec": {"selector": {"a": "b"}}})),
        merge(format!("{s}/status").as_str(), &json!({"status": {"conditions": [{"type": "A", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z"}]}})),
        merge(format!("{s}?dryRun=All"), &json!({"spec": {"clusterIP": "10.96.0.9"}})),
        get(s),
    ]);
    all
}

fn pods() -> Vec<Request> {
    let pod = |spec: Value| json!({"metadata": {"name": "p"}, "spec": with(json!({"containers": [{"name": "c", "image": "i"}]}), &spec)});
    let container = |patch: Value| {
        pod(json!({"containers": [with(json!({"name": "c", "image": "i"}), &patch)]}))
    };
    let mut all = tried(
        "/api/v1/namespaces/<ns>/pods",
        vec![
            pod(json!({})),
            pod(json!({"containers": []})),
            pod(json!({"containers": [{"name": "c", "image": "i"}, {"name": "c", "image": "i"}]})),
            pod(
                json!({"restartPolicy": "Never", "dnsPolicy": "Default", "terminationGracePeriodSeconds": 0}),
            ),
            pod(json!({"restartPolicy": "X"})),
            pod(json!({"volumes": [{"name": "v"}]})),
            pod(
                json!({"volumes": [{"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "configMap": {"name": "m"}}, {"name": "x", "hostPath": {"path": "/x"}}]}),
            ),
            pod(
                json!({"volumes": [{"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}, {"name": "d", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}}]}),
            ),
            pod(json!({"tolerations": [{"key": "a"}]})),
            pod(json!({"hostNetwork": true})),
            pod(json!({"securityContext": {"runAsUser": 0}})),
            pod(json!({"serviceAccountName": "nobody"})),
            pod(json!({"nodeName": "n"})),
            pod(json!({"nothing": 1})),
            pod(json!({"priorityClassName": "nothing"})),
            pod(
                json!({"activeDeadlineSeconds": 10, "initContainers": [{"name": "init", "image": "i:latest"}]}),
            ),
            container(json!({"image": "i:1", "imagePullPolicy": "Never"})),
            container(json!({"image": "i@sha256:00"})),
            container(json!({"image": null})),
            container(json!({"name": "C"})),
            container(
                json!({"ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP", "name": "u"}]}),
            ),
            container(json!({"ports": [{"containerPort": 0}]})),
            container(
                json!({"env": [{"name": "A", "value": ""}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
            ),
            container(json!({"env": [{"name": ""}]})),
            container(json!({"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}})),
            container(
                json!({"resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 1, "memory": "1G"}}}),
            ),
            container(json!({"resources": {"limits": {"cpu": "x"}}})),
            container(
                json!({"livenessProbe": {"httpGet": {"port": 80}}, "readinessProbe": {"exec": {"command": ["x"]}}, "startupProbe": {"tcpSocket": {"port": "p"}}}),
            ),
            container(
                json!({"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}, "securityContext": {"privileged": false}}),
            ),
            container(json!({"volumeMounts": [{"name": "nothing", "mountPath": "/x"}]})),
            container(
                json!({"terminationMessagePolicy": "FallbackToLogsOnError", "stdin": false, "tty": true}),
            ),
        ],
    );
    let p = "/api/v1/namespaces/<ns>/pods/u";
    all.extend([
        post("/api/v1/namespaces/<ns>/pods", &json!({"metadata": {"name": "u", "generation": 5}, "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Running"}})),
        merge(p, &json!({"metadata": {"labels": {"a": "b"}}})),
        merge(p, &json!({"spec": {"nodeName": "n"}})),
        merge(p, &json!({"spec": {"activeDeadlineSeconds": 5}})),
        merge(format!("{p}/status").as_str(), &json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "c", "ready": true, "restartCount": 1, "image": "i", "imageID": "", "state": {"running": {}}}]}})),
        get(p),
        get(p).accept("application/json;as=Table;v=v1;g=meta.k8s.io"),
        get("/api/v1/namespaces/<ns>/pods?fieldSelector=status.phase=Running"),
        delete(format!("{p}?gracePeriodSeconds=0")),
    ]);
    all
}

fn workloads() -> Vec<Request> {
    let job = |spec: Value| json!({"metadata": {"name": "j"}, "spec": with(json!({"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}), &spec)});
    let mut all = tried(
        "/apis/batch/v1/namespaces/<ns>/jobs",
        vec![
            job(json!({})),
            job(
                json!({"suspend": true, "backoffLimit": 0, "completions": 2, "parallelism": 2, "completionMode": "Indexed"}),
            ),
            job(json!({"template": {"spec": {"restartPolicy": "Always"}}})),
            job(json!({"template": {"spec": {"restartPolicy": null}}})),
            job(json!({"parallelism": -1})),
            job(
                json!({"manualSelector": true, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}}}),
            ),
            job(json!({"ttlSecondsAfterFinished": 5, "activeDeadlineSeconds": 7})),
        ],
    );
    let spec = |spec: Value| with(deployment("d"), &json!({"spec": spec}));
    all.extend(tried(DEPLOYMENTS, vec![
        spec(json!({})),
        spec(json!({"replicas": 0, "paused": true, "minReadySeconds": 5, "progressDeadlineSeconds": 10, "revisionHistoryLimit": 0})),
        spec(json!({"strategy": {"type": "Recreate"}})),
        spec(json!({"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}})),
        spec(json!({"strategy": {"type": "X"}})),
        spec(json!({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}})),
        spec(json!({"strategy": {"rollingUpdate": {"maxSurge": "x"}}})),
        spec(json!({"minReadySeconds": -1})),
        spec(json!({"minReadySeconds": 600})),
        spec(json!({"revisionHistoryLimit": -1})),
        spec(json!({"template": {"spec": {"restartPolicy": "Never"}}})),
        spec(json!({"selector": {"matchLabels": {"app": "d", "more": "x"}}})),
        spec(json!({"selector": {"matchLabels": null, "matchExpressions": [{"key": "app", "operator": "In", "values": ["d"]}]}})),
        spec(json!({"selector": {"matchLabels": null, "matchExpressions": [{"key": "app", "operator": "X"}]}})),
        spec(json!({"selector": {"matchLabels": null}})),
        spec(json!({"template": {"metadata": {"labels": {"app": "-"}}}})),
        spec(json!({"template": {"metadata": {"name": "ignored", "creationTimestamp": "2020-01-01T00:00:00Z"}}})),
    ]));
    all
}

fn events() -> Vec<Request> {
    let event = |patch: Value| {
        with(
            json!({"metadata": {"name": "e", "namespace": "<ns>"}, "involvedObject": {"kind": "ConfigMap", "name": "a", "namespace": "<ns>"}, "reason": "R", "message": "m", "type": "Normal", "firstTimestamp": "2026-01-02T03:04:05Z", "lastTimestamp": "2026-01-02T03:04:05Z", "count": 1, "source": {"component": "c"}}),
            &patch,
        )
    };
    let new = |patch: Value| {
        with(
            json!({"metadata": {"name": "e"}, "eventTime": "2026-01-02T03:04:05.000000Z", "reportingController": "a.b/c", "reportingInstance": "i", "action": "A", "reason": "R", "regarding": {"kind": "ConfigMap", "name": "a", "namespace": "<ns>"}, "type": "Normal"}),
            &patch,
        )
    };
    let path = "/api/v1/namespaces/<ns>/events";
    let mut all = tried(
        path,
        vec![
            event(json!({})),
            event(json!({"involvedObject": {"namespace": "other"}})),
            event(json!({"involvedObject": {"namespace": null}})),
            event(json!({"type": "X"})),
            event(json!({"eventTime": "2026-01-02T03:04:05.5Z"})),
            event(
                json!({"eventTime": "2026-01-02T03:04:05.000000Z", "reportingComponent": "a.b/c", "reportingInstance": "i", "action": "A"}),
            ),
            event(
                json!({"series": {"count": 2, "lastObservedTime": "2026-01-02T03:04:05.123456Z"}}),
            ),
        ],
    );
    all.extend(tried(
        "/apis/events.k8s.io/v1/namespaces/<ns>/events",
        vec![
            new(json!({})),
            new(json!({"eventTime": null})),
            new(json!({"type": "X"})),
            new(json!({"reportingController": ""})),
            new(json!({"action": ""})),
            new(json!({"reason": "x".repeat(129)})),
            new(json!({"note": "x".repeat(1025)})),
            new(json!({"deprecatedCount": 2})),
            new(json!({"series": {"count": 1, "lastObservedTime": "2026-01-02T03:04:05.000000Z"}})),
            new(json!({"series": {"count": 2, "lastObservedTime": "2026-01-02T03:04:05.000000Z"}})),
        ],
    ));
    all.extend([
        post(path, &event(json!({"metadata": {"name": "k"}}))),
        post(
            "/apis/events.k8s.io/v1/namespaces/<ns>/events",
            &new(json!({"metadata": {"name": "n"}})),
        ),
        get(format!("{path}/k")),
        get(format!("{path}/n")),
        get("/apis/events.k8s.io/v1/namespaces/<ns>/events/k"),
        get("/apis/events.k8s.io/v1/namespaces/<ns>/events/n"),
        get(format!(
            "{path}?fieldSelector=involvedObject.name=a,type=Normal"
        )),
        get(format!("{path}?fieldSelector=source=c")),
        get(format!("{path}?fieldSelector=source=a.b/c")),
        get(format!(
            "{path}?fieldSelector=reason=R,reportingComponent=a.b/c"
        )),
        get("/apis/events.k8s.io/v1/namespaces/<ns>/events?fieldSelector=regarding.name=a"),
        get(format!("{path}?fieldSelector=nothing=a")),
        merge(format!("{path}/k"), &json!({"count": 2})),
        merge(format!("{path}/k"), &json!({"reason": "S"})),
        merge(
            "/apis/events.k8s.io/v1/namespaces/<ns>/events/n",
            &json!({"series": {"count": 2, "lastObservedTime": "2026-01-02T03:04:05.000000Z"}}),
        ),
        merge(
            "/apis/events.k8s.io/v1/namespaces/<ns>/events/n?dryRun=All",
            &json!({"reason": "S"}),
        ),
        delete(path),
    ]);
    all
}

fn rights() -> Vec<Request> {
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let group = "rbac.authorization.k8s.io";
    let role = |rules: Value| json!({"metadata": {"name": "r"}, "rules": rules});
    let binding = |patch: Value| {
        with(
            json!({"metadata": {"name": "b"}, "roleRef": {"apiGroup": group, "kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "apiGroup": group, "name": "u"}]}),
            &patch,
        )
    };
    let roles = format!("{rbac}/namespaces/<ns>/roles");
    let bindings = format!("{rbac}/namespaces/<ns>/rolebindings");
    let mut all = tried(
        &roles,
        vec![
            role(json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])),
            role(json!([{"resources": ["pods"], "verbs": ["get"]}])),
            role(json!([{"apiGroups": [""], "verbs": ["get"]}])),
            role(json!([{"apiGroups": [""], "resources": ["pods"]}])),
            role(json!([{"nonResourceURLs": ["/x"], "verbs": ["get"]}])),
            role(json!([{}])),
            role(json!(null)),
            json!({"metadata": {"name": "r:s/t"}}),
            json!({"metadata": {"name": "r:s"}}),
            json!({"metadata": {"name": ".."}}),
        ],
    );
    all.extend(tried(&bindings, vec![
        binding(json!({})),
        binding(json!({"subjects": null})),
        binding(json!({"subjects": [{"kind": "ServiceAccount", "name": "s"}]})),
        binding(json!({"subjects": [{"kind": "ServiceAccount", "name": "s", "namespace": "n"}]})),
        binding(json!({"subjects": [{"kind": "User", "name": "u"}, {"kind": "Group", "name": "g"}]})),
        binding(json!({"subjects": [{"kind": "X", "name": "u"}]})),
        binding(json!({"subjects": [{"kind": "User"}]})),
        binding(json!({"subjects": [{"kind": "User", "apiGroup": "x", "name": "u"}]})),
        binding(json!({"roleRef": {"apiGroup": "x"}})),
        binding(json!({"roleRef": {"apiGroup": null}})),
        binding(json!({"roleRef": {"kind": "X"}})),
        binding(json!({"roleRef": {"name": ""}})),
        binding(json!({"roleRef": null})),
    ]));
    all.extend([
        post(bindings.as_str(), &binding(json!({}))),
        put(format!("{bindings}/b"), &binding(json!({"roleRef": {"name": "other"}}))),
        put(format!("{bindings}/b"), &binding(json!({"subjects": []}))),
        put(format!("{bindings}/made"), &binding(json!({"metadata": {"name": "made"}}))),
        put(format!("{roles}/made"), &json!({"metadata": {"name": "made"}, "rules": []})),
        post(format!("{rbac}/clusterroles"), &json!({"metadata": {"name": "<ns>:r"}, "rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}, {"nonResourceURLs": ["x/*/y"], "resources": ["a"], "apiGroups": [""], "verbs": ["get"]}]})),
        post(format!("{rbac}/clusterroles"), &json!({"metadata": {"name": "<ns>:r"}, "rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]})),
        post(format!("{rbac}/clusterroles"), &json!({"metadata": {"name": "<ns>:a"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"nobody": "has"}}]}, "rules": []})),
        post(format!("{rbac}/clusterroles"), &json!({"metadata": {"name": "<ns>:b"}, "aggregationRule": {}})),
        post(format!("{rbac}/clusterrolebindings"), &binding(json!({"metadata": {"name": "<ns>:b"}}))),
        post(format!("{rbac}/clusterrolebindings"), &binding(json!({"metadata": {"name": "<ns>:b"}, "roleRef": {"kind": "ClusterRole"}}))),
        delete(format!("{rbac}/clusterrolebindings/<ns>:b")),
        delete(format!("{rbac}/clusterroles/<ns>:r")),
        delete(format!("{rbac}/clusterroles/<ns>:a")),
    ]);
    all
}

fn namespaces() -> Vec<Request> {
    let path = "/api/v1/namespaces";
    vec![
        post(path, &json!({"metadata": {"name": "<ns>.a"}})),
        post(
            path,
            &json!({"metadata": {"name": "<ns>-a", "labels": {"kubernetes.io/metadata.name": "x"}}, "spec": {"finalizers": ["a.b/c"]}, "status": {"phase": "X"}}),
        ),
        put(
            format!("{path}/<ns>-a"),
            &json!({"metadata": {"name": "<ns>-a"}}),
        ),
        put(
            format!("{path}/<ns>-a"),
            &json!({"metadata": {"name": "<ns>-a"}, "spec": {"finalizers": []}}),
        ),
        merge(
            format!("{path}/<ns>-a/status?dryRun=All"),
            &json!({"status": {"phase": "Terminating"}}),
        ),
        post(
            path,
            &json!({"metadata": {"name": "<ns>-b"}, "spec": {"finalizers": ["x"]}}),
        ),
        put(
            format!("{path}/<ns>-a/finalize?dryRun=All"),
            &json!({"metadata": {"name": "<ns>-a"}, "spec": {}}),
        ),
        get(format!("{path}/<ns>-a")),
        delete(format!("{path}/<ns>-a")),
    ]
}

fn rest() -> Vec<Request> {
    let leases = "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases";
    let lease = |spec: Value| json!({"metadata": {"name": "l"}, "spec": spec});
    let mut all = tried(
        leases,
        vec![
            json!({"metadata": {"name": "l"}}),
            lease(
                json!({"holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 1, "acquireTime": "2026-01-02T03:04:05.000000Z"}),
            ),
            lease(json!({"renewTime": "2026-01-02T03:04:05Z"})),
            lease(json!({"renewTime": "2026-01-02T03:04:05.123456789Z"})),
            lease(json!({"renewTime": "2026-01-02T03:04:05.5+02:00"})),
            lease(json!({"renewTime": "x"})),
            lease(json!({"leaseDurationSeconds": 0})),
            lease(json!({"leaseTransitions": -1})),
            lease(json!({"holderIdentity": ""})),
            lease(json!({"strategy": "OldestEmulationVersion"})),
        ],
    );
    all.extend(tried("/api/v1/namespaces/<ns>/serviceaccounts", vec![
        json!({"metadata": {"name": "s"}, "secrets": [{"name": "a"}], "imagePullSecrets": [{"name": "b"}], "automountServiceAccountToken": false}),
        json!({"metadata": {"name": "S"}}),
    ]));
    all.extend(tried("/api/v1/namespaces/<ns>/endpoints", vec![
        json!({"metadata": {"name": "e"}}),
        json!({"metadata": {"name": "e"}, "subsets": [{"addresses": [{"ip": "10.0.0.2"}, {"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]}),
        json!({"metadata": {"name": "e"}, "subsets": [{"addresses": [{"ip": "x"}], "ports": [{"port": 80}]}]}),
        json!({"metadata": {"name": "e"}, "subsets": [{}]}),
    ]));
    all.extend(tried("/apis/discovery.k8s.io/v1/namespaces/<ns>/endpointslices", vec![
        json!({"metadata": {"name": "e"}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}]}),
        json!({"metadata": {"name": "e"}, "addressType": "IPv4"}),
        json!({"metadata": {"name": "e"}, "endpoints": []}),
        json!({"metadata": {"name": "e"}, "addressType": "X", "endpoints": []}),
    ]));
    all.extend([
        post("/api/v1/nodes", &json!({"metadata": {"name": "<ns>"}, "spec": {"unschedulable": true, "taints": [{"key": "a", "effect": "NoSchedule"}]}, "status": {"capacity": {"cpu": "1"}}})),
        get("/api/v1/nodes?fieldSelector=spec.unschedulable=true,metadata.name=<ns>"),
        merge("/api/v1/nodes/<ns>", &json!({"spec": {"unschedulable": null}})),
        merge("/api/v1/nodes/<ns>/status", &json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})),
        delete("/api/v1/nodes/<ns>"),
    ]);
    all
}
