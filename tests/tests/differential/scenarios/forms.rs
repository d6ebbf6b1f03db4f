use serde_json::json;

use super::{DEPLOYMENTS, MAPS, WORKS, deployment, map, with, work};
use crate::request::{Request, delete, get, merge, post};

pub(super) fn requests() -> Vec<Request> {
    let a = format!("{MAPS}/a");
    let mut all = vec![
        post(
            MAPS,
            &with(map("a"), &json!({"metadata": {"labels": {"l": "m"}}})),
        ),
        post(MAPS, &map("b")),
        post(DEPLOYMENTS, &deployment("d")),
        post(WORKS, &work("w")),
    ];
    for media in [
        "",
        "*/*",
        "application/*",
        "application/json",
        "application/json;charset=utf-8",
        "application/json; q=0.5, application/yaml",
        "application/json;q=0",
        "application/yaml",
        "text/html",
        "text/html, application/json",
        "text/html, */*",
        "application/json;pretty=1",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
        "application/json;as=Table;v=v2;g=meta.k8s.io",
        "application/json;as=Table;v=v1;g=other",
        "application/json;as=Table;v=v2;g=meta.k8s.io, application/json",
        "application/json;as=Table;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io",
        "application/json;as=Nothing;v=v1;g=meta.k8s.io",
        "application/yaml;as=Table;v=v1;g=meta.k8s.io",
        "application/json;stream=watch",
        "application/json;stream=nothing",
        "application/json;unknown=1",
        "application/vnd.kubernetes.protobuf, application/json",
        "application/cbor, application/json",
        "application",
        "/",
        ";",
        "application/json;;",
        "application/json,,",
        ",",
    ] {
        all.push(get(a.as_str()).accept(media));
        all.push(get(MAPS).accept(media));
    }
    const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    const PARTIAL: &str =
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
    const PARTIALS: &str =
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
    for path in [
        a.clone(),
        MAPS.to_owned(),
        format!("{DEPLOYMENTS}/d"),
        DEPLOYMENTS.to_owned(),
        format!("{WORKS}/w"),
        WORKS.to_owned(),
        format!("{MAPS}/nothing"),
        format!("{MAPS}?limit=1"),
    ] {
        for media in [TABLE, PARTIAL, PARTIALS] {
            all.push(get(path.as_str()).accept(media));
        }
    }
    for include in ["None", "Metadata", "Object", "Nothing", ""] {
        all.push(get(format!("{MAPS}?includeObject={include}")).accept(TABLE));
    }
    for path in [
        "/api/v1/namespaces/<ns>",
        "/api/v1/namespaces/<ns>/serviceaccounts",
        "/api/v1/namespaces/<ns>/secrets",
        "/api/v1/namespaces/<ns>/services",
        "/api/v1/namespaces/<ns>/pods",
        "/api/v1/namespaces/<ns>/endpoints",
        "/api/v1/namespaces/<ns>/events",
        "/api/v1/nodes",
        "/apis/batch/v1/namespaces/<ns>/jobs",
        "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests?fieldSelector=metadata.name=x",
        "/apis/discovery.k8s.io/v1/namespaces/<ns>/endpointslices",
        "/apis/events.k8s.io/v1/namespaces/<ns>/events",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/<ns>/roles",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/<ns>/rolebindings",
        "/apis/cluster.open-cluster-management.io/v1/managedclusters?fieldSelector=metadata.name=x",
        "/apis/cluster.open-cluster-management.io/v1beta2/managedclustersets",
        "/apis/cluster.open-cluster-management.io/v1beta1/namespaces/<ns>/placements",
        "/apis/cluster.open-cluster-management.io/v1beta1/namespaces/<ns>/placementdecisions",
        "/apis/addon.open-cluster-management.io/v1alpha1/namespaces/<ns>/managedclusteraddons",
        "/apis/addon.open-cluster-management.io/v1alpha1/clustermanagementaddons",
        "/apis/work.open-cluster-management.io/v1/appliedmanifestworks",
    ] {
        all.push(get(path).accept(TABLE));
        all.push(get(path));
    }
    all.extend(methods(&a));
    all.extend(bodies());
    all.extend(writes(TABLE, PARTIAL));
    all
}

