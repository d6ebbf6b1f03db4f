use serde_json::{Value, json};

use super::{CLUSTERS, DEPLOYMENTS, WORKS, cluster, deployment, with, work};
use crate::request::{Request, delete, get, json_patch, merge, post, put, strategic};

pub(super) fn requests() -> Vec<Request> {
    let mut all = statuses();
    all.extend(scales());
    all.extend(others());
    all
}

fn statuses() -> Vec<Request> {
    let d = format!("{DEPLOYMENTS}/d");
    let w = format!("{WORKS}/w");
    let c = format!("{CLUSTERS}/<ns>-c");
    let condition = json!({"type": "A", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z"});
    vec![
        post(DEPLOYMENTS, &deployment("d")),
        get(format!("{d}/status")),
        put(
            format!("{d}/status"),
            &with(
                deployment("d"),
                &json!({"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": {"replicas": 7}, "status": {"replicas": 1, "observedGeneration": 1}}),
            ),
        ),
        put(
            format!("{d}/status?dryRun=All"),
            &with(deployment("d"), &json!({"status": {"replicas": -1}})),
        ),
        put(
            format!("{d}/status?dryRun=All"),
            &with(
                deployment("d"),
                &json!({"status": {"replicas": 1, "readyReplicas": 2}}),
            ),
        ),
        put(
            format!("{d}/status"),
            &with(
                deployment("d"),
                &json!({"metadata": {"resourceVersion": "1"}}),
            ),
        ),
        put(
            format!("{d}/status"),
            &with(deployment("d"), &json!({"metadata": {"name": "e"}})),
        ),
        put(format!("{DEPLOYMENTS}/e/status"), &deployment("e")),
        merge(
            format!("{d}/status"),
            &json!({"status": {"conditions": [{"type": "Available", "status": "True"}]}, "spec": {"replicas": 2}}),
        ),
        strategic(
            format!("{d}/status"),
            &json!({"status": {"conditions": [{"type": "Progressing", "status": "True"}]}}),
        ),
        json_patch(
            format!("{d}/status"),
            &json!([{"op": "replace", "path": "/status/replicas", "value": 4}]),
        ),
        put(
            d.as_str(),
            &with(deployment("d"), &json!({"status": {"replicas": 9}})),
        ),
        delete(format!("{d}/status")),
        post(format!("{d}/status"), &deployment("d")),
        get(d),
        post(WORKS, &work("w")),
        get(format!("{w}/status")),
        put(
            format!("{w}/status"),
            &with(work("w"), &json!({"status": {"conditions": [condition]}})),
        ),
        put(
            format!("{w}/status"),
            &with(
                work("w"),
                &json!({"metadata": {"resourceVersion": "<rv w>", "labels": {"a": "b"}, "finalizers": ["a.b/c"]}, "spec": {"workload": {"manifests": []}}, "status": {"conditions": [condition]}}),
            ),
        ),
        put(
            format!("{w}/status"),
            &with(
                work("w"),
                &json!({"metadata": {"resourceVersion": "<rv w>"}, "status": {"conditions": [condition]}}),
            ),
        ),
        put(
            format!("{w}/status"),
            &with(
                work("w"),
                &json!({"metadata": {"resourceVersion": "<rv w>"}, "status": {"conditions": [{"type": "A"}]}}),
            ),
        ),
        put(
            format!("{w}/status"),
            &json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork", "metadata": {"name": "w", "resourceVersion": "<rv w>"}, "status": {}}),
        ),
        merge(
            format!("{w}/status"),
            &json!({"status": {"conditions": [condition], "nothing": 1}, "spec": null}),
        ),
        json_patch(
            format!("{w}/status"),
            &json!([{"op": "add", "path": "/status", "value": {"conditions": []}}]),
        ),
        json_patch(
            format!("{w}/status"),
            &json!([{"op": "remove", "path": "/status"}]),
        ),
        merge(w.as_str(), &json!({"status": {"conditions": []}})),
        get(w),
        post(CLUSTERS, &cluster("<ns>-c")),
        merge(
            format!("{c}/status"),
            &json!({"status": {"capacity": {"cpu": "4", "memory": "1Gi"}, "allocatable": {"cpu": 3.5}}}),
        ),
        merge(
            format!("{c}/status"),
            &json!({"status": {"conditions": [condition, condition]}}),
        ),
        merge(
            format!("{c}/status"),
            &json!({"status": {"version": {"kubernetes": 1}}}),
        ),
        get(format!("{c}/status")),
        get(format!("{c}/nothing")),
    ]
}

fn scales() -> Vec<Request> {
    let s = format!("{DEPLOYMENTS}/d/scale");
    let scale = |patch: Value| {
        with(
            json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": 4}}),
            &patch,
        )
    };
    vec![
        get(s.as_str()),
        put(
            s.as_str(),
            &scale(json!({"metadata": {"namespace": "<ns>"}})),
        ),
        put(s.as_str(), &scale(json!({}))),
        put(s.as_str(), &scale(json!({"spec": {"replicas": -1}}))),
        put(s.as_str(), &scale(json!({"metadata": {"name": "e"}}))),
        put(
            s.as_str(),
            &scale(json!({"metadata": {"resourceVersion": "1"}})),
        ),
        put(s.as_str(), &scale(json!({"metadata": {"uid": "x"}}))),
        put(
            s.as_str(),
            &scale(json!({"kind": "Deployment", "apiVersion": "apps/v1"})),
        ),
        put(s.as_str(), &scale(json!({"spec": {"replicas": "x"}}))),
        put(s.as_str(), &json!({"metadata": {"name": "d"}})),
        put(s.as_str(), &json!({"spec": {"replicas": 2}})),
        merge(s.as_str(), &json!({"spec": {"replicas": 6}})),
        merge(s.as_str(), &json!({"spec": {"replicas": 6}})),
        merge(
            s.as_str(),
            &json!({"spec": {"replicas": 7}, "status": {"replicas": 9}}),
        ),
        json_patch(
            s.as_str(),
            &json!([{"op": "replace", "path": "/spec/replicas", "value": 8}]),
        ),
        strategic(s.as_str(), &json!({"spec": {"replicas": 9}})),
        merge(format!("{s}?dryRun=All"), &json!({"spec": {"replicas": 1}})),
        merge(
            format!("{s}?fieldManager=scaler"),
            &json!({"spec": {"replicas": 2}}),
        ),
        merge(
            format!("{DEPLOYMENTS}/nothing/scale"),
            &json!({"spec": {"replicas": 1}}),
        ),
        get(format!("{DEPLOYMENTS}/nothing/scale")),
        delete(s),
    ]
}

fn others() -> Vec<Request> {
    let token = "/api/v1/namespaces/<ns>/serviceaccounts/default/token";
    let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let csr = |patch: Value| {
        let request = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWk1JR0FBZ0VBTUI0eERUQUxCZ05WQkFNTUJHcGhibVV4RFRBTEJnTlZCQW9NQkdSbGRuTXdXVEFUQmdjcQpoa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVJpYzQvRktxUThodnVrQVBHZHVhQlJlTlF0QzV2T09SOG44M0FmCkg0L09Td0FNa2NlNlVlSStwQTNpSmUyL3lGQnRkN3hhYUg2bWxNL1RuVlBFR1N3Mm9BQXdDZ1lJS29aSXpqMEUKQXdJRFNBQXdSUUlnYXg5UXkxV3VFNUptQ1hJa0ZQM0xiQW4zMlBNekxtQUtlNitpS3F4RFFEWUNJUUNsSE90YQo3Tk9IU1FqOUE5ait5S0N2V1B6dW5SVDlCQmNFdElXcy94MHRoQT09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";
        with(
            json!({"metadata": {"name": "<ns>"}, "spec": {"request": request, "signerName": "example.com/nobody", "usages": ["client auth"]}}),
            &patch,
        )
    };
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "reason": "R", "message": "m"});
    vec![
        post(
            token,
            &json!({"spec": {"audiences": ["a"], "expirationSeconds": 1}}),
        ),
        post(
            token,
            &json!({"spec": {"expirationSeconds": 5_000_000_000_u64}}),
        ),
        post(
            token,
            &json!({"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "nothing"}}}),
        ),
        post(
            token,
            &json!({"spec": {"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "nothing"}}}),
        ),
        post(
            "/api/v1/namespaces/<ns>/serviceaccounts/nobody/token",
            &json!({"spec": {}}),
        ),
        post(token, &json!({"metadata": {"name": "other"}, "spec": {}})),
        get(token),
        put(token, &json!({})),
        post(requests, &csr(json!({}))),
        post(
            requests,
            &csr(json!({"metadata": {"name": "<ns>-a"}, "spec": {"request": "YQ=="}})),
        ),
        post(
            requests,
            &csr(json!({"metadata": {"name": "<ns>-b"}, "spec": {"signerName": "x"}})),
        ),
        post(
            requests,
            &csr(json!({"metadata": {"name": "<ns>-c"}, "spec": {"usages": []}})),
        ),
        post(
            requests,
            &csr(json!({"metadata": {"name": "<ns>-d"}, "spec": {"usages": ["nothing"]}})),
        ),
        post(
            requests,
            &csr(json!({"metadata": {"name": "<ns>-e"}, "spec": {"expirationSeconds": 1}})),
        ),
        post(
            requests,
            &csr(
                json!({"metadata": {"name": "<ns>-f"}, "spec": {"username": "somebody", "groups": ["g"]}, "status": {"certificate": "YQ=="}}),
            ),
        ),
        put(
            format!("{requests}/<ns>"),
            &csr(json!({"spec": {"usages": ["server auth"]}})),
        ),
        put(
            format!("{requests}/<ns>"),
            &csr(json!({"metadata": {"labels": {"a": "b"}}})),
        ),
        put(
            format!("{requests}/<ns>/approval"),
            &csr(json!({"status": {"conditions": [condition("Approved")]}})),
        ),
        put(
            format!("{requests}/<ns>/approval"),
            &csr(json!({"status": {"conditions": [condition("Approved"), condition("Denied")]}})),
        ),
        put(format!("{requests}/<ns>/approval"), &csr(json!({}))),
        get(format!("{requests}/<ns>/approval")),
        merge(
            format!("{requests}/<ns>/status?dryRun=All"),
            &json!({"status": {"certificate": "YQ=="}}),
        ),
        merge(
            format!("{requests}/<ns>/status"),
            &json!({"status": {"conditions": [condition("Failed")]}}),
        ),
        get(format!(
            "{requests}?fieldSelector=spec.signerName=example.com/nobody,metadata.name=<ns>"
        )),
        delete(format!("{requests}/<ns>")),
        put(
            "/api/v1/namespaces/<ns>/finalize",
            &json!({"metadata": {"name": "<ns>"}, "spec": {"finalizers": ["kubernetes", "a.b/c"]}}),
        ),
        put(
            "/api/v1/namespaces/<ns>/finalize",
            &json!({"metadata": {"name": "<ns>"}, "spec": {"finalizers": ["kubernetes"]}}),
        ),
        put(
            "/api/v1/namespaces/<ns>/finalize",
            &json!({"metadata": {"name": "other"}}),
        ),
        get("/api/v1/namespaces/<ns>/finalize"),
        get("/api/v1/namespaces/<ns>/status"),
        merge(
            "/api/v1/namespaces/<ns>/status",
            &json!({"status": {"conditions": [{"type": "A", "status": "True"}]}}),
        ),
        merge(
            "/api/v1/namespaces/<ns>",
            &json!({"spec": {"finalizers": null}, "metadata": {"labels": {"kubernetes.io/metadata.name": "x", "a": "b"}}}),
        ),
    ]
}
