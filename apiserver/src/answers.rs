use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use api::GroupResource;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::{Status, User};

/// What answers for the kinds and subresources that are not kept: reviews, the
/// tokens of service accounts.
#[derive(Clone, Default)]
pub struct Answers(HashMap<(GroupResource, Box<str>), Arc<dyn Answer>>);

/// Answers the creation of one kind of object.
pub trait Answer: Send + Sync {
    /// The object with its answer in it.
    fn answer<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Answered, Status>>;
}

/// An object with its answer in it.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The object.
    pub object: Value,
    /// What the client is to be warned of.
    pub warnings: Vec<String>,
}

/// An object that somebody creates to have it answered.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Who asks.
    pub user: &'a User,
    /// The namespace in the path; may be empty.
    pub namespace: &'a str,
    /// The name in the path, for a subresource; may be empty.
    pub name: &'a str,
    /// What was sent, with its kind and version set.
    pub object: Value,
}

impl Answers {
    /// Has `answer` answer for a resource, or for a subresource of it if that
    /// is not empty.
    #[must_use]
    pub fn with(
        mut self,
        resource: GroupResource,
        subresource: &str,
        answer: impl Answer + 'static,
    ) -> Self {
        self.0
            .insert((resource, subresource.into()), Arc::new(answer));
        self
    }

    /// What answers for them, if anything does.
    pub(crate) fn get(
        &self,
        resource: &GroupResource,
        subresource: &str,
    ) -> Option<&Arc<dyn Answer>> {
        self.0.get(&(resource.clone(), subresource.into()))
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
