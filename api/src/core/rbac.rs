use crate::kind::{CLUSTER, Kind, NAMESPACED};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Those of the group `rbac.authorization.k8s.io`.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        group: GROUP,
        kind: "ClusterRole",
        plural: "clusterroles",
        ..CLUSTER
    },
    Kind {
        group: GROUP,
        kind: "ClusterRoleBinding",
        plural: "clusterrolebindings",
        ..CLUSTER
    },
    Kind {
        group: GROUP,
        kind: "Role",
        plural: "roles",
        ..NAMESPACED
    },
    Kind {
        group: GROUP,
        kind: "RoleBinding",
        plural: "rolebindings",
        ..NAMESPACED
    },
];
