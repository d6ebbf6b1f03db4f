//! The ways to change an object.

use super::{Step, feed, run};

/// With `sed -i s/one/two/` as the editor.
pub(crate) const CHANGES: &[Step] = &[
    feed("create -f -", SEVERAL),
    feed("create -f -", SEVERAL),
    run("edit configmap a"),
    run("get configmap a -o jsonpath={.data.x}"),
    run("edit configmap a"),
    run("edit configmap nothing"),
    run("edit configmap a -o yaml --show-managed-fields"),
    run("get configmap a -o yaml --show-managed-fields"),
    feed("replace -f -", CHANGED),
    feed("replace -f -", STALE),
    feed("replace -f -", UNKNOWN),
    feed("replace --force -f -", CHANGED),
    run("get configmap a -o jsonpath={.data}"),
    feed("create --dry-run=server -o yaml -f -", OTHER),
    feed("apply --dry-run=server -f -", OTHER),
    feed("apply --dry-run=server --server-side -o yaml -f -", OTHER),
    feed("apply --dry-run=client -f -", OTHER),
    feed("create --dry-run=client -o name -f -", OTHER),
    run("create configmap o --dry-run=server -o yaml"),
    run("get configmap o"),
    feed("replace --dry-run=server -f -", CHANGED),
    run("label configmap a --dry-run=server of=x"),
    run("annotate configmap a --dry-run=server note=x"),
    run("patch configmap a --dry-run=server -p {\"data\":{\"y\":\"2\"}} -o yaml"),
    run("delete configmap a --dry-run=server"),
    run("get configmap a -o yaml"),
    run("label configmap a of=x"),
    run("label configmap a --list"),
    run("label configmap a --resource-version=1 of=y --overwrite"),
    run("label configmap a of-"),
    run("label configmap a of-"),
    run("label configmap a of=not/a/value"),
    run("label configmap -l app=one more=yes"),
    run("label configmap nothing of=x"),
    run("annotate configmap a note=x"),
    run("annotate configmap a note=y"),
    run("annotate configmap a note-"),
    run("annotate configmap a --list"),
    run("patch configmap a -p {\"data\":{\"y\":\"2\",\"x\":null}}"),
    run("patch configmap a -p {\"data\":{\"y\":\"2\"}}"),
    run("patch configmap a -p {\"metadata\":{\"name\":\"other\"}}"),
    run("patch configmap a -p {\"metadata\":{\"finalizers\":[\"example.com/wait\"]}}"),
    run("delete configmap a --wait=false"),
    run("get configmap a -o jsonpath={.metadata.deletionGracePeriodSeconds}"),
    run("delete configmap a --wait=false"),
    run("patch configmap a --type=json -p [{\"op\":\"remove\",\"path\":\"/metadata/finalizers\"}]"),
    run("wait --for=delete configmap/a --timeout=20s"),
    run("get configmap a"),
    run("patch configmap a -p {}"),
    run(
        "patch namespace {namespace} --type=merge -p {\"metadata\":{\"labels\":{\"of\":\"x\"}},\"spec\":{\"finalizers\":[]}}",
    ),
    run("get namespace {namespace} -o jsonpath={.spec.finalizers}"),
    run("patch namespace {namespace} --subresource=nothing --type=merge -p {}"),
    run("apply view-last-applied configmap b"),
    feed("apply -f -", OTHER),
    run("apply view-last-applied configmap o"),
    feed("apply set-last-applied -f -", OTHER),
    feed("apply -f -", MANY),
    feed("diff -f -", MANY_CHANGED),
    feed("diff --server-side -f -", MANY_CHANGED),
    feed("apply -f -", MANY_CHANGED),
    feed("apply --server-side -f -", MANY_CHANGED),
    feed("apply --server-side --field-manager=other -f -", MANY),
    feed(
        "apply --server-side --field-manager=other --force-conflicts -f -",
        MANY,
    ),
    feed(
        "apply --prune -l set=many --prune-allowlist=core/v1/ConfigMap -f -",
        ONE_OF_MANY,
    ),
    run("get configmaps -l set=many -o name"),
    feed("apply --server-side -f -", NAMELESS),
    feed("create -f -", NAMELESS),
    feed("apply -f -", TYPELESS),
    feed("create -f -", TYPELESS),
    feed("create -f -", NO_SUCH_KIND),
    feed("apply -f -", LIST),
    feed("delete -f -", LIST),
    feed("create -f -", ELSEWHERE),
    feed("create -f -", BROKEN),
    feed("create -f -", TWICE),
    feed("create --validate=warn -f -", TWICE),
    feed("create --validate=ignore -f -", UNKNOWN),
    run(
        "create secret docker-registry pull --docker-username=u --docker-password=p --docker-server=s",
    ),
    run("get secret pull -o yaml"),
    run("get secret pull"),
    feed("create -f -", IMMUTABLE),
    run("patch configmap fixed -p {\"data\":{\"x\":\"2\"}}"),
    run("patch configmap fixed -p {\"immutable\":false}"),
    run("delete configmap fixed --now"),
    run("delete configmap b --grace-period=0 --force"),
    run("delete configmap -l app=one"),
    run("delete secret --all"),
    run("delete configmap,secret -l set=many"),
    run("delete configmap nothing --ignore-not-found"),
    run("delete configmap nothing other"),
    run("delete nothing/a"),
    run("delete configmap o --cascade=foreground"),
];

const SEVERAL: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {x: one}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, labels: {app: one}}
binaryData: {x: AAEC}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {x: one}
type: example.com/own
"#;
const CHANGED: &str =
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"three"}}"#;
const STALE: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","resourceVersion":"1"},"data":{"x":"four"}}"#;
const UNKNOWN: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"three"},"more":{}}"#;
const OTHER: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"o","labels":{"app":"one"}},"data":{"x":"1"}}"#;
const MANY: &str = r#"
{apiVersion: v1, kind: ConfigMap, metadata: {name: m1, labels: {set: many}}, data: {x: "1"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: m2, labels: {set: many}}, data: {x: "1"}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: m3, labels: {set: many}}}
"#;
const MANY_CHANGED: &str = r#"
{apiVersion: v1, kind: ConfigMap, metadata: {name: m1, labels: {set: many}}, data: {x: "2"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: m2, labels: {set: many}}, data: {x: "1"}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: m3, labels: {set: many}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: m4, labels: {set: many}}, data: {x: "1"}}
"#;
const ONE_OF_MANY: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m1","labels":{"set":"many"}},"data":{"x":"1"}}"#;
const NAMELESS: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{}}"#;
const TYPELESS: &str = r#"{"metadata":{"name":"a"}}"#;
const NO_SUCH_KIND: &str =
    r#"{"apiVersion":"example.com/v1","kind":"Nothing","metadata":{"name":"a"}}"#;
const LIST: &str = r#"
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: l1}, data: {x: "1"}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: l2}}
"#;
const ELSEWHERE: &str =
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default"}}"#;
const BROKEN: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"#;
const TWICE: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"x":"1"},"data":{"x":"2"}}"#;
const IMMUTABLE: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"fixed"},"data":{"x":"1"},"immutable":true}"#;
