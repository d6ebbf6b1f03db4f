use serde_json::{Value, json};

use super::{CLUSTERS, DEPLOYMENTS, MAPS, WORKS, cluster, deployment, map, with, work};
use crate::request::{Request, delete, get, merge, post, put};

pub(super) fn requests() -> Vec<Request> {
    let held = |name: &str| with(map(name), &json!({"metadata": {"finalizers": ["a.b/c"]}}));
    let a = format!("{MAPS}/a");
    let h = format!("{MAPS}/h");
    let mut all = vec![
        delete(a.as_str()),
        post(MAPS, &map("a")),
        delete(a.as_str()),
        post(MAPS, &held("h")),
        delete(h.as_str()),
        delete(h.as_str()),
        get(h.as_str()),
        post(MAPS, &map("h")),
        put(
            h.as_str(),
            &with(held("h"), &json!({"data": {"while": "deleting"}})),
        ),
        merge(
            h.as_str(),
            &json!({"metadata": {"finalizers": ["a.b/c", "d.e/f"]}}),
        ),
        merge(
            h.as_str(),
            &json!({"metadata": {"deletionTimestamp": null}}),
        ),
        merge(
            h.as_str(),
            &json!({"metadata": {"deletionGracePeriodSeconds": 7}}),
        ),
        merge(
            format!("{h}?dryRun=All"),
            &json!({"metadata": {"finalizers": null}}),
        ),
        merge(h.as_str(), &json!({"metadata": {"finalizers": null}})),
        get(h.as_str()),
    ];
    // What is said in the body.
    for options in [
        json!({}),
        json!({"kind": "DeleteOptions", "apiVersion": "v1"}),
        json!({"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}),
        json!({"kind": "DeleteOptions", "apiVersion": "apps/v1"}),
        json!({"kind": "ConfigMap", "apiVersion": "v1"}),
        json!({"kind": "Nothing", "apiVersion": "v1"}),
        json!({"propagationPolicy": "Background"}),
        json!({"propagationPolicy": "Nothing"}),
        json!({"propagationPolicy": ""}),
        json!({"propagationPolicy": "Background", "orphanDependents": true}),
        json!({"orphanDependents": false}),
        json!({"gracePeriodSeconds": 0}),
        json!({"gracePeriodSeconds": 30}),
        json!({"gracePeriodSeconds": -1}),
        json!({"gracePeriodSeconds": "x"}),
        json!({"dryRun": ["All"]}),
        json!({"dryRun": ["Some"]}),
        json!({"dryRun": "All"}),
        json!({"preconditions": {"uid": "x"}}),
        json!({"preconditions": {"resourceVersion": "1"}}),
        json!({"preconditions": {"uid": "<uid o>", "resourceVersion": "<rv o>"}}),
        json!({"preconditions": {"nothing": 1}}),
        json!({"nothing": 1}),
        json!([]),
        json!("x"),
    ] {
        let o = format!("{MAPS}/o");
        all.push(post(MAPS, &map("o")));
        all.push(delete(o.as_str()).json(&options));
        all.push(get(o.as_str()));
        all.push(delete(o.as_str()));
    }
    for query in [
        "propagationPolicy=Background",
        "propagationPolicy=Nothing",
        "orphanDependents=true&propagationPolicy=Background",
        "gracePeriodSeconds=0",
        "gracePeriodSeconds=x",
        "dryRun=All",
        "dryRun=Some",
        "preconditions.uid=x",
        "resourceVersion=1",
        "nothing=1",
        "ignoreStoreReadErrorWithClusterBreakingPotential=true",
    ] {
        let o = format!("{MAPS}/o");
        all.push(post(MAPS, &map("o")));
        all.push(delete(format!("{o}?{query}")));
        all.push(get(o.as_str()));
        all.push(delete(o.as_str()));
    }
    all.extend(waiting());
    all.extend(kinds());
    all.extend(collections());
    all
}

/// Deletes for which controllers have something to do.
fn waiting() -> Vec<Request> {
    let mut all = Vec::new();
    for policy in ["Foreground", "Orphan", "Background"] {
        let name = policy.to_lowercase();
        let path = format!("{MAPS}/{name}");
        let object = with(map(&name), &json!({"metadata": {"finalizers": ["a.b/c"]}}));
        all.extend([
            post(MAPS, &object),
            delete(format!("{path}?dryRun=All"))
                .json(&json!({"propagationPolicy": policy, "dryRun": ["All"]})),
            delete(path.as_str()).json(&json!({"propagationPolicy": policy})),
            merge(path.as_str(), &json!({"metadata": {"finalizers": null}})).settles(),
            get(path).settles(),
        ]);
    }
    all.extend([
        post(
            MAPS,
            &with(map("w"), &json!({"metadata": {"finalizers": ["a.b/c"]}})),
        ),
        delete(format!("{MAPS}/w")).json(&json!({"orphanDependents": false})),
        merge(
            format!("{MAPS}/w"),
            &json!({"metadata": {"finalizers": null}}),
        ),
    ]);
    all
}

fn kinds() -> Vec<Request> {
    let core = "/api/v1/namespaces/<ns>";
    let pod = |name: &str, spec: Value| json!({"metadata": {"name": name}, "spec": with(json!({"containers": [{"name": "c", "image": "i"}]}), &spec)});
    vec![
        post(
            format!("{core}/secrets"),
            &json!({"metadata": {"name": "s"}}),
        ),
        delete(format!("{core}/secrets/s")),
        post(
            format!("{core}/serviceaccounts"),
            &json!({"metadata": {"name": "s"}}),
        ),
        delete(format!("{core}/serviceaccounts/s")),
        post(
            format!("{core}/services"),
            &json!({"metadata": {"name": "s"}, "spec": {"clusterIP": "None"}}),
        ),
        delete(format!("{core}/services/s")),
        post(format!("{core}/pods"), &pod("p", json!({}))),
        delete(format!("{core}/pods/p")),
        post(format!("{core}/pods"), &pod("n", json!({"nodeName": "x"}))),
        delete(format!("{core}/pods/n")),
        delete(format!("{core}/pods/n?gracePeriodSeconds=5")),
        delete(format!("{core}/pods/n?gracePeriodSeconds=0")),
        get(format!("{core}/pods/n")),
        post(DEPLOYMENTS, &deployment("d")),
        delete(format!("{DEPLOYMENTS}/d")),
        post(WORKS, &work("w")),
        delete(format!("{WORKS}/w")),
        post(
            WORKS,
            &with(work("w"), &json!({"metadata": {"finalizers": ["a.b/c"]}})),
        ),
        delete(format!("{WORKS}/w")),
        merge(
            format!("{WORKS}/w"),
            &json!({"spec": {"executor": {"subject": {"type": "ServiceAccount", "serviceAccount": {"name": "a", "namespace": "b"}}}}}),
        ),
        merge(
            format!("{WORKS}/w"),
            &json!({"metadata": {"finalizers": []}}),
        ),
        get(format!("{WORKS}/w")),
        post(CLUSTERS, &cluster("<ns>-d")),
        delete(format!("{CLUSTERS}/<ns>-d")),
        delete(format!("{CLUSTERS}/<ns>-d")),
        post(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/<ns>/roles",
            &json!({"metadata": {"name": "r"}, "rules": []}),
        ),
        delete("/apis/rbac.authorization.k8s.io/v1/namespaces/<ns>/roles/r"),
        post(
            "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases",
            &json!({"metadata": {"name": "l"}}),
        ),
        delete("/apis/coordination.k8s.io/v1/namespaces/<ns>/leases/l"),
        delete("/api/v1/namespaces/default"),
        delete("/api/v1/namespaces/kube-system"),
        delete("/api/v1/namespaces/kube-public"),
        get("/api/v1/namespaces/kube-node-lease"),
        delete("/api/v1/namespaces/nowhere"),
        post(
            "/api/v1/namespaces",
            &json!({"metadata": {"name": "<ns>-gone", "finalizers": ["a.b/c"]}}),
        ),
        delete("/api/v1/namespaces/<ns>-gone?dryRun=All"),
        delete("/api/v1/namespaces/<ns>-gone"),
        post("/api/v1/namespaces/<ns>-gone/configmaps", &map("late")),
        merge(
            "/api/v1/namespaces/<ns>-gone",
            &json!({"metadata": {"finalizers": null}}),
        )
        .settles(),
        get("/api/v1/namespaces/<ns>-gone").settles(),
        delete("/api/v1/namespaces"),
        delete("/apis/authorization.k8s.io/v1/subjectaccessreviews/x"),
    ]
}

fn collections() -> Vec<Request> {
    let mut all = Vec::new();
    let secrets = "/api/v1/namespaces/<ns>/secrets";
    for (query, options) in [
        ("labelSelector=a=1", Value::Null),
        ("fieldSelector=metadata.name=s2", Value::Null),
        ("dryRun=All", Value::Null),
        ("", json!({"dryRun": ["All"]})),
        ("", json!({"preconditions": {"uid": "x"}})),
        ("", json!({"propagationPolicy": "Nothing"})),
        ("labelSelector=a%20in", Value::Null),
        ("fieldSelector=spec.x=1", Value::Null),
        ("limit=1", Value::Null),
        ("resourceVersion=0", Value::Null),
        ("resourceVersion=x", Value::Null),
        ("continue=x", Value::Null),
        (
            "propagationPolicy=Background&gracePeriodSeconds=0",
            Value::Null,
        ),
        ("", Value::Null),
    ] {
        for (name, label) in [("s1", "1"), ("s2", "2"), ("s3", "1")] {
            all.push(post(
                secrets,
                &json!({"metadata": {"name": name, "labels": {"a": label}}}),
            ));
        }
        let request = delete(format!("{secrets}?{query}"));
        all.push(if options.is_null() {
            request
        } else {
            request.json(&options)
        });
        all.push(get(secrets));
    }
    all.extend([
        post(WORKS, &work("c1")),
        post(WORKS, &work("c2")),
        delete(format!("{WORKS}?labelSelector=a=b")),
        delete(format!("{WORKS}?fieldSelector=metadata.name=c1")),
        delete(WORKS),
        delete("/api/v1/configmaps?labelSelector=nothing=here"),
        delete(format!("{MAPS}?labelSelector=nothing=here"))
            .accept("application/json;as=Table;v=v1;g=meta.k8s.io"),
    ]);
    all
}