fn methods(a: &str) -> Vec<Request> {
    let mut all = Vec::new();
    for method in ["OPTIONS", "TRACE", "CONNECTED", "get", "FROB"] {
        all.push(Request::new(method, a));
        all.push(Request::new(method, MAPS));
    }
    all.extend([
        Request::new("PUT", MAPS),
        Request::new("PATCH", MAPS),
        Request::new("POST", a),
        post(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            &json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}),
        ),
        get("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        post(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?dryRun=All",
            &json!({"spec": {}}),
        ),
        post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            &json!({}),
        ),
        post(
            "/apis/authentication.k8s.io/v1/tokenreviews",
            &json!({"spec": {"token": "x"}}),
        ),
        post(
            "/apis/authentication.k8s.io/v1/tokenreviews",
            &json!({"spec": {}}),
        ),
        post(
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            &json!({"spec": {}}),
        ),
        Request::new("POST", "/healthz"),
        Request::new("POST", "/version"),
        get("/healthz/"),
        get("/healthz/ping"),
        get("/healthz/nothing"),
        get("/livez"),
        get("/readyz"),
        get("/apis/apps"),
        get("/apis/apps/"),
        get("/apis/nothing"),
        get("/apis/apps/v7"),
        get("/api/v7"),
        get("/api//v1/namespaces"),
        get("/api/v1//namespaces"),
        get("/api/v1/namespaces/<ns>/configmaps/"),
        get("/api/v1/namespaces/<ns>/configmaps/a/"),
        get("/api/v1/namespaces/<ns>/configmaps/%2e%2e"),
        get("/api/v1/namespaces/<ns>/configmaps/a%2Fb"),
        get("/api/v1/namespaces/<ns>/configmaps/%FF"),
        get("/api/v1/namespaces/<ns>/configmaps/../secrets"),
        get("/api/v1/proxy/namespaces/x"),
        get("/api/v1/namespaces/<ns>/configmaps/A_b"),
    ]);
    all
}

fn bodies() -> Vec<Request> {
    let send = |media: &str, body: &str| Request::new("POST", MAPS).bytes(media, body);
    let text = map("body").to_string();
    vec![
        Request::new("POST", MAPS),
        send("application/json", ""),
        send("application/json", "{"),
        send("application/json", "nothing"),
        send("application/json", "\"\\ud800\""),
        send("application/json", "{\"kind\":\"ConfigMap\",}"),
        send("application/json", "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"two\"}}{}"),
        send("application/json", "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"tail\"}} x"),
        send("application/json", "{\"kind\":1,\"apiVersion\":\"v1\"}"),
        send("application/json", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: y1}\n"),
        Request::new("POST", format!("{MAPS}?dryRun=All")).bytes("application/yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: y2}\ndata: {on: \"1\", yes: \"2\"}\n"),
        send("application/yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: y3}\ndata: {a: 1}\n"),
        send("application/yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: y4}\ndata: &a {a: b}\nbinaryData: *b\n"),
        send("application/yaml", "a: b: c"),
        send("application/yaml", "\t- x"),
        send("application/yaml", ""),
        send("application/yaml", "--- {}\n--- {}\n"),
        send("application/yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: y5}\ndata: {a: 0o17, b: 0x1F, c: 1_000}\n"),
        send("application/yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: y6}\ndata: {<<: {a: b}, 1: \"x\", true: \"y\", ~: \"z\"}\n"),
        send("application/yaml", &text),
        send("application/json; charset=utf-8", &map("charset").to_string()),
        send("application/json;", &map("semicolon").to_string()),
        send("APPLICATION/JSON", &map("upper").to_string()),
        send("text/plain", &text),
        send("text/json", &text),
        send("application/xml", &text),
        send("", &map("no-type").to_string()),
        send("nothing", &text),
        send("application/merge-patch+json", &text),
        send("application/vnd.kubernetes.protobuf", &text),
        send("application/vnd.kubernetes.protobuf", "k8s\u{0}"),
        send("application/vnd.kubernetes.protobuf", ""),
        Request::new("POST", WORKS).bytes("application/vnd.kubernetes.protobuf", "k8s\u{0}"),
        Request::new("POST", WORKS).bytes("application/yaml", "apiVersion: work.open-cluster-management.io/v1\nkind: ManifestWork\nmetadata: {name: yaml}\nspec: {workload: {manifests: []}}\n"),
        Request::new("POST", WORKS).bytes("application/json", "{"),
        Request::new("POST", WORKS).bytes("application/json", ""),
        Request::new("POST", WORKS).bytes("application/json", "[]"),
        Request::new("POST", WORKS).bytes("application/json", "{}"),
        Request::new("POST", WORKS).bytes("text/plain", "{}"),
        send("application/cbor", "x"),
    ]
}

fn writes(table: &str, partial: &str) -> Vec<Request> {
    vec![
        post(MAPS, &map("t1")).accept(table),
        post(MAPS, &map("t2")).accept(partial),
        post(MAPS, &map("t3")).accept("application/yaml"),
        post(MAPS, &map("t4")).accept("text/html"),
        get(format!("{MAPS}/t4")),
        merge(format!("{MAPS}/t1"), &json!({"data": {"a": "b"}})).accept(table),
        delete(format!("{MAPS}/t1")).accept(table),
        delete(format!("{MAPS}/t2")).accept(partial),
        post(WORKS, &work("t1")).accept(table),
        post(WORKS, &work("t2")).accept(partial),
        delete(format!("{WORKS}/t2")).accept("application/yaml"),
        post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            &json!({}),
        )
        .accept(table),
        get(format!("{MAPS}?pretty=1")),
        get(format!("{MAPS}/t3")).header("user-agent", "Mozilla/5.0"),
    ]
}
