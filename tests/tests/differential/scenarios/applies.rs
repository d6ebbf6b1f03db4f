use serde_json::{Value, json};

use super::{CLUSTERS, DEPLOYMENTS, MAPS, WORKS, cluster, deployment, map, with, work};
use crate::request::{Request, apply, get, merge, post, put};

pub(super) fn requests() -> Vec<Request> {
    let mut all = maps();
    all.extend(deployments());
    all.extend(custom());
    all.extend(errors());
    all
}

fn by(path: &str, manager: &str, object: &Value) -> Request {
    apply(format!("{path}?fieldManager={manager}"), object)
}

fn force(path: &str, manager: &str, object: &Value) -> Request {
    apply(format!("{path}?fieldManager={manager}&force=true"), object)
}

fn maps() -> Vec<Request> {
    let a = format!("{MAPS}/a");
    let data = |data: Value| {
        with(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
            &json!({"data": data}),
        )
    };
    vec![
        by(&a, "one", &data(json!({"x": "1", "y": "1"}))),
        by(&a, "one", &data(json!({"x": "1", "y": "1"}))),
        by(&a, "two", &data(json!({"x": "1", "z": "1"}))),
        by(&a, "two", &data(json!({"x": "2"}))),
        by(&a, "two", &data(json!({"x": "2", "y": "2"}))),
        force(&a, "two", &data(json!({"x": "2", "y": "2"}))),
        by(&a, "one", &data(json!({"x": "3"}))),
        by(&a, "one", &data(json!({}))),
        by(&a, "one", &data(json!(null))),
        merge(a.as_str(), &json!({"data": {"x": "9"}})),
        by(&a, "two", &data(json!({"x": "2"}))),
        by(
            &a,
            "two",
            &with(
                data(json!({"x": "9"})),
                &json!({"metadata": {"labels": {"l": "m"}, "annotations": {"n": "o"}}}),
            ),
        ),
        put(
            a.as_str(),
            &with(map("a"), &json!({"metadata": {"labels": {"l": "n"}}})),
        ),
        by(
            &a,
            "three",
            &with(
                data(json!({"x": "1"})),
                &json!({"metadata": {"labels": {"l": "n"}}}),
            ),
        ),
        apply(
            format!("{a}?fieldManager=three&dryRun=All&force=true"),
            &data(json!({"x": "dry"})),
        ),
        force(
            &a,
            "three",
            &with(
                data(json!({})),
                &json!({"metadata": {"finalizers": ["a.b/c"]}}),
            ),
        ),
        force(
            &a,
            "four",
            &with(
                data(json!({})),
                &json!({"metadata": {"finalizers": ["d.e/f"]}}),
            ),
        ),
        force(&a, "four", &data(json!({}))),
        force(&a, "three", &data(json!({}))),
        by(&a, "five", &with(data(json!({"x": null})), &json!({}))),
        by(
            &a,
            "six",
            &with(
                data(json!({"x": "1"})),
                &json!({"metadata": {"resourceVersion": "1"}}),
            ),
        ),
        by(
            &a,
            "six",
            &with(
                data(json!({"q": "1"})),
                &json!({"metadata": {"resourceVersion": "<rv a>"}}),
            ),
        ),
        by(
            &a,
            "six",
            &with(
                data(json!({"q": "1"})),
                &json!({"metadata": {"uid": "<uid a>"}}),
            ),
        ),
        by(
            &a,
            "six",
            &with(data(json!({"q": "1"})), &json!({"metadata": {"uid": "u"}})),
        ),
        by(
            &format!("{MAPS}/u"),
            "six",
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "u", "uid": "u"}}),
        ),
        by(
            &format!("{MAPS}/r"),
            "six",
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "r", "resourceVersion": "7"}}),
        ),
        get(a.as_str()),
        // What was there before the first apply.
        post(
            format!("{MAPS}?fieldManager=kubectl-client-side-apply"),
            &with(
                map("k"),
                &json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": map("k").to_string()}}}),
            ),
        ),
        by(
            &format!("{MAPS}/k"),
            "kubectl",
            &with(map("k"), &json!({"data": {"x": "2"}})),
        ),
        by(
            &format!("{MAPS}/k"),
            "kubectl",
            &with(map("k"), &json!({"data": {"x": "1", "y": "1"}})),
        ),
        put(
            format!("{MAPS}/k"),
            &with(map("k"), &json!({"metadata": {"managedFields": [{}]}})),
        ),
        by(
            &format!("{MAPS}/k"),
            "new",
            &with(map("k"), &json!({"data": {"x": "2"}})),
        ),
        force(
            &format!("{MAPS}/k"),
            "new",
            &with(map("k"), &json!({"data": {"x": "2"}})),
        ),
        by(
            &format!("{MAPS}/b"),
            "one",
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "binaryData": {"<&>": "YQ=="}, "immutable": true}),
        ),
        by(
            &format!("{MAPS}/bb"),
            "one",
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bb", "annotations": {"a.b/c": "<&>\u{2028}\u{fc}"}}, "data": {"k": "<&>"}}),
        ),
        by(
            "/api/v1/namespaces/<ns>/secrets/s",
            "one",
            &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}, "data": {"c": "ZA=="}}),
        ),
        by(
            "/api/v1/namespaces/<ns>/secrets/s",
            "two",
            &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "YQ=="}}),
        ),
        by(
            "/api/v1/namespaces/<ns>/serviceaccounts/a",
            "one",
            &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}, "imagePullSecrets": [{"name": "x"}, {"name": "y"}]}),
        ),
        by(
            "/api/v1/namespaces/<ns>/serviceaccounts/a",
            "two",
            &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}, "imagePullSecrets": [{"name": "z"}], "secrets": [{"name": "s"}]}),
        ),
        by(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/<ns>/roles/r",
            "one",
            &json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ),
        by(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/<ns>/roles/r",
            "two",
            &json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": []}),
        ),
        by(
            "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases/l",
            "one",
            &json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {"renewTime": "2026-01-02T03:04:05.000000Z", "leaseTransitions": 0}}),
        ),
    ]
}

