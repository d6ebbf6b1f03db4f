use crate::kind::{CLUSTER, Kind, NAMESPACED};
use crate::{Behaviour, NameForm};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Those of the group `rbac.authorization.k8s.io`.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        group: GROUP,
        kind: "ClusterRole",
        plural: "clusterroles",
        behaviour: BEHAVIOUR,
        ..CLUSTER
    },
    Kind {
        group: GROUP,
        kind: "ClusterRoleBinding",
        plural: "clusterrolebindings",
        behaviour: BEHAVIOUR,
        ..CLUSTER
    },
    Kind {
        group: GROUP,
        kind: "Role",
        plural: "roles",
        behaviour: BEHAVIOUR,
        ..NAMESPACED
    },
    Kind {
        group: GROUP,
        kind: "RoleBinding",
        plural: "rolebindings",
        behaviour: BEHAVIOUR,
        ..NAMESPACED
    },
];

const BEHAVIOUR: Behaviour = Behaviour {
    names: NameForm::PathSegment,
    created_by_update: true,
    ..Behaviour::BUILT_IN
};
