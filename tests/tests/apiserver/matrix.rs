//! What kubectl is asked to do. `{namespace}` stands for the namespace of the
//! one that is asked, which also makes names of what has none its own.

#[path = "matrix/changes.rs"]
mod changes;
#[path = "matrix/reading.rs"]
mod reading;
#[path = "matrix/workloads.rs"]
mod workloads;

pub(crate) use changes::CHANGES;
pub(crate) use reading::READING;
pub(crate) use workloads::WORKLOADS;

/// One command, with what is on its standard input.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) command: &'static str,
    pub(crate) stdin: &'static str,
}

const fn run(command: &'static str) -> Step {
    feed(command, "")
}

const fn feed(command: &'static str, stdin: &'static str) -> Step {
    Step { command, stdin }
}

pub(crate) const OBJECTS: &[Step] = &[
    run("create configmap a --from-literal=x=1"),
    run("create configmap a --from-literal=x=1"),
    run("get configmap a"),
    run("get configmap a -o yaml"),
    run("get configmap a -o wide"),
    run("get configmap a -o name"),
    run("get configmap a --show-labels"),
    run("get configmap nothing"),
    run("label configmap a of=x"),
    run("label configmap a of=y"),
    run("label configmap a of=y --overwrite"),
    run("annotate configmap a note=z"),
    run("get configmap -l of=y -o name"),
    run("get configmap --field-selector metadata.name=a -o name"),
    run("get configmap --field-selector spec.x=a"),
    run("describe configmap a"),
    run("patch configmap a --type=merge -p {\"data\":{\"y\":\"2\"}}"),
    run("patch configmap a --type=json -p [{\"op\":\"remove\",\"path\":\"/data/y\"}]"),
    run(
        "patch configmap a --type=json -p [{\"op\":\"test\",\"path\":\"/data/y\",\"value\":\"3\"}]",
    ),
    run("get configmap a -o jsonpath={.data}"),
    run("wait --for=jsonpath={.data.x}=1 configmap/a --timeout=20s"),
    run("delete configmap a"),
    run("delete configmap a"),
    run("create secret generic s --from-literal=p=q"),
    run("get secret s -o yaml"),
    run("get secret s"),
    run("describe secret s"),
    run("create serviceaccount robot"),
    run("get serviceaccount robot -o name"),
    run("create service clusterip none --clusterip=None --tcp=80:8080"),
    run("get service none -o yaml"),
    run("create deployment d --image=i"),
    run("scale deployment d --replicas=3"),
    run("get deployment d -o jsonpath={.spec.replicas}"),
    run("create namespace {namespace}-away"),
    run("get namespace {namespace}-away -o yaml"),
    run("get namespace {namespace}-away"),
    run("--namespace {namespace}-away create configmap inside --from-literal=x=1"),
    run("delete namespace {namespace}-away"),
    run("get namespace {namespace}-away"),
    run("delete namespace kube-system"),
    run("get events -o name --field-selector involvedObject.name=nothing"),
    feed(
        "create -f -",
        "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"Bad\"}}",
    ),
    feed(
        "create -f -",
        "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"b\",\"labels\":{\"a\":\"-\"}}}",
    ),
    feed(
        "create -f -",
        "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"generateName\":\"g-\"},\"datum\":{}}",
    ),
    feed(
        "create --validate=false -f -",
        "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\"},\"datum\":{}}",
    ),
    feed(
        "create --dry-run=server -o name -f -",
        "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"}}",
    ),
    run("get configmap e"),
];

pub(crate) const APPLIED: &[Step] = &[
    feed("diff -f -", ONE),
    feed("apply -f -", ONE),
    feed("apply -f -", ONE),
    feed("diff -f -", TWO),
    feed("apply -f -", TWO),
    run("get configmap a -o yaml --show-managed-fields"),
    feed("apply --server-side -f -", ONE),
    feed("apply --server-side --force-conflicts -f -", ONE),
    run("get configmap a -o yaml --show-managed-fields"),
    feed("apply --server-side --field-manager=other -f -", TWO),
    feed(
        "apply --server-side --field-manager=other --force-conflicts -f -",
        TWO,
    ),
    run("get configmap a -o yaml --show-managed-fields"),
    feed("apply --server-side --dry-run=server -f -", THREE),
    feed("replace -f -", ONE),
    feed("delete -f -", ONE),
    feed(
        "apply --server-side -f -",
        "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"u\"},\"nothing\":1}",
    ),
    feed("apply -f -", LIMITS),
    feed("apply -f -", LIMITS),
    run("get deployment d -o jsonpath={.spec.template.spec.containers[0].resources}"),
    feed("apply --server-side -f -", LEASE),
    run("get lease l -o jsonpath={.spec.renewTime}"),
    feed("apply -f -", DEPLOYMENT),
    feed("apply --server-side --field-manager=other -f -", DEPLOYMENT),
    feed("delete -f -", DEPLOYMENT),
];