fn deployments() -> Vec<Request> {
    let d = format!("{DEPLOYMENTS}/d");
    let scaled = format!("{DEPLOYMENTS}/scaled");
    let scale = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "scaled"}, "spec": {"replicas": 9}});
    let of = |spec: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec});
    let containers =
        |containers: Value| of(json!({"template": {"spec": {"containers": containers}}}));
    vec![
        by(&d, "one", &deployment("d")),
        by(&d, "one", &deployment("d")),
        by(&d, "two", &of(json!({"replicas": 1}))),
        by(&d, "two", &of(json!({"replicas": 2}))),
        by(&d, "three", &of(json!({"replicas": 3}))),
        by(&d, "two", &of(json!({}))),
        by(
            &d,
            "c2",
            &containers(json!([{"name": "c2", "image": "i2"}])),
        ),
        by(
            &d,
            "c1",
            &containers(json!([{"name": "c", "image": "other"}])),
        ),
        by(
            &d,
            "c1",
            &containers(
                json!([{"name": "c", "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}]}]),
            ),
        ),
        by(
            &d,
            "c1",
            &containers(json!([{"name": "c", "ports": [{"containerPort": 80, "name": "http"}]}])),
        ),
        by(
            &d,
            "c1",
            &containers(
                json!([{"name": "c", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]),
            ),
        ),
        by(
            &d,
            "c2",
            &containers(json!([{"name": "c", "env": [{"name": "A", "value": "2"}]}])),
        ),
        by(
            &d,
            "c2",
            &containers(
                json!([{"name": "c", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "1"}]}]),
            ),
        ),
        by(&d, "c2", &containers(json!([{"image": "i"}]))),
        by(
            &d,
            "c3",
            &containers(
                json!([{"name": "c", "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}}]),
            ),
        ),
        by(
            &d,
            "c3",
            &containers(json!([{"name": "c", "resources": {"limits": {"cpu": 1}}}])),
        ),
        by(
            &d,
            "c4",
            &containers(json!([{"name": "c", "livenessProbe": {"httpGet": {"port": 80}}}])),
        ),
        by(
            &d,
            "c4",
            &containers(
                json!([{"name": "c", "livenessProbe": {"httpGet": {"port": "http", "path": "/x"}}}]),
            ),
        ),
        by(
            &d,
            "t",
            &of(
                json!({"template": {"spec": {"tolerations": [{"key": "a", "operator": "Exists"}], "nodeSelector": {"a": "b"}, "volumes": [{"name": "v", "emptyDir": {}}]}}}),
            ),
        ),
        by(
            &d,
            "t2",
            &of(
                json!({"template": {"spec": {"tolerations": [{"key": "b", "operator": "Exists"}], "nodeSelector": {"c": "d"}, "volumes": [{"name": "v", "configMap": {"name": "x"}}]}}}),
            ),
        ),
        force(
            &d,
            "t2",
            &of(
                json!({"template": {"spec": {"tolerations": [{"key": "b", "operator": "Exists"}]}}}),
            ),
        ),
        apply(
            format!("{d}?fieldManager=s&dryRun=All"),
            &of(json!({"strategy": {"type": "Recreate"}})),
        ),
        by(
            &d,
            "s",
            &of(json!({"strategy": {"rollingUpdate": {"maxSurge": 1}}})),
        ),
        by(&d, "z", &of(json!({"paused": false, "minReadySeconds": 0}))),
        by(
            &d,
            "st",
            &with(of(json!({})), &json!({"status": {"replicas": 1}})),
        ),
        by(
            &format!("{d}/status"),
            "st",
            &with(
                of(json!({"replicas": 7})),
                &json!({"status": {"replicas": 1, "observedGeneration": 1}}),
            ),
        ),
        by(
            &format!("{d}/status"),
            "st",
            &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "labels": {"a": "b"}}, "status": {"conditions": [{"type": "Available", "status": "True"}]}}),
        ),
        by(
            &format!("{d}/status"),
            "st2",
            &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "status": {"conditions": [{"type": "Available", "status": "False"}, {"type": "Progressing", "status": "True"}]}}),
        ),
        by(&scaled, "one", &deployment("scaled")),
        merge(format!("{scaled}/scale"), &json!({"spec": {"replicas": 5}})),
        get(scaled.as_str()),
        by(&format!("{scaled}/scale"), "sc", &scale),
        force(&format!("{scaled}/scale"), "sc", &scale),
        get(scaled.as_str()),
        by(
            &d,
            "one",
            &with(deployment("d"), &json!({"spec": {"replicas": 4}})),
        ),
        get(d),
        by(
            "/api/v1/namespaces/<ns>/services/s",
            "one",
            &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}], "selector": {"a": "b"}}}),
        ),
        by(
            "/api/v1/namespaces/<ns>/services/s",
            "two",
            &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "protocol": "UDP", "name": "u"}], "selector": {"a": "c"}}}),
        ),
        by(
            "/api/v1/namespaces/<ns>/pods/p",
            "one",
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}),
        ),
        by(
            "/api/v1/namespaces/<ns>/pods/p",
            "two",
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "j"}]}}),
        ),
        force(
            "/api/v1/namespaces/<ns>/pods/p",
            "two",
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "j"}]}}),
        ),
    ]
}

