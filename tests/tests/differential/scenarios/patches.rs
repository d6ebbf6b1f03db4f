use serde_json::{Value, json};

use super::{DEPLOYMENTS, MAPS, WORKS, deployment, map, with, work};
use crate::request::{Request, get, json_patch, merge, post, strategic};

pub(super) fn requests() -> Vec<Request> {
    let a = format!("{MAPS}/a");
    let d = format!("{DEPLOYMENTS}/d");
    let w = format!("{WORKS}/w");
    let mut all = vec![
        post(MAPS, &map("a")),
        post(DEPLOYMENTS, &deployment("d")),
        post(WORKS, &work("w")),
    ];
    // JSON patches.
    for patch in [
        json!([]),
        json!([{"op": "add", "path": "/data/y", "value": "2"}]),
        json!([{"op": "add", "path": "/data/y", "value": "2"}]),
        json!([{"op": "test", "path": "/data/y", "value": "3"}]),
        json!([{"op": "test", "path": "/data/nothing", "value": null}]),
        json!([{"op": "remove", "path": "/data/nothing"}]),
        json!([{"op": "replace", "path": "/data/nothing", "value": "x"}]),
        json!([{"op": "replace", "path": "/data/y", "value": 7}]),
        json!([{"op": "move", "from": "/data/y", "path": "/data/z"}]),
        json!([{"op": "copy", "from": "/data/z", "path": "/data/y"}]),
        json!([{"op": "copy", "from": "/nothing", "path": "/data/y"}]),
        json!([{"op": "add", "path": "/metadata/labels", "value": {"a~b": "c", "d/e": "f"}}]),
        json!([{"op": "replace", "path": "/metadata/labels/d~1e", "value": "g"}]),
        json!([{"op": "remove", "path": "/metadata/labels/a~0b"}]),
        json!([{"op": "add", "path": "/metadata/labels", "value": {"a": "-"}}]),
        json!([{"op": "add", "path": "data/q", "value": "x"}]),
        json!([{"op": "add", "path": "", "value": {}}]),
        json!([{"op": "nothing", "path": "/data/q"}]),
        json!([{"op": "add", "value": "x"}]),
        json!([{"path": "/data/q", "value": "x"}]),
        json!([{"op": "add", "path": "/data/q"}]),
        json!({"op": "add", "path": "/data/q", "value": "x"}),
        json!("x"),
        json!([1]),
        json!([{"op": "remove", "path": "/metadata/name"}]),
        json!([{"op": "replace", "path": "/metadata/name", "value": "b"}]),
        json!([{"op": "replace", "path": "/metadata/uid", "value": "0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f"}]),
        json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}]),
        json!([{"op": "replace", "path": "/kind", "value": "Secret"}]),
        json!([{"op": "replace", "path": "/apiVersion", "value": "v2"}]),
        json!([{"op": "add", "path": "/datum", "value": 1}]),
        json!([{"op": "test", "path": "/metadata/name", "value": "a"}, {"op": "remove", "path": "/data"}]),
    ] {
        all.push(json_patch(a.as_str(), &patch));
    }
    for patch in [
        json!([{"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "e", "image": "j"}}]),
        json!([{"op": "add", "path": "/spec/template/spec/containers/0", "value": {"name": "f", "image": "j"}}]),
        json!([{"op": "remove", "path": "/spec/template/spec/containers/7"}]),
        json!([{"op": "remove", "path": "/spec/template/spec/containers/-1"}]),
        json!([{"op": "remove", "path": "/spec/template/spec/containers/x"}]),
        json!([{"op": "replace", "path": "/spec/replicas", "value": "x"}]),
        json!([{"op": "replace", "path": "/spec/replicas", "value": 5}]),
    ] {
        all.push(json_patch(d.as_str(), &patch));
    }
    // Merge patches.
    for patch in [
        json!({}),
        json!({"data": {"m": "1"}}),
        json!({"data": {"m": null}}),
        json!({"data": null}),
        json!({"data": {"m": 1}}),
        json!({"metadata": {"labels": {"m": "n"}, "annotations": {"k": "v"}}}),
        json!({"metadata": {"labels": null}}),
        json!({"metadata": {"name": "b"}}),
        json!({"metadata": {"resourceVersion": "1"}}),
        json!({"metadata": {"resourceVersion": "<rv a>"}, "data": {"r": "v"}}),
        json!({"metadata": {"uid": "<uid a>"}, "data": {"u": "v"}}),
        json!({"metadata": {"uid": "x"}}),
        json!({"metadata": {"namespace": "x"}}),
        json!({"metadata": {"generation": 4, "creationTimestamp": null}}),
        json!({"metadata": {"finalizers": ["a.b/c"]}}),
        json!({"metadata": {"finalizers": null}}),
        json!({"metadata": {"managedFields": null}}),
        json!({"metadata": {"managedFields": []}}),
        json!({"metadata": {"managedFields": [{}]}}),
        json!({"kind": "Secret"}),
        json!({"kind": null}),
        json!({"apiVersion": "apps/v1"}),
        json!([]),
        json!("x"),
        json!(null),
        json!({"datum": 1}),
    ] {
        all.push(merge(a.as_str(), &patch));
    }
    // Strategic merge patches.
    for patch in [
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "k"}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "n", "image": "k"}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "n", "$patch": "delete"}]}}}}),
        json!({"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "e"}, {"name": "c"}], "containers": [{"name": "e", "image": "z"}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"image": "k"}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 81}]}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "ports": [{"containerPort": 81, "$patch": "delete"}]}]}}}}),
        json!({"spec": {"template": {"spec": {"tolerations": [{"key": "a", "operator": "Exists"}]}}}}),
        json!({"spec": {"template": {"spec": {"tolerations": [{"key": "b", "operator": "Exists"}]}}}}),
        json!({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}),
        json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        json!({"spec": {"strategy": {"type": "RollingUpdate"}}}),
        json!({"spec": {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}}}),
        json!({"spec": {"template": {"spec": {"volumes": [{"$retainKeys": ["name", "configMap"], "name": "v", "configMap": {"name": "a"}}]}}}}),
        json!({"spec": {"template": {"spec": {"$patch": "replace", "containers": [{"name": "only", "image": "i"}]}}}}),
        json!({"spec": {"selector": null}}),
        json!({"spec": {"replicas": null}}),
        json!({"spec": {"nothing": 1}}),
        json!({"spec": {"replicas": "x"}}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"metadata": {"finalizers": ["a.b/c", "d.e/f"]}}),
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c", "d.e/f"]}}),
        json!({"$patch": "replace"}),
        json!({"$patch": "delete"}),
        json!({"$patch": "other"}),
        json!([]),
        json!({}),
    ] {
        all.push(strategic(d.as_str(), &patch));
    }
    all.extend(custom(&w));
    // How a patch is sent.
    all.extend([
        Request::new("PATCH", a.as_str()).bytes("application/json", "{}"),
        Request::new("PATCH", a.as_str())
            .bytes("application/merge-patch+json; charset=utf-8", "{}"),
        Request::new("PATCH", a.as_str()).bytes("text/plain", "{}"),
        Request::new("PATCH", a.as_str()).bytes("application/merge-patch+json", ""),
        Request::new("PATCH", a.as_str()).bytes("application/merge-patch+json", "{"),
        Request::new("PATCH", a.as_str()).bytes("application/json-patch+json", "["),
        Request::new("PATCH", a.as_str()).bytes("application/json-patch+json", ""),
        Request::new("PATCH", a.as_str()).bytes("application/strategic-merge-patch+json", "{"),
        Request::new("PATCH", a.as_str()).bytes("application/strategic-merge-patch+json", ""),
        Request::new("PATCH", a.as_str()),
        merge(format!("{MAPS}/nothing"), &json!({})),
        json_patch(format!("{MAPS}/nothing"), &json!([])),
        strategic(format!("{MAPS}/nothing"), &json!({})),
        merge(MAPS, &json!({})),
        merge(format!("{a}?force=true"), &json!({})),
        merge(format!("{a}?dryRun=All"), &json!({"data": {"dry": "1"}})),
        merge(format!("{a}?fieldManager=m"), &json!({"data": {"by": "m"}})),
        merge(format!("{a}?fieldValidation=Strict"), &json!({"datum": 1})),
        strategic(format!("{a}?fieldValidation=Strict"), &json!({"datum": 1})),
        json_patch(
            format!("{a}?fieldValidation=Strict"),
            &json!([{"op": "add", "path": "/datum", "value": 1}]),
        ),
        json_patch(
            format!("{a}?fieldValidation=Strict"),
            &json!([{"op": "add", "path": "/data", "value": {}, "extra": 1}]),
        ),
        Request::new("PATCH", format!("{a}?fieldValidation=Strict")).bytes(
            "application/merge-patch+json",
            r#"{"data":{"a":"1","a":"2"}}"#,
        ),
        Request::new("PATCH", a.as_str()).bytes(
            "application/merge-patch+json",
            r#"{"data":{"a":"1","a":"2"}}"#,
        ),
        Request::new("PATCH", format!("{a}?fieldValidation=Strict")).bytes(
            "application/strategic-merge-patch+json",
            r#"{"data":{"a":"1","a":"2"}}"#,
        ),
        merge(
            format!("{w}?fieldValidation=Strict"),
            &json!({"spec": {"nothing": 1}}),
        ),
        merge(
            format!("{w}?fieldValidation=Ignore"),
            &json!({"spec": {"nothing": 1}}),
        ),
        get(a),
        get(d),
        get(w),
    ]);
    all
}

