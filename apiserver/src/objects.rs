use std::fmt::Debug;

use api::GroupResource;
use serde_json::Value;

/// Reads stored objects, for what decides by them.
///
/// It is asked for every request, so it answers from memory. What it answers
/// is at least as new as every write that was acknowledged before.
pub trait Objects: Debug + Send + Sync {
    /// The object, whole; `None` if it is not there. The namespace is empty for
    /// what is in none.
    fn get(&self, resource: &GroupResource, namespace: &str, name: &str) -> Option<Value>;
}

/// A resource of the core group.
pub(crate) fn core(resource: &str) -> GroupResource {
    GroupResource {
        group: "".into(),
        resource: resource.into(),
    }
}
