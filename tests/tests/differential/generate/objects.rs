//! The kinds that requests are made about, and what their fields may be.

/// A kind, and where its values are taken from.
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

pub(crate) const KINDS: &[Kind] = &[
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
        path: "/apis/cluster.open-cluster-management.io/v1/managedclusters",
        version: "cluster.open-cluster-management.io/v1",
        kind: "ManagedCluster",
        of_schema: &["spec"],
        through: Some(("status", CONDITIONS)),
        ..NONE
    },
    Kind {
        path: "/apis/work.open-cluster-management.io/v1/namespaces/<ns>/manifestworks",
        version: "work.open-cluster-management.io/v1",
        kind: "ManifestWork",
        needed: &["workload"],
        of_schema: &["spec"],
        through: Some(("status", CONDITIONS)),
        ..NONE
    },
    Kind {
        path: "/apis/cluster.open-cluster-management.io/v1beta1/namespaces/<ns>/placements",
        version: "cluster.open-cluster-management.io/v1beta1",
        kind: "Placement",
        of_schema: &["spec"],
        through: Some(("status", CONDITIONS)),
        ..NONE
    },
    Kind {
        path: "/apis/cluster.open-cluster-management.io/v1beta2/managedclustersets",
        version: "cluster.open-cluster-management.io/v1beta2",
        kind: "ManagedClusterSet",
        of_schema: &["spec"],
        through: Some(("status", CONDITIONS)),
        ..NONE
    },
    Kind {
        path: "/apis/cluster.open-cluster-management.io/v1alpha1/namespaces/<ns>/addonplacementscores",
        version: "cluster.open-cluster-management.io/v1alpha1",
        kind: "AddOnPlacementScore",
        body: "status",
        of_schema: &["status"],
        through: Some(("status", CONDITIONS)),
        ..NONE
    },
    Kind {
        path: "/apis/addon.open-cluster-management.io/v1alpha1/namespaces/<ns>/managedclusteraddons",
        version: "addon.open-cluster-management.io/v1alpha1",
        kind: "ManagedClusterAddOn",
        of_schema: &["spec"],
        through: Some(("status", CONDITIONS)),
        ..NONE
    },
    Kind {
        path: "/apis/work.open-cluster-management.io/v1alpha1/namespaces/<ns>/manifestworkreplicasets",
        version: "work.open-cluster-management.io/v1alpha1",
        kind: "ManifestWorkReplicaSet",
        needed: &["manifestWorkTemplate", "placementRefs"],
        of_schema: &["spec"],
        through: Some(("status", CONDITIONS)),
        ..NONE
    },
    Kind {
        path: "/apis/operator.open-cluster-management.io/v1/klusterlets",
        version: "operator.open-cluster-management.io/v1",
        kind: "Klusterlet",
        of_schema: &["spec"],
        through: Some(("status", CONDITIONS)),
        ..NONE
    },
];

const CONTAINERS: &[&str] = &[
    r#"[{"name":"c","image":"i"}]"#,
    r#"[{"name":"c","image":"j","ports":[{"containerPort":80}]}]"#,
    r#"[{"name":"c","image":"i:1","env":[{"name":"A","value":"1"},{"name":"B"}],"ports":[{"containerPort":80,"protocol":"UDP"},{"containerPort":80,"name":"web"}]}]"#,
    r#"[{"name":"c","image":"i","resources":{"limits":{"cpu":"500m"}}},{"name":"d","image":"i","command":["x"],"args":[]}]"#,
    r#"[{"name":"d","image":"i","livenessProbe":{"httpGet":{"port":80}},"volumeMounts":[]},{"name":"c","image":"i","tty":true}]"#,
];
