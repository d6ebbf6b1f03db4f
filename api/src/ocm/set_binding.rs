use serde_json::Value;

use crate::core::fields::text;
use crate::{Admission, Change, Grounds, GroupResource, Hooks, Refusal, Right};

/// What Open Cluster Management's webhook does with a
/// ManagedClusterSetBinding: it is called as its set, and whoever makes it may
/// bind that.
pub(super) const HOOKS: Hooks = Hooks {
    admit: Some(admit),
    ..Hooks::NONE
};

const GROUP: &str = "cluster.open-cluster-management.io";
const WEBHOOK: &str =
    "managedclustersetbindingvalidators.admission.cluster.open-cluster-management.io";

fn admit(object: &Value, change: Change<'_>, ask: &Admission<'_>) -> Result<(), Refusal> {
    if let Change::Update {
        subresource: Some(_),
        ..
    } = change
    {
        return Ok(());
    }
    let set = text(object, "/spec/clusterSet");
    if text(object, "/metadata/name") != set {
        let why =
            "The ManagedClusterSetBinding must have the same name as the target ManagedClusterSet";
        return Err(Refusal::bad_request(WEBHOOK, why.to_owned()));
    }
    let right = Right {
        verb: "create",
        group: GROUP,
        resource: "managedclustersets",
        subresource: "bind",
        name: set,
        ..Right::default()
    };
    if !matches!(change, Change::Create) || (ask.may)(&right) {
        return Ok(());
    }
    let user = ask.request.user;
    Err(Refusal {
        webhook: Some(WEBHOOK),
        grounds: Grounds::Forbidden {
            resource: GroupResource {
                group: GROUP.into(),
                resource: "managedclustersets/bind".into(),
            },
            name: set.to_owned(),
            why: format!("user {user:?} is not allowed to bind cluster set {set:?}"),
        },
    })
}
