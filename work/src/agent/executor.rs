//! Works that are applied on behalf of a service account of the managed cluster.
//!
//! What the account may not do is not done for it: the API server is asked before
//! an object is applied, and it is applied as that account, so that it decides
//! again. Clearing up is the agent's own doing: an account that loses its rights
//! leaves nothing behind.

use std::time::Duration;

use api::types::work::{Executor, ResourceMeta, ServiceAccountReference};
use futures_util::future::try_join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::{Api, Client};
use serde::Deserialize as _;
use serde_json::Value;

mod impersonating;
mod verdicts;

use impersonating::Impersonating;
use verdicts::{Question, Verdicts};

/// A work that is refused is tried again after that, or when rights change.
pub const RETRY: Duration = Duration::from_secs(60);

/// Asks for works whether they may be applied, and remembers the answers while it
/// follows the rights.
pub struct Executors {
    client: Client,
    verdicts: Verdicts,
}

/// What is to be applied.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Which object.
    pub meta: &'a ResourceMeta,
    /// The object.
    pub object: &'a Value,
    /// Whether the work will own it, and so may delete it.
    pub owned: bool,
}

/// Why an object is not applied for an executor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutorError {
    /// The API server did not answer.
    #[error("whether the executor may apply it cannot be asked: {0}")]
    Api(#[from] kube::Error),
    /// It names nobody.
    #[error("the executor service account is nil")]
    NoAccount,
    /// It may not.
    #[error(
        "not allowed to apply the resource {group} {resource}, {namespace} {name}{escalation}, \
         will try again in 1m0s"
    )]
    NotAllowed {
        /// Empty for the core group.
        group: String,
        /// The plural.
        resource: String,
        /// Empty for what has none.
        namespace: String,
        /// Its name.
        name: String,
        /// Empty if it may not even without rights being handed on.
        escalation: &'static str,
    },
    /// It is something else than a service account.
    #[error("only support ServiceAccount type for the executor")]
    NoServiceAccount,
    /// Its name cannot be one.
    #[error("no service account is called {namespace:?} {name:?}")]
    Name {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
}

impl ExecutorError {
    /// When to try again; `None` if it is an error like any other.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotAllowed { .. } => Some(RETRY),
            Self::Api(_) | Self::Name { .. } | Self::NoAccount | Self::NoServiceAccount => None,
        }
    }

    fn not_allowed(meta: &ResourceMeta, escalation: &'static str) -> Self {
        Self::NotAllowed {
            group: meta.group.clone(),
            resource: meta.resource.clone(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            escalation,
        }
    }
}

/// Every work's object is read, made and changed; one that it owns it deletes.
const VERBS: [&str; 4] = ["create", "update", "patch", "get"];

/// Kinds with which rights are handed on.
const RIGHTS: [&str; 4] = [
    "clusterrolebindings",
    "clusterroles",
    "rolebindings",
    "roles",
];

const RBAC: &str = "rbac.authorization.k8s.io";

