//! The kinds that requests are made about, and what their fields may be.

use std::sync::LazyLock;

use api::{Resource, Scope, Verb};

/// A kind, and where its values are taken from.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// The path of its collection.
    pub(crate) path: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    /// The field that patches are about.
    pub(crate) body: &'static str,
    /// The fields of `body` that an apply always has.
    pub(crate) needed: &'static [&'static str],
    /// Fields that are always there, by path, each with values in JSON.
    pub(crate) always: &'static [(&'static str, &'static [&'static str])],
    /// Fields that may be there.
    pub(crate) fields: &'static [(&'static str, &'static [&'static str])],
    /// The fields that are made of the kind's schema.
    pub(crate) of_schema: &'static [&'static str],
    /// A subresource, and objects that are written through it.
    pub(crate) through: Option<(&'static str, &'static [&'static str])>,
}

const NONE: Kind = Kind {
    path: "",
    version: "v1",
    kind: "",
    body: "spec",
    needed: &[],
    always: &[],
    fields: &[],
    of_schema: &[],
    through: None,
};

const CONDITIONS: &[&str] = &[
    r#"{"status":{"conditions":[{"type":"A","status":"True","reason":"R","message":"","lastTransitionTime":"2026-01-02T03:04:05Z"}]}}"#,
    r#"{"status":{"conditions":[{"type":"A","status":"False","reason":"R","message":"m","lastTransitionTime":"2026-01-02T03:04:05Z"},{"type":"B","status":"Unknown","reason":"S","message":"","lastTransitionTime":"2026-01-02T03:04:05Z"}]}}"#,
    r#"{"status":{"conditions":[]}}"#,
    r#"{"status":{}}"#,
];

/// All of them.
pub(crate) static KINDS: LazyLock<Vec<Kind>> =
    LazyLock::new(|| CORE.iter().copied().chain(custom()).collect());

/// Those of Open Cluster Management that the real server serves as it stands.
fn custom() -> impl Iterator<Item = Kind> {
    let made = |of: &&Resource| of.hooks.conversion.is_none() && of.verbs.contains(&Verb::Create);
    api::ocm().resources.iter().filter(made).map(|of| {
        // There is one table of kinds, for as long as the tests run.
        let version: &'static str = of.api_version().leak();
        let within = match of.scope {
            Scope::Namespaced => "namespaces/<ns>/",
            Scope::Cluster => "",
        };
        let path = format!("/apis/{version}/{within}{}", of.names.plural);
        let properties = &api::ocm().definitions[&of.schema].properties;
        let (body, of_schema): (_, &[_]) = if properties.get("spec").is_some() {
            ("spec", &["spec"])
        } else {
            ("status", &["status"])
        };
        let required = properties.get(body).map(|of| of.required.iter());
        let needed: Vec<&str> = required.into_iter().flatten().map(AsRef::as_ref).collect();
        Kind {
            path: path.leak(),
            version,
            kind: &of.names.kind,
            body,
            needed: needed.leak(),
            of_schema,
            through: of.subresource("status").map(|_| ("status", CONDITIONS)),
            ..NONE
        }
    })
}

const CORE: &[Kind] = &[
    Kind {
        path: "/api/v1/namespaces/<ns>/configmaps",
        kind: "ConfigMap",
        body: "data",
        fields: &[
            (
                "data",
                &[
                    r#"{"x":"1"}"#,
                    r#"{"x":"2","y":"1"}"#,
                    r#"{"y":"<&>","z":""}"#,
                    "{}",
                    "null",
                ],
            ),
            ("data.w", &[r#""1""#, r#""2""#]),
            ("binaryData", &[r#"{"b":"YQ=="}"#, "{}"]),
            ("immutable", &["false", "true", "false", "false"]),
        ],
        ..NONE
    },
    Kind {
        path: "/api/v1/namespaces/<ns>/secrets",
        kind: "Secret",
        body: "data",
        fields: &[
            (
                "data",
                &[
                    r#"{"x":"YQ=="}"#,
                    r#"{"x":"Yg==","y":"YQ=="}"#,
                    "{}",
                    "null",
                ],
            ),
            ("stringData", &[r#"{"x":"c"}"#, r#"{"z":"d"}"#]),
            ("type", &[r#""Opaque""#, r#""a/b""#]),
        ],
        ..NONE
    },
    Kind {
        path: "/api/v1/namespaces/<ns>/serviceaccounts",
        kind: "ServiceAccount",
        body: "imagePullSecrets",
        fields: &[
            (
                "imagePullSecrets",
                &[r#"[{"name":"a"}]"#, r#"[{"name":"a"},{"name":"b"}]"#, "[]"],
            ),
            (
                "secrets",
                &[r#"[{"name":"a"}]"#, r#"[{"name":"b","namespace":"c"}]"#],
            ),
            ("automountServiceAccountToken", &["true", "false"]),
        ],
        ..NONE
    },
    Kind {
        path: "/apis/rbac.authorization.k8s.io/v1/namespaces/<ns>/roles",
        version: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        body: "rules",
        fields: &[(
            "rules",
            &[
                r#"[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]"#,
                r#"[{"apiGroups":["apps"],"resources":["*"],"verbs":["*"],"resourceNames":["x"]}]"#,
                "null",
            ],
        )],
        ..NONE
    },
    Kind {
        path: "/apis/coordination.k8s.io/v1/namespaces/<ns>/leases",
        version: "coordination.k8s.io/v1",
        kind: "Lease",
        fields: &[
            ("spec.holderIdentity", &[r#""a""#, r#""b""#]),
            ("spec.leaseDurationSeconds", &["15", "30"]),
            (
                "spec.renewTime",
                &[
                    r#""2026-01-02T03:04:05.000000Z""#,
                    r#""2026-01-02T03:04:06.123456Z""#,
                ],
            ),
            ("spec.leaseTransitions", &["0", "1"]),
        ],
        ..NONE
    },
    Kind {
        path: "/api/v1/namespaces",
        kind: "Namespace",
        body: "spec",
        fields: &[("spec.finalizers", &[r#"["kubernetes"]"#])],
        ..NONE
    },
    Kind {
        path: "/api/v1/namespaces/<ns>/services",
        kind: "Service",
        needed: &["clusterIP", "ports", "selector"],
        always: &[
            ("spec.selector", &[r#"{"a":"b"}"#, r#"{"a":"c","d":"e"}"#]),
            ("spec.clusterIP", &[r#""None""#]),
            (
                "spec.ports",
                &[
                    r#"[{"port":80}]"#,
                    r#"[{"port":80,"name":"a"},{"port":81,"name":"b","protocol":"UDP","targetPort":"x"}]"#,
                    r#"[{"port":443,"targetPort":8443,"appProtocol":"https"}]"#,
                ],
            ),
        ],
        fields: &[
            ("spec.sessionAffinity", &[r#""None""#, r#""ClientIP""#]),
            ("spec.publishNotReadyAddresses", &["true", "false"]),
            ("spec.type", &[r#""ClusterIP""#]),
        ],
        ..NONE
    },
    Kind {
        path: "/apis/apps/v1/namespaces/<ns>/deployments",
        version: "apps/v1",
        kind: "Deployment",
        needed: &["selector", "template"],
        always: &[
            ("spec.selector", &[r#"{"matchLabels":{"app":"d"}}"#]),
            (
                "spec.template.metadata.labels",
                &[r#"{"app":"d"}"#, r#"{"app":"d","x":"y"}"#],
            ),
            ("spec.template.spec.containers", CONTAINERS),
        ],
        fields: &[
            ("spec.replicas", &["0", "1", "3"]),
            ("spec.paused", &["true", "false"]),
            ("spec.minReadySeconds", &["0", "5"]),
            ("spec.revisionHistoryLimit", &["0", "10"]),
            (
                "spec.strategy",
                &[
                    r#"{"type":"Recreate"}"#,
                    r#"{"rollingUpdate":{"maxSurge":1}}"#,
                    r#"{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"10%"}}"#,
                    "{}",
                ],
            ),
            (
                "spec.template.spec.volumes",
                &[
                    r#"[{"name":"v","emptyDir":{}}]"#,
                    r#"[{"name":"v","configMap":{"name":"x"}},{"name":"w","secret":{"secretName":"y"}}]"#,
                ],
            ),
            (
                "spec.template.spec.nodeSelector",
                &[r#"{"a":"b"}"#, r#"{"c":"d"}"#],
            ),
            (
                "spec.template.spec.tolerations",
                &[
                    r#"[{"key":"a","operator":"Exists"}]"#,
                    r#"[{"key":"b","value":"c","effect":"NoSchedule"}]"#,
                ],
            ),
            (
                "spec.template.spec.securityContext",
                &[r#"{"runAsUser":1}"#, "{}"],
            ),
            ("spec.template.metadata.annotations", &[r#"{"a":"b"}"#]),
            (
                "spec.template.spec.terminationGracePeriodSeconds",
                &["0", "5"],
            ),
        ],
        through: Some((
            "status",
            &[
                r#"{"status":{"replicas":2,"observedGeneration":1}}"#,
                r#"{"status":{"conditions":[{"type":"Available","status":"True","lastUpdateTime":"2026-01-02T03:04:05Z","lastTransitionTime":"2026-01-02T03:04:05Z"}]}}"#,
                r#"{"status":{}}"#,
            ],
        )),
        ..NONE
    },
    Kind {
        path: "/api/v1/namespaces/<ns>/pods",
        kind: "Pod",
        needed: &["containers"],
        always: &[("spec.containers", CONTAINERS)],
        fields: &[
            ("spec.restartPolicy", &[r#""Never""#, r#""Always""#]),
            ("spec.nodeSelector", &[r#"{"a":"b"}"#]),
            ("spec.volumes", &[r#"[{"name":"v","emptyDir":{}}]"#]),
            (
                "spec.tolerations",
                &[r#"[{"key":"a","operator":"Exists"}]"#],
            ),
            ("spec.hostNetwork", &["true", "false"]),
            ("spec.terminationGracePeriodSeconds", &["0", "5"]),
        ],
        through: Some((
            "status",
            &[
                r#"{"status":{"phase":"Running","podIP":"10.0.0.1"}}"#,
                r#"{"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#,
            ],
        )),
        ..NONE
    },
    Kind {
        path: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        version: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        body: "rules",
        fields: &[(
            "rules",
            &[
                r#"[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]"#,
                r#"[{"nonResourceURLs":["/x"],"verbs":["get"]}]"#,
                "null",
            ],
        )],
        ..NONE
    },
    Kind {
        path: "/apis/rbac.authorization.k8s.io/v1/namespaces/<ns>/rolebindings",
        version: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        body: "subjects",
        always: &[("roleRef", ROLES)],
        fields: &[("subjects", SUBJECTS)],
        ..NONE
    },
    Kind {
        path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        version: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRoleBinding",
        body: "subjects",
        always: &[(
            "roleRef",
            &[r#"{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"}"#],
        )],
        fields: &[("subjects", SUBJECTS)],
        ..NONE
    },
    Kind {
        path: "/api/v1/nodes",
        kind: "Node",
        fields: &[
            ("spec.unschedulable", &["true", "false"]),
            ("spec.podCIDR", &[r#""10.1.0.0/24""#]),
            (
                "spec.taints",
                &[
                    r#"[{"key":"a","effect":"NoSchedule"}]"#,
                    r#"[{"key":"a","value":"b","effect":"NoExecute"},{"key":"b","effect":"PreferNoSchedule"}]"#,
                ],
            ),
            ("spec.providerID", &[r#""a://b""#]),
        ],
        through: Some((
            "status",
            &[
                r#"{"status":{"capacity":{"cpu":"4","memory":"1024Mi"},"allocatable":{"cpu":"100u"}}}"#,
                r#"{"status":{"conditions":[{"type":"Ready","status":"False"}],"addresses":[{"type":"Hostname","address":"h"}]}}"#,
                r#"{"status":{"nodeInfo":{"kubeletVersion":"v1"}}}"#,
            ],
        )),
        ..NONE
    },
    Kind {
        path: "/apis/discovery.k8s.io/v1/namespaces/<ns>/endpointslices",
        version: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        body: "endpoints",
        always: &[("addressType", &[r#""IPv4""#])],
        fields: &[
            (
                "endpoints",
                &[
                    r#"[{"addresses":["10.0.0.1"]}]"#,
                    r#"[{"addresses":["10.0.0.1","10.0.0.2"],"conditions":{"ready":true}},{"addresses":["10.0.0.3"],"nodeName":"n"}]"#,
                    "null",
                ],
            ),
            (
                "ports",
                &[
                    r#"[{"port":80}]"#,
                    r#"[{"name":"a","port":80,"protocol":"UDP"},{"name":"b","port":81}]"#,
                    "null",
                ],
            ),
        ],
        ..NONE
    },
    Kind {
        path: "/api/v1/namespaces/<ns>/endpoints",
        kind: "Endpoints",
        body: "subsets",
        fields: &[(
            "subsets",
            &[
                r#"[{"addresses":[{"ip":"10.0.0.1"}],"ports":[{"port":80}]}]"#,
                r#"[{"addresses":[{"ip":"10.0.0.2"},{"ip":"10.0.0.1"}],"notReadyAddresses":[{"ip":"10.0.0.3"}],"ports":[{"port":81,"name":"a"},{"port":80,"name":"b"}]}]"#,
                "null",
            ],
        )],
        ..NONE
    },
    Kind {
        path: "/apis/batch/v1/namespaces/<ns>/jobs",
        version: "batch/v1",
        kind: "Job",
        needed: &["template"],
        always: &[
            ("spec.template.spec.containers", CONTAINERS),
            (
                "spec.template.spec.restartPolicy",
                &[r#""Never""#, r#""OnFailure""#],
            ),
        ],
        fields: &[
            ("spec.suspend", &["true", "false"]),
            ("spec.backoffLimit", &["0", "3"]),
            ("spec.parallelism", &["1", "2"]),
            ("spec.completions", &["1", "2"]),
            ("spec.activeDeadlineSeconds", &["100"]),
            ("spec.ttlSecondsAfterFinished", &["100"]),
        ],
        ..NONE
    },
    Kind {
        path: "/api/v1/namespaces/<ns>/events",
        kind: "Event",
        body: "message",
        always: &[(
            "involvedObject",
            &[r#"{"kind":"Pod","name":"p","namespace":"<ns>"}"#],
        )],
        fields: &[
            ("reason", &[r#""R""#, r#""S""#]),
            ("message", &[r#""m""#, r#""n""#]),
            ("type", &[r#""Normal""#, r#""Warning""#]),
            ("count", &["1", "2"]),
            ("source", &[r#"{"component":"c"}"#, "{}"]),
            ("firstTimestamp", &[r#""2026-01-02T03:04:05Z""#]),
        ],
        ..NONE
    },
];

const ROLES: &[&str] = &[
    r#"{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"}"#,
    r#"{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"}"#,
];

const SUBJECTS: &[&str] = &[
    r#"[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"u"}]"#,
    r#"[{"kind":"Group","name":"g"},{"kind":"ServiceAccount","name":"s","namespace":"<ns>"}]"#,
    r#"[{"kind":"ServiceAccount","name":"s"}]"#,
    "[]",
    "null",
];

const CONTAINERS: &[&str] = &[
    r#"[{"name":"c","image":"i"}]"#,
    r#"[{"name":"c","image":"j","ports":[{"containerPort":80}]}]"#,
    r#"[{"name":"c","image":"i:1","env":[{"name":"A","value":"1"},{"name":"B"}],"ports":[{"containerPort":80,"protocol":"UDP"},{"containerPort":80,"name":"web"}]}]"#,
    r#"[{"name":"c","image":"i","resources":{"limits":{"cpu":"500m","memory":"0.5Gi"},"requests":{"cpu":"100u"}}},{"name":"d","image":"i","command":["x"],"args":[]}]"#,
    r#"[{"name":"d","image":"i","livenessProbe":{"httpGet":{"port":80}},"volumeMounts":[]},{"name":"c","image":"i","tty":true}]"#,
];