fn custom(w: &str) -> Vec<Request> {
    let mut all = Vec::new();
    let value: [Value; 11] = [
        json!({}),
        json!({"spec": {"executor": {"subject": {"type": "ServiceAccount", "serviceAccount": {"name": "a", "namespace": "b"}}}}}),
        json!({"spec": {"executor": null}}),
        json!({"spec": {"deleteOption": {"propagationPolicy": "Nothing"}}}),
        json!({"spec": {"workload": {"manifests": "x"}}}),
        json!({"spec": {"workload": null}}),
        json!({"spec": null}),
        json!({"metadata": {"resourceVersion": null}}),
        json!({"metadata": {"resourceVersion": "1"}}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"status": {"conditions": []}, "nothing": 1}),
    ];
    all.extend(value.iter().map(|patch| merge(w, patch)));
    all.push(strategic(w, &json!({})));
    all.push(json_patch(w, &json!([{"op": "add", "path": "/spec/workload/manifests/-", "value": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}}])));
    all.push(json_patch(w, &json!([{"op": "remove", "path": "/spec"}])));
    all.push(json_patch(
        w,
        &json!([{"op": "remove", "path": "/spec/workload/manifests/0"}]),
    ));
    all.push(post(
        WORKS,
        &with(
            work("x"),
            &json!({"spec": {"deleteOption": {"propagationPolicy": "Nothing"}}}),
        ),
    ));
    all.push(post(
        WORKS,
        &with(work("x"), &json!({"spec": {"manifestConfigs": [{}]}})),
    ));
    all.push(post(WORKS, &with(work("x"), &json!({"spec": {"manifestConfigs": [{"resourceIdentifier": {"resource": "a", "name": "b"}, "feedbackRules": [{"type": "X"}]}]}}))));
    all
}
