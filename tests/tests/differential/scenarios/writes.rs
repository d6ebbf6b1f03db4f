use serde_json::{Value, json};

use super::{CLUSTERS, DEPLOYMENTS, MAPS, WORKS, cluster, deployment, map, with, work};
use crate::request::{Request, get, post, put};

pub(super) fn requests() -> Vec<Request> {
    let mut all = created();
    all.extend(validated());
    all.extend(updated());
    all
}

fn created() -> Vec<Request> {
    let meta = |patch: Value| with(map("m"), &json!({"metadata": patch}));
    vec![
        post(MAPS, &map("a")),
        post(MAPS, &map("a")),
        post(MAPS, &map("A")),
        post(MAPS, &map("")),
        post(MAPS, &map("a..b")),
        post(MAPS, &map(&"x".repeat(254))),
        post(MAPS, &json!({"metadata": {"name": "bare"}})),
        post(MAPS, &json!({})),
        post(MAPS, &json!([])),
        post(MAPS, &json!("x")),
        post(MAPS, &json!(null)),
        post(MAPS, &json!(7)),
        post(
            MAPS,
            &json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "k"}}),
        ),
        post(
            MAPS,
            &json!({"kind": "Nothing", "apiVersion": "v1", "metadata": {"name": "k"}}),
        ),
        post(
            MAPS,
            &json!({"kind": "ConfigMap", "apiVersion": "v2", "metadata": {"name": "k"}}),
        ),
        post(
            MAPS,
            &json!({"kind": "ConfigMap", "apiVersion": "apps/v1", "metadata": {"name": "k"}}),
        ),
        post(
            MAPS,
            &json!({"kind": "ConfigMap", "apiVersion": "a/b/c", "metadata": {"name": "k"}}),
        ),
        post(
            MAPS,
            &json!({"kind": "ConfigMap", "metadata": {"name": "k"}}),
        ),
        post(
            MAPS,
            &json!({"apiVersion": "v1", "metadata": {"name": "k2"}}),
        ),
        post(
            MAPS,
            &json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "k"}}),
        ),
        post(MAPS, &meta(json!({"namespace": "<ns>"}))),
        post(MAPS, &meta(json!({"namespace": "other"}))),
        post(MAPS, &meta(json!({"name": null, "generateName": "g-"}))),
        post(MAPS, &meta(json!({"name": null, "generateName": "G-"}))),
        post(
            MAPS,
            &meta(json!({"name": null, "generateName": "x".repeat(70)})),
        ),
        post(MAPS, &meta(json!({"name": null}))),
        post(MAPS, &meta(json!({"name": "both", "generateName": "g-"}))),
        post(MAPS, &meta(json!({"name": "rv", "resourceVersion": "7"}))),
        post(MAPS, &meta(json!({"name": "rv0", "resourceVersion": "0"}))),
        post(
            MAPS,
            &meta(
                json!({"name": "system", "uid": "u", "generation": 7, "creationTimestamp": "2020-01-01T00:00:00Z", "deletionTimestamp": "2020-01-01T00:00:00Z", "deletionGracePeriodSeconds": 3, "selfLink": "/x"}),
            ),
        ),
        post(
            MAPS,
            &meta(json!({"name": "time", "creationTimestamp": "x"})),
        ),
        post(
            MAPS,
            &meta(
                json!({"name": "null", "creationTimestamp": null, "labels": null, "annotations": null}),
            ),
        ),
        post(MAPS, &meta(json!({"name": "l1", "labels": {"-": "x"}}))),
        post(MAPS, &meta(json!({"name": "l2", "labels": {"a": "-"}}))),
        post(
            MAPS,
            &meta(json!({"name": "l3", "labels": {"a": "x".repeat(64)}})),
        ),
        post(MAPS, &meta(json!({"name": "l4", "labels": {"a/b/c": "x"}}))),
        post(
            MAPS,
            &meta(json!({"name": "l5", "labels": {"UP.com/a": "x"}})),
        ),
        post(MAPS, &meta(json!({"name": "l6", "labels": {"a": 1}}))),
        post(MAPS, &meta(json!({"name": "l7", "labels": []}))),
        post(MAPS, &meta(json!({"name": "l8", "labels": {"": "x"}}))),
        post(
            MAPS,
            &meta(json!({"name": "n1", "annotations": {"a b": "x"}})),
        ),
        post(
            MAPS,
            &meta(json!({"name": "n2", "annotations": {"A.com/x": "x"}})),
        ),
        post(
            MAPS,
            &meta(json!({"name": "n3", "annotations": {"a": "x".repeat(300_000)}})),
        ),
        post(MAPS, &meta(json!({"name": "f1", "finalizers": ["a"]}))),
        post(
            MAPS,
            &meta(json!({"name": "f2", "finalizers": ["a.b/c", "a.b/c"]})),
        ),
        post(
            MAPS,
            &meta(json!({"name": "f3", "finalizers": ["A.b/c d"]})),
        ),
        post(
            MAPS,
            &meta(json!({"name": "f4", "finalizers": ["orphan", "foregroundDeletion"]})),
        ),
        post(MAPS, &meta(json!({"name": "o1", "ownerReferences": [{}]}))),
        post(
            MAPS,
            &meta(
                json!({"name": "o2", "ownerReferences": [{"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "u"}]}),
            ),
        ),
        post(
            MAPS,
            &meta(
                json!({"name": "o3", "ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "e", "uid": "u", "controller": true}, {"apiVersion": "v1", "kind": "B", "name": "f", "uid": "v", "controller": true}]}),
            ),
        ),
        post(
            MAPS,
            &meta(
                json!({"name": "m1", "managedFields": [{"manager": "x", "operation": "Update"}]}),
            ),
        ),
        post(
            MAPS,
            &meta(
                json!({"name": "m2", "managedFields": [{"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}}]}),
            ),
        ),
        post(
            MAPS,
            &meta(
                json!({"name": "m3", "managedFields": [{"manager": "x", "operation": "No", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}]}),
            ),
        ),
        post(
            MAPS,
            &meta(
                json!({"name": "m4", "managedFields": [{"manager": "x".repeat(200), "operation": "Update", "apiVersion": "v1", "fieldsType": "V2", "fieldsV1": {}}]}),
            ),
        ),
        post("/api/v1/configmaps", &map("no-namespace")),
        post("/api/v1/namespaces/nowhere/configmaps", &map("a")),
        post(format!("{MAPS}/a"), &map("a")),
        post(CLUSTERS, &cluster("<ns>-c")),
        post(CLUSTERS, &cluster("<ns>-c")),
        post(
            CLUSTERS,
            &with(cluster("<ns>-d"), &json!({"metadata": {"namespace": "x"}})),
        ),
        post(CLUSTERS, &json!({"metadata": {"name": "<ns>-e"}})),
        post(
            CLUSTERS,
            &json!({"kind": "ManagedCluster", "apiVersion": "cluster.open-cluster-management.io/v1beta1", "metadata": {"name": "<ns>-e"}}),
        ),
        post(
            CLUSTERS,
            &json!({"kind": "Other", "apiVersion": "cluster.open-cluster-management.io/v1", "metadata": {"name": "<ns>-e"}}),
        ),
        post(WORKS, &work("w")),
        post(WORKS, &work("W")),
        post(
            WORKS,
            &with(work("nested"), &json!({"metadata": {"namespace": "other"}})),
        ),
        post(
            WORKS,
            &with(work("status"), &json!({"status": {"conditions": []}})),
        ),
        post(
            DEPLOYMENTS,
            &with(deployment("status"), &json!({"status": {"replicas": 7}})),
        ),
        post(
            DEPLOYMENTS,
            &with(deployment("g"), &json!({"metadata": {"generation": 7}})),
        ),
        // Dry runs.
        post(format!("{MAPS}?dryRun=All"), &map("dry")),
        post(format!("{MAPS}?dryRun=All"), &map("a")),
        post(format!("{MAPS}?dryRun=Some"), &map("dry")),
        post(format!("{MAPS}?dryRun=All&dryRun=All"), &map("dry")),
        post(format!("{MAPS}?dryRun="), &map("dry")),
        post(format!("{WORKS}?dryRun=All"), &work("dry")),
        get(format!("{MAPS}/dry")),
        // Managers.
        post(format!("{MAPS}?fieldManager=me"), &map("managed")),
        post(
            format!("{MAPS}?fieldManager={}", "x".repeat(129)),
            &map("managed2"),
        ),
        post(format!("{MAPS}?fieldManager=a%01b"), &map("managed3")),
        post(MAPS, &map("agent")).header("user-agent", "some agent/1.2 (x)"),
        post(MAPS, &map("agent2")).header("user-agent", ""),
        post(format!("{MAPS}?pretty=true"), &map("pretty")),
    ]
}

fn validated() -> Vec<Request> {
    let mut all = Vec::new();
    for (at, validation) in ["", "Ignore", "Warn", "Strict", "Other", "strict"]
        .into_iter()
        .enumerate()
    {
        let query = |of: &str| format!("{of}?fieldValidation={validation}");
        let unknown = json!({"datum": {}, "metadata": {"name": format!("v{at}"), "nothing": 1, "labels": {"a": "b"}}});
        all.push(post(query(MAPS), &with(map("x"), &unknown)));
        let twice = format!(
            r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"t{at}"}},"data":{{"a":"1","a":"2"}},"data":{{"b":"1"}}}}"#
        );
        all.push(Request::new("POST", query(MAPS)).bytes("application/json", twice));
        let yaml = format!(
            "kind: ConfigMap\napiVersion: v1\nmetadata: {{name: y{at}}}\ndata: {{a: b, a: c}}\ndatum: 1\n"
        );
        all.push(Request::new("POST", query(MAPS)).bytes("application/yaml", yaml));
        let work = with(
            work(&format!("v{at}")),
            &json!({"spec": {"nothing": {"a": 1}, "executor": {"subject": {"type": "ServiceAccount", "what": 1}}}, "extra": 1, "metadata": {"nothing": 1}}),
        );
        all.push(post(query(WORKS), &work));
        let twice = format!(
            r#"{{"kind":"ManifestWork","apiVersion":"work.open-cluster-management.io/v1","metadata":{{"name":"t{at}"}},"spec":{{"workload":{{"manifests":[]}},"workload":{{"manifests":[]}}}}}}"#
        );
        all.push(Request::new("POST", query(WORKS)).bytes("application/json", twice));
        let deep = with(
            deployment(&format!("v{at}")),
            &json!({"spec": {"template": {"spec": {"nothing": 1}}, "replica": 1}}),
        );
        all.push(post(query(DEPLOYMENTS), &deep));
        let case = with(
            map(&format!("c{at}")),
            &json!({"Data": {"a": "b"}, "metadata": {"Labels": {"a": "b"}}}),
        );
        all.push(post(query(MAPS), &case));
    }
    // Wrong types.
    for object in [
        json!({"data": {"a": 1}}),
        json!({"data": {"a": null}}),
        json!({"data": {"a": {}}}),
        json!({"data": []}),
        json!({"data": "x"}),
        json!({"immutable": "true"}),
        json!({"immutable": 1}),
        json!({"binaryData": {"a": "!"}}),
        json!({"binaryData": {"a": "YQ=="}}),
        json!({"binaryData": {"x": "YQ=="}}),
        json!({"data": {"a b": "1"}}),
        json!({"data": {"..": "1"}}),
        json!({"metadata": {"name": 7}}),
        json!({"metadata": {"generation": "7"}}),
        json!({"metadata": {"generation": 1.5}}),
        json!({"metadata": {"finalizers": "x"}}),
        json!({"metadata": {"finalizers": [1]}}),
        json!({"metadata": {"ownerReferences": [{"controller": "x"}]}}),
        json!({"metadata": []}),
        json!({"metadata": null}),
        json!({"metadata": "x"}),
    ] {
        all.push(post(
            format!("{MAPS}?dryRun=All"),
            &with(map("typed"), &object),
        ));
    }
    for object in [
        json!({"spec": {"replicas": "1"}}),
        json!({"spec": {"replicas": 1.0}}),
        json!({"spec": {"replicas": 1.5}}),
        json!({"spec": {"replicas": -1}}),
        json!({"spec": {"replicas": 3_000_000_000_u32}}),
        json!({"spec": {"paused": "x"}}),
        json!({"spec": {"selector": null}}),
        json!({"spec": {"selector": {"matchLabels": {"app": "e"}}}}),
        json!({"spec": {"template": {"spec": {"containers": []}}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c"}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"image": "i"}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": {}}}}}),
        json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": true}}}}),
        json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": "10%"}}}}),
        json!({"spec": null}),
    ] {
        all.push(post(
            format!("{DEPLOYMENTS}?dryRun=All"),
            &with(deployment("typed"), &object),
        ));
    }
    all
}

fn updated() -> Vec<Request> {
    let maps = |name: &str| format!("{MAPS}/{name}");
    let at = |patch: Value| with(map("u"), &patch);
    vec![
        post(
            MAPS,
            &with(
                map("u"),
                &json!({"metadata": {"labels": {"a": "b"}, "annotations": {"x": "y"}}}),
            ),
        ),
        put(maps("u"), &at(json!({"data": {"x": "2"}}))),
        put(maps("u"), &at(json!({"data": {"x": "2"}}))),
        put(
            maps("u"),
            &at(json!({"metadata": {"resourceVersion": "<rv u>"}, "data": {"x": "3"}})),
        ),
        put(
            maps("u"),
            &at(json!({"metadata": {"resourceVersion": "1"}, "data": {"x": "4"}})),
        ),
        put(
            maps("u"),
            &at(json!({"metadata": {"resourceVersion": "x"}})),
        ),
        put(
            maps("u"),
            &at(json!({"metadata": {"resourceVersion": "0"}, "data": {"x": "5"}})),
        ),
        put(
            maps("u"),
            &at(json!({"metadata": {"uid": "<uid u>"}, "data": {"x": "6"}})),
        ),
        put(
            maps("u"),
            &at(json!({"metadata": {"uid": "0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f"}})),
        ),
        put(maps("u"), &at(json!({"metadata": {"name": "v"}}))),
        put(maps("u"), &at(json!({"metadata": {"name": null}}))),
        put(maps("u"), &at(json!({"metadata": {"namespace": "other"}}))),
        put(maps("u"), &at(json!({"metadata": {"namespace": "<ns>"}}))),
        put(
            maps("u"),
            &at(json!({"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"}})),
        ),
        put(
            maps("u"),
            &at(json!({"metadata": {"creationTimestamp": null, "generation": 9}})),
        ),
        put(
            maps("u"),
            &at(json!({"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}})),
        ),
        put(maps("u"), &at(json!({"metadata": {"managedFields": []}}))),
        put(
            maps("u"),
            &at(json!({"metadata": {"managedFields": [{}]}, "data": {"y": "1"}})),
        ),
        put(
            maps("u"),
            &at(
                json!({"metadata": {"managedFields": [{"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:x": {}}}}]}}),
            ),
        ),
        put(
            maps("u"),
            &at(
                json!({"metadata": {"managedFields": [{"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"q:data": 1}}]}}),
            ),
        ),
        put(maps("missing"), &map("missing")),
        put(
            maps("u"),
            &json!({"metadata": {"name": "u"}, "immutable": true, "data": {"i": "1"}}),
        ),
        put(
            maps("u"),
            &json!({"metadata": {"name": "u"}, "immutable": true, "data": {"i": "2"}}),
        ),
        put(
            maps("u"),
            &json!({"metadata": {"name": "u"}, "data": {"i": "1"}}),
        ),
        put(
            maps("u"),
            &json!({"metadata": {"name": "u", "labels": {"n": "w"}}, "immutable": true, "data": {"i": "1"}}),
        ),
        put(
            format!("{MAPS}/u?dryRun=All"),
            &json!({"metadata": {"name": "u", "labels": {"n": "dry"}}, "immutable": true, "data": {"i": "1"}}),
        ),
        put(
            format!("{MAPS}/u?fieldValidation=Strict"),
            &json!({"metadata": {"name": "u"}, "datum": 1}),
        ),
        put(
            format!("{MAPS}/u?fieldManager=other"),
            &json!({"metadata": {"name": "u", "annotations": {"n": "w"}}, "immutable": true, "data": {"i": "1"}}),
        ),
        put(MAPS, &map("u")),
        put(maps("u"), &json!({})),
        put(maps("u"), &json!([])),
        post(CLUSTERS, &cluster("<ns>-u")),
        put(format!("{CLUSTERS}/<ns>-u"), &cluster("<ns>-u")),
        put(
            format!("{CLUSTERS}/<ns>-u"),
            &with(
                cluster("<ns>-u"),
                &json!({"metadata": {"resourceVersion": "<rv <ns>-u>"}, "spec": {"hubAcceptsClient": true}}),
            ),
        ),
        put(
            format!("{CLUSTERS}/<ns>-u"),
            &with(
                cluster("<ns>-u"),
                &json!({"metadata": {"resourceVersion": "1"}}),
            ),
        ),
        put(format!("{CLUSTERS}/<ns>-x"), &cluster("<ns>-x")),
        put(
            format!("{CLUSTERS}/<ns>-x"),
            &with(
                cluster("<ns>-x"),
                &json!({"metadata": {"resourceVersion": "1"}}),
            ),
        ),
        put(
            format!("{CLUSTERS}/<ns>-u"),
            &with(
                cluster("<ns>-u"),
                &json!({"metadata": {"resourceVersion": "<rv <ns>-u>"}, "status": {"conditions": []}}),
            ),
        ),
        post(DEPLOYMENTS, &deployment("u")),
        put(format!("{DEPLOYMENTS}/u"), &deployment("u")),
        put(
            format!("{DEPLOYMENTS}/u"),
            &with(deployment("u"), &json!({"spec": {"replicas": 3}})),
        ),
        put(
            format!("{DEPLOYMENTS}/u"),
            &with(
                deployment("u"),
                &json!({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 3}}),
            ),
        ),
        put(
            format!("{DEPLOYMENTS}/u"),
            &with(
                deployment("u"),
                &json!({"spec": {"selector": {"matchLabels": {"app": "e"}}, "template": {"metadata": {"labels": {"app": "e"}}}}}),
            ),
        ),
        put(
            format!("{DEPLOYMENTS}/u"),
            &with(deployment("u"), &json!({"status": {"replicas": 3}})),
        ),
        put(
            "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases/l",
            &json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": "2026-01-02T03:04:05.678901Z"}}),
        ),
        put(
            "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases/l",
            &json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "b", "renewTime": "2026-01-02T03:04:06Z"}}),
        ),
        put(
            "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases/l",
            &json!({"metadata": {"name": "l"}, "spec": {"leaseDurationSeconds": 0}}),
        ),
        put(
            "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases/m",
            &json!({"metadata": {"name": "m", "resourceVersion": "1"}, "spec": {}}),
        ),
        put(
            "/api/v1/namespaces/<ns>/secrets/s",
            &json!({"metadata": {"name": "s"}}),
        ),
    ]
}
