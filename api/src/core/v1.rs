use crate::{
    Behaviour, NameForm, Verb,
    kind::{CLUSTER, Kind, NAMESPACED, STATUS, Selectable, Sub, field},
};

/// Those of the core group.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        kind: "ConfigMap",
        plural: "configmaps",
        short: &["cm"],
        ..NAMESPACED
    },
    Kind {
        kind: "Endpoints",
        plural: "endpoints",
        short: &["ep"],
        behaviour: Behaviour {
            created_by_update: true,
            ..Behaviour::BUILT_IN
        },
        deprecation: Some(
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        ),
        ..NAMESPACED
    },
    Kind {
        kind: "Event",
        plural: "events",
        short: &["ev"],
        selectable: EVENT_FIELDS,
        behaviour: Behaviour {
            created_by_update: true,
            ttl_seconds: Some(3600),
            ..Behaviour::BUILT_IN
        },
        ..NAMESPACED
    },
    Kind {
        kind: "Namespace",
        plural: "namespaces",
        short: &["ns"],
        verbs: &[
            Verb::Create,
            Verb::Delete,
            Verb::Get,
            Verb::List,
            Verb::Patch,
            Verb::Update,
            Verb::Watch,
        ],
        subresources: &[
            Sub {
                name: "finalize",
                verbs: &[Verb::Update],
                writes: &["spec"],
                ..STATUS
            },
            STATUS,
        ],
        selectable: &[field("status.phase")],
        behaviour: Behaviour {
            names: NameForm::Label,
            returns_deleted: true,
            ..Behaviour::BUILT_IN
        },
        ..CLUSTER
    },
    Kind {
        kind: "Node",
        plural: "nodes",
        short: &["no"],
        subresources: &[STATUS],
        selectable: &[Selectable {
            absent: "false",
            ..field("spec.unschedulable")
        }],
        ..CLUSTER
    },
    Kind {
        kind: "Pod",
        plural: "pods",
        short: &["po"],
        categories: &["all"],
        subresources: &[STATUS],
        selectable: &[
            Selectable {
                label: "spec.host",
                ..field("spec.nodeName")
            },
            Selectable {
                absent: "false",
                ..field("spec.hostNetwork")
            },
            field("spec.nodeName"),
            field("spec.restartPolicy"),
            field("spec.schedulerName"),
            field("spec.serviceAccountName"),
            field("status.nominatedNodeName"),
            field("status.phase"),
            field("status.podIP"),
        ],
        behaviour: Behaviour {
            generation: true,
            returns_deleted: true,
            ..Behaviour::BUILT_IN
        },
        ..NAMESPACED
    },
    Kind {
        kind: "Secret",
        plural: "secrets",
        selectable: &[field("type")],
        ..NAMESPACED
    },
    Kind {
        kind: "Service",
        plural: "services",
        short: &["svc"],
        categories: &["all"],
        subresources: &[STATUS],
        selectable: &[field("spec.clusterIP"), field("spec.type")],
        behaviour: Behaviour {
            created_by_update: true,
            names: NameForm::Label1035,
            returns_deleted: true,
            ..Behaviour::BUILT_IN
        },
        ..NAMESPACED
    },
    Kind {
        kind: "ServiceAccount",
        plural: "serviceaccounts",
        short: &["sa"],
        subresources: &[Sub {
            name: "token",
            kind: Some(("authentication.k8s.io", "v1", "TokenRequest")),
            verbs: &[Verb::Create],
            writes: &[],
            ..STATUS
        }],
        behaviour: Behaviour {
            returns_deleted: true,
            ..Behaviour::BUILT_IN
        },
        ..NAMESPACED
    },
];

const EVENT_FIELDS: &[Selectable] = &[
    field("involvedObject.apiVersion"),
    field("involvedObject.fieldPath"),
    field("involvedObject.kind"),
    field("involvedObject.name"),
    field("involvedObject.namespace"),
    field("involvedObject.resourceVersion"),
    field("involvedObject.uid"),
    field("reason"),
    field("reportingComponent"),
    Selectable {
        label: "source",
        ..field("source.component")
    },
    field("type"),
];