fn custom() -> Vec<Request> {
    let w = format!("{WORKS}/w");
    let c = format!("{CLUSTERS}/<ns>-c");
    let of = |spec: Value| json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork", "metadata": {"name": "w"}, "spec": spec});
    let status = |conditions: Value| json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork", "metadata": {"name": "w"}, "status": {"conditions": conditions}});
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "reason": "R", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z"});
    vec![
        by(&w, "one", &work("w")),
        by(&w, "one", &work("w")),
        by(&w, "two", &of(json!({"workload": {"manifests": []}}))),
        force(&w, "two", &of(json!({"workload": {"manifests": []}}))),
        by(
            &w,
            "two",
            &of(
                json!({"manifestConfigs": [{"resourceIdentifier": {"group": "", "resource": "configmaps", "namespace": "n", "name": "a"}, "feedbackRules": [{"type": "WellKnownStatus"}]}]}),
            ),
        ),
        by(
            &w,
            "three",
            &of(
                json!({"manifestConfigs": [{"resourceIdentifier": {"group": "", "resource": "configmaps", "namespace": "n", "name": "b"}}]}),
            ),
        ),
        by(
            &w,
            "three",
            &of(
                json!({"manifestConfigs": [{"resourceIdentifier": {"group": "", "resource": "configmaps", "namespace": "n", "name": "a"}, "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [{"name": "x", "path": ".y"}]}]}]}),
            ),
        ),
        by(&w, "three", &of(json!({"nothing": 1}))),
        by(
            &w,
            "three",
            &of(json!({"deleteOption": {"propagationPolicy": "Nothing"}})),
        ),
        by(&w, "st", &status(json!([condition("Applied", "True")]))),
        by(
            &format!("{w}/status"),
            "st",
            &status(json!([condition("Applied", "True")])),
        ),
        by(
            &format!("{w}/status"),
            "st2",
            &status(json!([condition("Available", "True")])),
        ),
        by(
            &format!("{w}/status"),
            "st2",
            &status(json!([condition("Applied", "False")])),
        ),
        by(
            &format!("{w}/status"),
            "st2",
            &with(
                status(json!([])),
                &json!({"spec": {"workload": {"manifests": []}}, "metadata": {"labels": {"a": "b"}}}),
            ),
        ),
        by(
            &format!("{w}/status"),
            "st3",
            &status(json!([condition("Bad", "Maybe")])),
        ),
        by(
            &format!("{w}/status"),
            "st3",
            &status(json!([{"type": "Few"}])),
        ),
        get(w),
        by(&c, "one", &cluster("<ns>-c")),
        by(
            &c,
            "two",
            &with(
                cluster("<ns>-c"),
                &json!({"spec": {"hubAcceptsClient": true, "taints": [{"key": "a", "effect": "NoSelect", "value": "v"}]}}),
            ),
        ),
        force(
            &c,
            "two",
            &with(
                cluster("<ns>-c"),
                &json!({"spec": {"hubAcceptsClient": true, "taints": [{"key": "a", "effect": "NoSelect", "value": "v"}]}}),
            ),
        ),
        by(
            &c,
            "three",
            &with(
                cluster("<ns>-c"),
                &json!({"spec": {"hubAcceptsClient": null, "managedClusterClientConfigs": [{"url": "https://x", "caBundle": "YQ=="}]}}),
            ),
        ),
        by(
            &c,
            "one",
            &with(
                cluster("<ns>-c"),
                &json!({"spec": {"hubAcceptsClient": true, "leaseDurationSeconds": 0}}),
            ),
        ),
        by(
            &format!("{c}/status"),
            "s",
            &json!({"apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster", "metadata": {"name": "<ns>-c"}, "status": {"capacity": {"cpu": "1000m", "memory": 1024}, "version": {"kubernetes": "v1"}, "clusterClaims": [{"name": "a", "value": "b"}]}}),
        ),
        get(c),
    ]
}

fn errors() -> Vec<Request> {
    let a = format!("{MAPS}/e");
    let yaml = |text: &str| {
        Request::new("PATCH", format!("{a}?fieldManager=y"))
            .bytes("application/apply-patch+yaml", text)
    };
    vec![
        apply(a.as_str(), &map("e")),
        by(&a, "", &map("e")),
        by(&a, "x", &map("other")),
        by(&a, "x", &json!({"data": {}})),
        by(
            &a,
            "x",
            &json!({"apiVersion": "v1", "metadata": {"name": "e"}}),
        ),
        by(
            &a,
            "x",
            &json!({"kind": "ConfigMap", "metadata": {"name": "e"}}),
        ),
        by(
            &a,
            "x",
            &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "e"}}),
        ),
        by(
            &a,
            "x",
            &json!({"apiVersion": "apps/v1", "kind": "ConfigMap", "metadata": {"name": "e"}}),
        ),
        by(&a, "x", &json!({"apiVersion": "v1", "kind": "ConfigMap"})),
        by(
            &a,
            "x",
            &with(map("e"), &json!({"metadata": {"namespace": "other"}})),
        ),
        by(
            &a,
            "x",
            &with(
                map("e"),
                &json!({"metadata": {"managedFields": [{"manager": "x"}]}}),
            ),
        ),
        by(
            &a,
            "x",
            &with(map("e"), &json!({"metadata": {"managedFields": []}})),
        ),
        by(
            &a,
            "x",
            &with(map("e"), &json!({"metadata": {"labels": {"-": "x"}}})),
        ),
        by(&a, "x", &with(map("e"), &json!({"data": {"a": 1}}))),
        by(&a, "x", &with(map("e"), &json!({"data": "x"}))),
        by(&a, "x", &with(map("e"), &json!({"datum": 1}))),
        apply(
            format!("{a}?fieldManager=x&fieldValidation=Ignore"),
            &with(map("e"), &json!({"datum": 1})),
        ),
        apply(
            format!("{a}?fieldManager=x&fieldValidation=Strict"),
            &with(map("e"), &json!({"datum": 1})),
        ),
        apply(format!("{a}?fieldManager=x&force=maybe"), &map("e")),
        apply(format!("{a}?fieldManager={}", "m".repeat(129)), &map("e")),
        by("/api/v1/namespaces/nowhere/configmaps/e", "x", &map("e")),
        by("/api/v1/configmaps/e", "x", &map("e")),
        yaml("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: e\ndata:\n  a: b\n"),
        yaml("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\ndata: {a: b, a: c}\n"),
        yaml("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\ndata: {a: &x b, c: *x}\n"),
        yaml(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\ndata: {a: yes, c: 1, d: 1.5, e: ~}\n",
        ),
        yaml("a: b: c"),
        yaml(""),
        yaml("- a"),
        yaml("x"),
        yaml("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\n---\nb: c\n"),
        yaml("\t"),
        yaml("{"),
        apply(MAPS, &map("e")),
    ]
}
