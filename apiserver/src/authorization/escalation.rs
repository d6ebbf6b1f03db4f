//! Nobody may give away what he does not have, unless he may escalate or bind.

use api::GroupResource;
use serde_json::Value;

use super::cover::{MAX_PARTS, described, uncovered};
use super::rbac::{GROUP, Rbac, RoleRef};
use super::{Attributes, Authorizer, Object, PolicyRule, ResourceAttributes};
use crate::quoted::{Quoted, QuotedList};
use crate::status::aggregate;
use crate::{Status, User};

/// Checks a Role or ClusterRole before it is written. `request` is the request
/// that writes it, `old` the object as it is.
///
/// # Errors
/// 403 if the user has not all that the role would give and may not `escalate`.
pub fn check_role(
    rbac: &Rbac,
    request: &Attributes<'_>,
    role: &Value,
    old: Option<&Value>,
) -> Result<(), Status> {
    let Object::Resource(on) = request.on else {
        return Ok(());
    };
    let escalate = Attributes {
        verb: "escalate",
        on: Object::Resource(ResourceAttributes {
            subresource: "",
            ..on
        }),
        ..*request
    };
    let trusted = request.user.is_in(User::MASTERS) || rbac.authorize(&escalate).is_allowed();
    if trusted || old.is_some_and(|old| only_for_the_collector(role, old)) {
        return Ok(());
    }
    let name = role["metadata"]["name"].as_str().unwrap_or_default();
    let refuse = |why: &str| Err(Status::forbidden(&resource(on.resource), name, why));
    let rules = PolicyRule::of_role(role);
    if let Err(why) = confirm(rbac, request.user, &on, &rules) {
        return refuse(&why);
    }
    let gathers = gathers(role) || old.is_some_and(gathers);
    if gathers && confirm(rbac, request.user, &on, &everything()).is_err() {
        return refuse("must have cluster-admin privileges to use the aggregationRule");
    }
    Ok(())
}

/// Checks a RoleBinding or ClusterRoleBinding before it is written, as
/// [`check_role`] does.
///
/// # Errors
/// 403 if the user has not all that the binding would give and may not `bind`
/// the role; 404 if there is no such role.
pub fn check_binding(
    rbac: &Rbac,
    request: &Attributes<'_>,
    binding: &Value,
    old: Option<&Value>,
) -> Result<(), Status> {
    let Object::Resource(on) = request.on else {
        return Ok(());
    };
    let trusted = request.user.is_in(User::MASTERS);
    if trusted || old.is_some_and(|old| only_for_the_collector(binding, old)) {
        return Ok(());
    }
    let Some(role) = RoleRef::read(binding) else {
        // Of no form that validation lets pass.
        return Ok(());
    };
    let bind = Attributes {
        user: request.user,
        verb: "bind",
        on: Object::Resource(ResourceAttributes {
            group: &role.api_group,
            namespace: on.namespace,
            resource: role.resource(),
            subresource: "",
            name: &role.name,
        }),
    };
    if rbac.authorize(&bind).is_allowed() {
        return Ok(());
    }
    let Some(rules) = rbac.role_rules(&role, on.namespace) else {
        // As the real server has it: in the name of what is written.
        return Err(Status::not_found(&resource(on.resource), &role.name));
    };
    let name = binding["metadata"]["name"].as_str().unwrap_or_default();
    confirm(rbac, request.user, &on, &rules)
        .map_err(|why| Status::forbidden(&resource(on.resource), name, &why))
}

/// Whether the user has all of that himself.
fn confirm(
    rbac: &Rbac,
    user: &User,
    on: &ResourceAttributes<'_>,
    wanted: &[PolicyRule],
) -> Result<(), String> {
    let held = rbac.rules_for(user, on.namespace);
    let Some(missing) = uncovered(&held.rules, wanted) else {
        return Err(format!(
            "it grants more than {MAX_PARTS} permissions one by one, which are too many to be compared with those currently held"
        ));
    };
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = described(missing).into_iter().collect();
    let (name, groups) = (Quoted(&user.name), QuotedList(&user.groups));
    let mut why = format!(
        "user {name} (groups={groups}) is attempting to grant RBAC permissions not currently held:\n{}",
        missing.join("\n")
    );
    if !held.errors.is_empty() {
        // Here too the missing role is named by the resource that is written.
        let errors = held.errors.iter().map(|error| {
            let behind = error.find('.').map_or(&**error, |at| &error[at..]);
            format!("{}{behind}", on.resource)
        });
        why += &format!("; resolution errors: [{}]", aggregate(errors));
    }
    Err(why)
}

fn everything() -> [PolicyRule; 2] {
    let all = || vec!["*".into()];
    [
        PolicyRule {
            verbs: all(),
            api_groups: all(),
            resources: all(),
            ..PolicyRule::default()
        },
        PolicyRule {
            verbs: all(),
            non_resource_urls: all(),
            ..PolicyRule::default()
        },
    ]
}

fn gathers(role: &Value) -> bool {
    let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array();
    selectors.is_some_and(|selectors| !selectors.is_empty())
}

/// Whether nothing changes but what the garbage collector changes.
fn only_for_the_collector(object: &Value, old: &Value) -> bool {
    let rest = |object: &Value| {
        let mut rest = object.clone();
        if let Some(metadata) = rest["metadata"].as_object_mut() {
            for field in ["finalizers", "managedFields", "ownerReferences", "selfLink"] {
                metadata.remove(field);
            }
        }
        rest
    };
    rest(object) == rest(old)
}

fn resource(resource: &str) -> GroupResource {
    GroupResource {
        group: GROUP.into(),
        resource: resource.into(),
    }
}