impl Executors {
    /// Asks through `client`, whose user may create SubjectAccessReviews and
    /// impersonate service accounts and their groups.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            verdicts: Verdicts::default(),
        }
    }

    /// Follows the rights in the cluster, for ever: answers are remembered only
    /// while it runs.
    pub async fn follow(&self) {
        verdicts::follow(&self.verdicts, &self.client).await;
    }

    /// Changes with the rights in the cluster: what was refused may be tried again.
    #[must_use]
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.verdicts.changes()
    }

    /// A client whose requests are the executor's.
    ///
    /// # Errors
    /// If it is no service account.
    pub fn client(&self, executor: &Executor) -> Result<Client, ExecutorError> {
        let account = account(executor)?;
        let impersonating =
            Impersonating::new(self.client.clone(), &user(account), &groups(account));
        let impersonating = impersonating.map_err(|_| ExecutorError::Name {
            namespace: account.namespace.clone(),
            name: account.name.clone(),
        })?;
        Ok(Client::new(impersonating, "default"))
    }

    /// Whether the executor may apply an object, and delete it if the work owns it.
    ///
    /// # Errors
    /// If it may not, is no service account, or cannot be asked for.
    pub async fn check(
        &self,
        executor: &Executor,
        wanted: Wanted<'_>,
    ) -> Result<(), ExecutorError> {
        let account = account(executor)?;
        if !self.may_apply(account, wanted).await? {
            return Err(ExecutorError::not_allowed(wanted.meta, ""));
        }
        self.check_escalation(executor, wanted).await
    }

    async fn may_apply(
        &self,
        account: &ServiceAccountReference,
        wanted: Wanted<'_>,
    ) -> Result<bool, ExecutorError> {
        let question = Question::new(account, wanted.meta, wanted.owned);
        if let Some(known) = self.verdicts.known(&question) {
            return Ok(known);
        }
        let asked = self.verdicts.asked();
        let delete = wanted.owned.then_some("delete");
        let verbs = VERBS.into_iter().chain(delete);
        let answers = verbs.map(|verb| self.may(account, wanted.meta, verb));
        let may = try_join_all(answers).await?.into_iter().all(|may| may);
        self.verdicts.learn(question, may, asked);
        Ok(may)
    }

    async fn may(
        &self,
        account: &ServiceAccountReference,
        meta: &ResourceMeta,
        verb: &str,
    ) -> Result<bool, kube::Error> {
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                groups: Some(groups(account).to_vec()),
                user: Some(user(account)),
                resource_attributes: Some(ResourceAttributes {
                    group: some(&meta.group),
                    name: some(&meta.name),
                    namespace: some(&meta.namespace),
                    resource: some(&meta.resource),
                    verb: some(verb),
                    version: some(&meta.version),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    /// A review does not tell whether somebody may hand on rights: it is tried.
    async fn check_escalation(
        &self,
        executor: &Executor,
        wanted: Wanted<'_>,
    ) -> Result<(), ExecutorError> {
        let meta = wanted.meta;
        if meta.group != RBAC || !RIGHTS.contains(&meta.resource.as_str()) {
            return Ok(());
        }
        let client = self.client(executor)?;
        let resource = ApiResource {
            group: meta.group.clone(),
            version: meta.version.clone(),
            api_version: format!("{}/{}", meta.group, meta.version),
            kind: meta.kind.clone(),
            plural: meta.resource.clone(),
        };
        let objects: Api<DynamicObject> = if meta.namespace.is_empty() {
            Api::all_with(client, &resource)
        } else {
            Api::namespaced_with(client, &meta.namespace, &resource)
        };
        let object = DynamicObject::deserialize(wanted.object).map_err(kube::Error::SerdeError)?;
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        match objects.create(&params, &object).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                let escalation = ", error: permission escalation";
                Err(ExecutorError::not_allowed(meta, escalation))
            }
            // Escalation is looked at before whether the object is there.
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl std::fmt::Debug for Executors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Executors");
        debug
            .field("verdicts", &self.verdicts)
            .finish_non_exhaustive()
    }
}

fn account(executor: &Executor) -> Result<&ServiceAccountReference, ExecutorError> {
    if executor.subject.type_ != "ServiceAccount" {
        return Err(ExecutorError::NoServiceAccount);
    }
    let account = executor.subject.service_account.as_ref();
    account.ok_or(ExecutorError::NoAccount)
}

fn user(account: &ServiceAccountReference) -> String {
    format!(
        "system:serviceaccount:{}:{}",
        account.namespace, account.name
    )
}

fn groups(account: &ServiceAccountReference) -> [String; 3] {
    [
        "system:serviceaccounts".to_owned(),
        "system:authenticated".to_owned(),
        format!("system:serviceaccounts:{}", account.namespace),
    ]
}
