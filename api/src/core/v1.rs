use super::rows;
use crate::{
    Behaviour, Hooks, NameForm, Verb,
    kind::{CLUSTER, Kind, NAMESPACED, STATUS, Selectable, Sub, field},
};

mod config_map;
mod endpoints;
pub(super) mod event;
mod namespace;
mod node;
pub(super) mod pod;
mod secret;
mod service;

/// Those of the core group.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        kind: "ConfigMap",
        plural: "configmaps",
        short: &["cm"],
        columns: rows::config::CONFIG_MAP,
        hooks: Hooks {
            row: Some(rows::config::config_map),
            ..config_map::HOOKS
        },
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
        columns: rows::network::ENDPOINTS,
        hooks: Hooks {
            row: Some(rows::network::endpoints),
            ..endpoints::HOOKS
        },
        ..NAMESPACED
    },
    Kind {
        kind: "Event",
        plural: "events",
        short: &["ev"],
        selectable: EVENT_FIELDS,
        behaviour: Behaviour {
            names: NameForm::PathSegment,
            created_by_update: true,
            any_finalizer: true,
            ttl_seconds: Some(3600),
            ..Behaviour::BUILT_IN
        },
        columns: rows::event::COLUMNS,
        hooks: Hooks {
            row: Some(rows::event::row),
            ..event::HOOKS
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
        columns: rows::config::NAMESPACE,
        hooks: Hooks {
            row: Some(rows::config::namespace),
            ..namespace::HOOKS
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
        columns: rows::node::COLUMNS,
        behaviour: Behaviour {
            keeps_status: true,
            ..Behaviour::BUILT_IN
        },
        hooks: Hooks {
            row: Some(rows::node::row),
            ..node::HOOKS
        },
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
        columns: rows::pod::COLUMNS,
        hooks: Hooks {
            row: Some(rows::pod::row),
            ..pod::HOOKS
        },
        ..NAMESPACED
    },
    Kind {
        kind: "Secret",
        plural: "secrets",
        selectable: &[field("type")],
        columns: rows::config::SECRET,
        hooks: Hooks {
            row: Some(rows::config::secret),
            ..secret::HOOKS
        },
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
            names: NameForm::Label,
            returns_deleted: true,
            ..Behaviour::BUILT_IN
        },
        columns: rows::network::SERVICE,
        hooks: Hooks {
            row: Some(rows::network::service),
            ..service::HOOKS
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
        columns: rows::config::SERVICE_ACCOUNT,
        hooks: Hooks {
            row: Some(rows::config::service_account),
            prepare: Some(secrets_by_name),
            ..Hooks::NONE
        },
        ..NAMESPACED
    },
];

/// An account's secrets are those of its namespace.
fn secrets_by_name(object: &mut serde_json::Value, _: crate::Change<'_>) {
    for secret in super::fields::items_mut(object, "/secrets") {
        if let Some(secret) = secret.as_object_mut() {
            secret.retain(|field, _| field == "name");
        }
    }
}

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
