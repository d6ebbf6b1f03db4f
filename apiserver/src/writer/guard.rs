//! What nobody may do by what he writes.

use api::{Admission, Admit, Change, Grounds, GroupResource, Refusal, Right};
use serde_json::Value;

use super::Writer;
use crate::authorization::{
    Attributes, Authorizer as _, Object, Rbac, ResourceAttributes, authorize, check_binding,
    check_role,
};
use crate::{Objects, Status, certificates};

/// Checks, before an object is kept, that nobody gives away what he does not
/// have: by a role or a binding, or by a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard<'a> {
    pub(crate) rbac: &'a Rbac,
    pub(crate) objects: &'a dyn Objects,
    pub(crate) attributes: Attributes<'a>,
}

impl Guard<'_> {
    /// Has a kind's own hook admit a change.
    fn admit(
        &self,
        writer: &Writer<'_>,
        object: &Value,
        change: Change<'_>,
        admit: Admit,
    ) -> Result<(), Status> {
        let now = writer.now_text();
        let may = |right: &Right<'_>| {
            let on = Object::Resource(ResourceAttributes {
                group: right.group,
                namespace: right.namespace,
                resource: right.resource,
                subresource: right.subresource,
                name: right.name,
            });
            let (user, verb) = (self.attributes.user, right.verb);
            let asked = Attributes { user, verb, on };
            self.rbac.authorize(&asked).is_allowed()
        };
        let find = |resource: &GroupResource, namespace: &str, name: &str| {
            self.objects.get(resource, namespace, name)
        };
        let ask = Admission {
            request: &writer.request(&now),
            may: &may,
            find: &find,
        };
        admit(object, change, &ask).map_err(refused)
    }

    /// Whether the user may create what his update or apply is to make.
    pub(crate) fn check_create(&self) -> Result<(), Status> {
        let create = Attributes {
            verb: "create",
            ..self.attributes
        };
        authorize(self.rbac, &create)
    }

    /// Whether the change may be made.
    pub(super) fn check(
        &self,
        writer: &Writer<'_>,
        object: &Value,
        change: Change<'_>,
    ) -> Result<(), Status> {
        let scope = writer.scope;
        if let Some(admit) = scope.resource.hooks.admit {
            self.admit(writer, object, change, admit)?;
        }
        let old = match change {
            Change::Create => None,
            Change::Update { old, .. } => Some(old),
        };
        let resource = scope.group_resource();
        if *resource.group == *certificates::GROUP {
            let user = self.attributes.user;
            return match (old, &*scope.subresource) {
                (None, _) => certificates::check_create(object),
                (Some(old), "approval") => certificates::check_approval(self.rbac, user, old),
                (Some(old), "status") => certificates::check_status(self.rbac, user, old, object),
                (Some(_), _) => Ok(()),
            };
        }
        if !Rbac::wants(&resource) {
            return Ok(());
        }
        if object.get("roleRef").is_some() {
            check_binding(self.rbac, &self.attributes, object, old)
        } else {
            check_role(self.rbac, &self.attributes, object, old)
        }
    }
}

/// The answer to a change that a hook does not admit.
fn refused(refusal: Refusal) -> Status {
    let status = match refusal.grounds {
        Grounds::BadRequest(why) => Status::bad_request(why),
        Grounds::Forbidden {
            resource,
            name,
            why,
        } => Status::forbidden(&resource, &name, &why),
    };
    match refusal.webhook {
        Some(webhook) => status.denied_by(webhook),
        None => status,
    }
}