pub(crate) const CERTIFICATES: &[Step] = &[
    feed("create -f -", NO_REQUEST),
    feed("create -f -", REQUEST),
    feed("create -f -", REQUEST),
    run("get csr {namespace}-test -o jsonpath={.spec.signerName}"),
    run("certificate approve {namespace}-test"),
    run("certificate approve {namespace}-test"),
    run("certificate deny {namespace}-test"),
    run("get csr {namespace}-test -o jsonpath={.status.conditions[0].type}"),
    run("get csr {namespace}-test -o jsonpath={.status.conditions[0].reason}"),
    run("wait --for=condition=Approved csr/{namespace}-test --timeout=20s"),
    run("certificate approve nothing"),
    feed("create -f -", MASTERS),
    run("delete csr {namespace}-test"),
    run("get serviceaccounts"),
    run("create serviceaccount robot"),
    run("create token nobody"),
    run("create token robot --duration=5m"),
    run("create token robot --duration=10m"),
    run("create token robot --duration=10m --audience=else -o jsonpath={.spec.audiences}"),
    run("create quota nothing --dry-run=client -o name"),
    run("get lease nothing"),
    run("explain configmap.nothing"),
    run("api-resources --api-group=coordination.k8s.io"),
];

pub(crate) const RIGHTS: &[Step] = &[
    run("auth whoami --as jane --as-group devs"),
    run("auth can-i list pods --as jane"),
    run("create role reader --verb=get,list --resource=pods"),
    run("create rolebinding reads --role=reader --user=jane"),
    run("wait --for=jsonpath={.roleRef.name}=reader rolebinding/reads --timeout=20s"),
    run("get role reader -o yaml"),
    run("get rolebinding reads -o yaml"),
    run("describe role reader"),
    run("auth can-i get pods --as jane"),
    run("auth can-i delete pods --as jane"),
    run("get pods --as jane"),
    run("get secrets --as jane"),
    run("create configmap x --as jane"),
    run("create role more --verb=* --resource=* --as jane"),
    run("create clusterrole {namespace}-test --verb=get --non-resource-url=/x"),
    run("get clusterrole {namespace}-test -o yaml"),
    run("create clusterrolebinding {namespace}-test --clusterrole={namespace}-test --group=devs"),
    run("get clusterrolebinding {namespace}-test -o yaml"),
    run("get clusterrolebinding {namespace}-test -o wide"),
    run("delete clusterrolebinding {namespace}-test"),
    run("delete clusterrole {namespace}-test"),
    feed("auth reconcile -f -", ROLES),
    feed("auth reconcile -f -", ROLES),
    feed("auth reconcile --remove-extra-permissions -f -", FEWER),
    run("auth can-i --list --as jane"),
    run("auth can-i get /healthz --as jane"),
    run("auth can-i get /metrics --as jane"),
    run("auth can-i update configmaps --subresource=status --as jane"),
    run("auth can-i nothing configmaps --as jane"),
    run("auth whoami -o yaml --as jane --as-group devs"),
    run("get configmaps --as jane"),
    run("set subject rolebinding reads --user=joe"),
    run("get rolebinding reads -o wide"),
    run("get --raw /healthz"),
];

/// Limits in forms that the real server writes otherwise.
const LIMITS: &str = "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":0,\"selector\":{\"matchLabels\":{\"app\":\"d\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"limits\":{\"cpu\":\"0.5\",\"memory\":\"1024Mi\",\"ephemeral-storage\":\"1.5Gi\",\"example.com/a\":\"1000\",\"example.com/b\":\"+5\",\"example.com/c\":\"100e2\",\"example.com/d\":\"02Ki\",\"example.com/e\":\"16Ei\",\"example.com/f\":7},\"requests\":{\"cpu\":\"0.250\"}}}]}}}}";
const LEASE: &str = "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":\"l\"},\"spec\":{\"renewTime\":\"2001-02-03T04:05:06.789012+02:00\"}}";

