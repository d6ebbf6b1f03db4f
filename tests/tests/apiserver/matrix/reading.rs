//! The ways to look at objects and at what is served.

use super::{Step, feed, run};

pub(crate) const READING: &[Step] = &[
    feed("create -f -", OBJECTS),
    run("get configmaps -l set=r"),
    run("get configmaps -l set=r --chunk-size=2"),
    run("get configmaps -l set=r --chunk-size=2 -o name"),
    run("get configmaps -l set=r --no-headers"),
    run("get configmaps -l set=r --show-kind"),
    run("get configmaps -l set=r -L set,number"),
    run("get configmaps -l set=r --sort-by=.data.order"),
    run("get configmaps -l set=r -o custom-columns=NAME:.metadata.name,N:.data.order"),
    run("get configmaps -l set=r -o go-template={{range.items}}{{.metadata.name}};{{end}}"),
    run("get configmaps -l set=r -o jsonpath={.items[*].data.order}"),
    run("get configmaps -l set=r -o json"),
    run("get configmaps -l set=r,number!=1 -o name"),
    run("get configmaps -l number -o name"),
    run("get configmaps -l !number,set=r -o name"),
    run("get configmaps -l set=nothing"),
    run("get configmaps -l =x"),
    run("get configmaps --field-selector metadata.name=r1,metadata.namespace={namespace} -o name"),
    run("get configmaps --field-selector metadata.name!=r1 -l set=r -o name"),
    run("get configmap/r1 secret/r4"),
    run("get configmap r1 r2 nothing"),
    run("get configmap,secret -l set=r"),
    run("get cm r1"),
    run("get configmaps.v1. r1"),
    run("get nothing"),
    run("get configmap r1 --output=nothing"),
    run("get configmap r1 -o jsonpath-as-json={.data}"),
    run("get configmap r1 --ignore-not-found"),
    run("get configmap nothing --ignore-not-found"),
    run("get configmap r1 --raw /api/v1"),
    run("get --raw /api/v1/namespaces/{namespace}/configmaps/r1"),
    run("get --raw /api/v1/namespaces/{namespace}/configmaps/nothing"),
    run(
        "get --raw /api/v1/namespaces/{namespace}/configmaps?limit=1&labelSelector=set=r&continue=x",
    ),
    run("get --raw /api/v1/namespaces/{namespace}/nothing"),
    run("get --raw /nothing"),
    run("get --raw /livez"),
    run("get --raw /readyz"),
    run("get --raw /apis/rbac.authorization.k8s.io"),
    run("get --raw /apis/coordination.k8s.io/v1"),
    run("get --raw /apis/authorization.k8s.io/v1"),
    run("get namespace {namespace}"),
    run("get namespace {namespace} -o wide"),
    run("get namespace {namespace} -o yaml"),
    run("get service,endpoints -l set=r"),
    run("get all -l set=r"),
    run("describe configmap r1"),
    run("describe configmap r1 r2"),
    run("describe configmap -l number"),
    run("describe configmap nothing"),
    run("describe secret r4"),
    run("describe serviceaccount r5"),
    run("describe service r6"),
    run("describe lease r7"),
    run("get lease r7"),
    run("get lease r7 -o yaml"),
    feed("create -f -", EVENT),
    run("get events --field-selector involvedObject.name=r1"),
    run("get events --field-selector involvedObject.name=r1 -o wide"),
    run("get events.v1.events.k8s.io --field-selector regarding.name=r1 -o yaml"),
    run("events --for configmap/r1"),
    run("events --for configmap/r1 --types=Warning"),
    run("describe configmap r1"),
    run("get clusterrole view edit admin cluster-admin -o name"),
    run("get clusterrole system:basic-user -o yaml"),
    run("describe clusterrole system:basic-user"),
    run("cluster-info"),
    run("explain nothing"),
    run("explain configmap.nothing"),
    run("api-resources --api-group=coordination.k8s.io"),
    run("api-resources --api-group=rbac.authorization.k8s.io -o wide"),
    run("api-resources --api-group=certificates.k8s.io -o name"),
    run("api-resources --api-group=authorization.k8s.io --verbs=create --sort-by=kind"),
    run("api-resources --api-group=events.k8s.io --no-headers"),
    run("wait --for=jsonpath={.data.order}=3 configmap/r1 --timeout=20s"),
    run("wait --for=condition=Ready configmap/r1 --timeout=5s"),
    run("wait --for=delete configmap/nothing --timeout=20s"),
    run("wait --for=create configmap/r1 --timeout=20s"),
    run("wait --for=jsonpath={.data.order} configmap -l set=r --timeout=20s"),
];

const OBJECTS: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: r1, labels: {set: r, number: "1"}, annotations: {note: "said\nin two lines"}}
data: {order: "3"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: r2, labels: {set: r, number: "2"}}
data: {order: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: r3, labels: {set: r}}
data: {order: "2"}
binaryData: {bytes: AAEC}
---
apiVersion: v1
kind: Secret
metadata: {name: r4, labels: {set: r}}
data: {p: cQ==}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: r5, labels: {set: r}}
imagePullSecrets: [{name: r4}]
---
apiVersion: v1
kind: Service
metadata: {name: r6, labels: {set: r}}
spec: {clusterIP: None, ports: [{port: 80}]}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: r7, labels: {set: r}}
spec: {holderIdentity: me, leaseDurationSeconds: 15, leaseTransitions: 2, renewTime: "2026-01-02T03:04:05.678901Z"}
"#;
const EVENT: &str = r#"
apiVersion: v1
kind: Event
metadata: {name: r1.happened}
involvedObject: {apiVersion: v1, kind: ConfigMap, name: r1, namespace: "{namespace}"}
type: Normal
reason: Happened
message: it happened
count: 3
source: {component: tests}
firstTimestamp: "2026-01-02T03:04:05Z"
lastTimestamp: "2026-01-02T03:05:05Z"
"#;
