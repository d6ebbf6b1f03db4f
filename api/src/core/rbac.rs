use super::rows;
use crate::Hooks;
use crate::kind::{CLUSTER, Kind, NAMESPACED};
use crate::{Behaviour, NameForm};

mod binding;
mod role;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Those of the group `rbac.authorization.k8s.io`.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        group: GROUP,
        kind: "ClusterRole",
        plural: "clusterroles",
        behaviour: BEHAVIOUR,
        columns: rows::access::ROLE,
        hooks: Hooks {
            row: Some(rows::access::role),
            ..role::CLUSTER_ROLE
        },
        ..CLUSTER
    },
    Kind {
        group: GROUP,
        kind: "ClusterRoleBinding",
        plural: "clusterrolebindings",
        behaviour: BEHAVIOUR,
        columns: rows::access::BINDING,
        hooks: Hooks {
            row: Some(rows::access::binding),
            ..binding::CLUSTER_ROLE_BINDING
        },
        ..CLUSTER
    },
    Kind {
        group: GROUP,
        kind: "Role",
        plural: "roles",
        behaviour: BEHAVIOUR,
        columns: rows::access::ROLE,
        hooks: Hooks {
            row: Some(rows::access::role),
            ..role::ROLE
        },
        ..NAMESPACED
    },
    Kind {
        group: GROUP,
        kind: "RoleBinding",
        plural: "rolebindings",
        behaviour: BEHAVIOUR,
        columns: rows::access::BINDING,
        hooks: Hooks {
            row: Some(rows::access::binding),
            ..binding::ROLE_BINDING
        },
        ..NAMESPACED
    },
];

const BEHAVIOUR: Behaviour = Behaviour {
    names: NameForm::PathSegment,
    created_by_update: true,
    ..Behaviour::BUILT_IN
};