pub(crate) const OBSERVED: &[Step] = &[
    run("create configmap a --from-literal=x=1"),
    run("get --raw /healthz/ping"),
    run("get --raw /livez/etcd"),
    run("get --raw /readyz/informer-sync"),
    run("get --raw /readyz/nothing"),
    run("get --raw /livez?exclude=nothing"),
    run("get --raw /readyz --as jane"),
    run("get --raw /readyz/ping --as jane"),
    run("get --raw /metrics --as jane"),
    run("get --raw /api/v1/watch/namespaces/{namespace}/configmaps/a?timeoutSeconds=5"),
    run(
        "get --raw /api/v1/watch/namespaces/{namespace}/configmaps?fieldSelector=metadata.name=a&timeoutSeconds=5",
    ),
    run(
        "get --raw /api/v1/watch/namespaces/{namespace}/configmaps/a?fieldSelector=metadata.name=b",
    ),
    run("get --raw /api/v1/namespaces/{namespace}/configmaps/a?watch=1"),
];

const ROLES: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: some}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, list]}
- {apiGroups: [""], resources: [secrets], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: some}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: some}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: jill}]
"#;
const FEWER: &str = r#"{"kind":"Role","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"some"},"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get","watch"]}]}"#;
const ONE: &str = "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"},\"data\":{\"x\":\"1\"}}";
const TWO: &str = "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"},\"data\":{\"x\":\"2\",\"y\":\"3\"}}";
const THREE: &str = "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"t\",\"labels\":{\"l\":\"m\"}}}";
const DEPLOYMENT: &str = "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":0,\"selector\":{\"matchLabels\":{\"app\":\"d\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]}]}}}}";

/// A request of `jane` in `devs`.
const REQUEST: &str = "{\"kind\":\"CertificateSigningRequest\",\"apiVersion\":\"certificates.k8s.io/v1\",\"metadata\":{\"name\":\"{namespace}-test\"},\"spec\":{\"request\":\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWk1JR0FBZ0VBTUI0eERUQUxCZ05WQkFNTUJHcGhibVV4RFRBTEJnTlZCQW9NQkdSbGRuTXdXVEFUQmdjcQpoa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVJpYzQvRktxUThodnVrQVBHZHVhQlJlTlF0QzV2T09SOG44M0FmCkg0L09Td0FNa2NlNlVlSStwQTNpSmUyL3lGQnRkN3hhYUg2bWxNL1RuVlBFR1N3Mm9BQXdDZ1lJS29aSXpqMEUKQXdJRFNBQXdSUUlnYXg5UXkxV3VFNUptQ1hJa0ZQM0xiQW4zMlBNekxtQUtlNitpS3F4RFFEWUNJUUNsSE90YQo3Tk9IU1FqOUE5ait5S0N2V1B6dW5SVDlCQmNFdElXcy94MHRoQT09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=\",\"signerName\":\"kubernetes.io/kube-apiserver-client\",\"usages\":[\"client auth\"]}}";
const NO_REQUEST: &str = "{\"kind\":\"CertificateSigningRequest\",\"apiVersion\":\"certificates.k8s.io/v1\",\"metadata\":{\"name\":\"apiserver-none\"},\"spec\":{\"request\":\"bm90aGluZw==\",\"signerName\":\"kubernetes.io/kube-apiserver-client\",\"usages\":[\"client auth\"]}}";
/// A request of one who would be in `system:masters`.
const MASTERS: &str = "{\"kind\":\"CertificateSigningRequest\",\"apiVersion\":\"certificates.k8s.io/v1\",\"metadata\":{\"name\":\"{namespace}-masters\"},\"spec\":{\"request\":\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIak1JR0tBZ0VBTUNneERUQUxCZ05WQkFNTUJHcGhibVV4RnpBVkJnTlZCQW9NRG5ONWMzUmxiVHB0WVhOMApaWEp6TUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFbU16VURYWXZCaDFJUzN2aXhSWG9CT3owClVuMnlSWUxZQkQ4eHlOSXQxNTRuMjdSR2pNekFGNkFGek9uYVRyM3FsN3BSU1ZpTXRaZWNja2g1MjNsVllhQUEKTUFvR0NDcUdTTTQ5QkFNQ0EwZ0FNRVVDSUdUWlJNdjZLQTdySEJMbUd6RS9sTHQwS1lDMUMwYVBzUFdKQVpJSgpESTI4QWlFQTBGdHFRRDJrQzRoY3Yvd3Qxd1FaNGk1ME1sQ0xQbVBZWkNpcmpBVGJrQkE9Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=\",\"signerName\":\"kubernetes.io/kube-apiserver-client\",\"usages\":[\"client auth\"]}}";
