//! Asks the hub's API what users may do.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::select_all;
use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::PostParams;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

mod answers;

use self::answers::{Answers, Question};
use crate::access::{Access, Decision, ReviewError};
use crate::permission::{GROUP, RESOURCE, VERSION};
use crate::{Permission, User};

/// Decides by SubjectAccessReviews of the hub's API.
///
/// An answer is kept for 10 s, and forgotten with all others as soon as
/// [`SubjectAccess::follow`] sees that a role or a binding has changed. Streams that are
/// open go on. Clones are handles to the same answers.
#[derive(Clone)]
pub struct SubjectAccess {
    client: Client,
    answers: Arc<Answers>,
}

/// How long an answer counts that no change has ended before.
const KEPT: Duration = Duration::from_secs(10);
/// How long the hub's API may take for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

impl SubjectAccess {
    /// Asks as that client's user, who has to be allowed to create
    /// SubjectAccessReviews, and to list and watch what RBAC decides by.
    pub fn new(client: Client) -> Self {
        Self::keeping_for(KEPT, client)
    }

    /// The same, with answers that are kept for so long.
    pub fn keeping_for(kept: Duration, client: Client) -> Self {
        Self {
            client,
            answers: Arc::new(Answers::new(kept)),
        }
    }

    /// Forgets answers as roles and bindings change, until it is dropped.
    pub async fn follow(&self) {
        let mut changes = select_all([
            self.changes::<ClusterRole>().boxed(),
            self.changes::<ClusterRoleBinding>().boxed(),
            self.changes::<Role>().boxed(),
            self.changes::<RoleBinding>().boxed(),
        ]);
        while let Some(change) = changes.next().await {
            if let Err(error) = change {
                tracing::warn!(%error, "the hub's roles cannot be followed; to be tried again");
            }
            self.answers.forget();
        }
    }

    /// Something for each change of objects of a kind, and for each new list of them.
    fn changes<K>(&self) -> impl Stream<Item = watcher::Result<()>> + Send + use<K>
    where
        K: Resource<DynamicType = ()> + Clone + fmt::Debug + DeserializeOwned + Send + 'static,
    {
        let objects = Api::<PartialObjectMeta<K>>::all(self.client.clone());
        let events = watcher(objects, watcher::Config::default()).default_backoff();
        events.filter_map(async |event| match event {
            // The list's end follows, and counts for all of it.
            Ok(Event::InitApply(_)) => None,
            Ok(Event::Apply(_) | Event::Delete(_) | Event::Init | Event::InitDone) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        })
    }

    async fn ask(
        &self,
        user: &User,
        permission: &Permission,
        name: String,
    ) -> Result<Decision, ReviewError> {
        let question = Question::new(user, permission, &name);
        let generation = match self.answers.find(&question, Instant::now()) {
            Ok(decision) => return Ok(decision),
            Err(generation) => generation,
        };
        let review = review(user, permission, name);
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let reviewed = in_time(reviews.create(&PostParams::default(), &review)).await?;
        let decision = match reviewed.status {
            Some(status) if status.allowed => Decision::Allow,
            Some(_) | None => Decision::Deny,
        };
        self.answers
            .keep(question, decision, generation, Instant::now());
        Ok(decision)
    }
}

impl Access for SubjectAccess {
    fn allows<'a>(
        &'a self,
        user: &'a User,
        permission: &'a Permission,
    ) -> BoxFuture<'a, Result<Decision, ReviewError>> {
        Box::pin(async move {
            for name in permission.names() {
                if Box::pin(self.ask(user, permission, name)).await? == Decision::Allow {
                    return Ok(Decision::Allow);
                }
            }
            Ok(Decision::Deny)
        })
    }
}

impl fmt::Debug for SubjectAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectAccess")
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}

/// Waits for an answer of the hub's API, but not for ever.
pub(crate) async fn in_time<T>(
    answer: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, ReviewError> {
    match timeout(PATIENCE, answer).await {
        Ok(answer) => Ok(answer.map_err(Box::new)?),
        Err(_) => Err(ReviewError::Late(PATIENCE)),
    }
}

fn review(user: &User, permission: &Permission, name: String) -> SubjectAccessReview {
    let some = |text: &str| Some(text.to_owned());
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            groups: Some(user.groups.clone()),
            resource_attributes: Some(ResourceAttributes {
                group: some(GROUP),
                name: Some(name),
                resource: some(RESOURCE),
                subresource: some(permission.subresource.as_str()),
                verb: some(permission.verb),
                version: some(VERSION),
                ..ResourceAttributes::default()
            }),
            user: some(&user.name),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}
