//! Deployments and Services, as far as no controller has a hand in them.

use super::{Step, feed, run};

pub(crate) const WORKLOADS: &[Step] = &[
    feed("apply -f -", DEPLOYMENT),
    run("get deployment d -o jsonpath={.spec}"),
    run("rollout history deployment nothing"),
    run("rollout pause deployment d"),
    run("rollout restart deployment d"),
    run("rollout status deployment nothing"),
    run("rollout status configmap nothing"),
    run("set image deployment d c=j"),
    run("set image deployment d nothing=j"),
    run("set env deployment d A=b"),
    run("set env deployment d --list"),
    run("set resources deployment d --limits=cpu=200m,memory=64Mi"),
    run("set resources deployment d --limits=cpu=0.2"),
    run("set serviceaccount deployment d robot"),
    run("set selector service none app=d"),
    run("get deployment d -o jsonpath={.spec.template}"),
    run("scale deployment d --replicas=2 --current-replicas=1"),
    run("scale deployment d --replicas=2 --current-replicas=0"),
    run("scale deployment d --replicas=0 --dry-run=server"),
    run("scale deployment d --replicas=0"),
    run("scale deployment nothing --replicas=0"),
    run("scale configmap nothing --replicas=0"),
    run("get --raw /apis/apps/v1/namespaces/{namespace}/deployments/d/scale"),
    run("get deployment d --subresource=scale -o jsonpath={.spec}"),
    run("patch deployment d --subresource=scale --type=merge -p {\"spec\":{\"replicas\":0}}"),
    run("patch deployment d -p {\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"e\"}}}}"),
    run(
        "patch deployment d -p {\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"side\",\"image\":\"s\"}]}}}}",
    ),
    run("get deployment d -o jsonpath={.spec.template.spec.containers[*].name}"),
    run(
        "patch deployment d --type=merge -p {\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"only\",\"image\":\"s\"}]}}}}",
    ),
    run("get deployment d -o jsonpath={.spec.template.spec.containers[*].name}"),
    run("patch deployment d -p {\"spec\":{\"replicas\":-1}}"),
    run("patch deployment d -p {\"spec\":{\"strategy\":{\"type\":\"Recreate\"}}}"),
    run(
        "patch deployment d -p {\"spec\":{\"strategy\":{\"type\":\"Recreate\",\"rollingUpdate\":null}}}",
    ),
    run("label deployment d of=x"),
    run("expose deployment d --port=80 --cluster-ip=None"),
    run("get service d -o jsonpath={.spec}"),
    run("expose deployment d --port=80 --cluster-ip=None"),
    run("create service externalname far --external-name=example.com"),
    run("get service far"),
    run("get service far -o yaml"),
    run("describe service far"),
    run("create deployment bad --image=i --replicas=-1"),
    feed("create -f -", BAD),
    feed("create --dry-run=server -o yaml -f -", FULL),
    run("delete service d far"),
    run("delete deployment d"),
    run("delete deployment d"),
];

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  paused: true
  replicas: 0
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}
"#;
const BAD: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: bad}
spec:
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: e}}
    spec: {containers: [{name: Not_A_Name, image: i}, {name: c}]}
"#;
const FULL: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: full}
spec:
  selector: {matchLabels: {app: full}}
  strategy: {rollingUpdate: {maxSurge: 50%, maxUnavailable: 1}}
  template:
    metadata: {labels: {app: full}}
    spec:
      volumes:
      - {name: v, configMap: {name: a}}
      - {name: w, projected: {sources: [{serviceAccountToken: {path: t}}]}}
      initContainers: [{name: i, image: "i:1"}]
      containers:
      - name: c
        image: i
        env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        ports: [{containerPort: 80, protocol: UDP}, {containerPort: 81}]
        livenessProbe: {httpGet: {path: /, port: 80}}
        resources: {requests: {cpu: 100m, memory: 1Mi}}
        volumeMounts: [{name: v, mountPath: /v}]
"#;
