use std::sync::Arc;

use api::GroupResource;
use futures_util::future::BoxFuture;
use time::OffsetDateTime;

use super::{
    AUTHORIZATION, local_subject_access, self_subject, self_subject_access, self_subject_rules,
    subject_access, token,
};
use crate::authentication::Authenticator;
use crate::authorization::Authorizer;
use crate::objects::core;
use crate::tokens::ServiceAccountTokens;
use crate::{Answer, Answered, Answers, Objects, Question, Status};

/// What the answers are found with.
#[derive(Clone, Debug)]
pub struct Reviewer {
    /// Who knows what users may do.
    pub authorizer: Arc<dyn Authorizer>,
    /// Who knows whose a token is.
    pub authenticator: Authenticator,
    /// Who issues service accounts' tokens.
    pub service_accounts: Arc<ServiceAccountTokens>,
    /// Where the service accounts are.
    pub objects: Arc<dyn Objects>,
}

/// One of the kinds, and what it is answered with.
#[derive(Debug)]
struct Reviewed(Reviewer, Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    LocalSubjectAccess,
    SelfSubject,
    SelfSubjectAccess,
    SelfSubjectRules,
    SubjectAccess,
    Token,
    TokenRequest,
}

impl Reviewer {
    /// Answers for all the review kinds, and for the subresource `token` of
    /// service accounts.
    #[must_use]
    pub fn answers(&self, answers: Answers) -> Answers {
        let authorization = |resource| (AUTHORIZATION, resource);
        let authentication = |resource| ("authentication.k8s.io", resource);
        let kinds = [
            (
                authorization("localsubjectaccessreviews"),
                Kind::LocalSubjectAccess,
            ),
            (
                authorization("selfsubjectaccessreviews"),
                Kind::SelfSubjectAccess,
            ),
            (
                authorization("selfsubjectrulesreviews"),
                Kind::SelfSubjectRules,
            ),
            (authorization("subjectaccessreviews"), Kind::SubjectAccess),
            (authentication("selfsubjectreviews"), Kind::SelfSubject),
            (authentication("tokenreviews"), Kind::Token),
        ];
        let answers = kinds
            .into_iter()
            .fold(answers, |answers, ((group, resource), kind)| {
                let resource = GroupResource {
                    group: group.into(),
                    resource: resource.into(),
                };
                answers.with(resource, "", Reviewed(self.clone(), kind))
            });
        let token = Reviewed(self.clone(), Kind::TokenRequest);
        answers.with(core("serviceaccounts"), "token", token)
    }

    fn answer(&self, kind: Kind, question: Question<'_>) -> Result<Answered, Status> {
        let Question {
            user,
            namespace,
            name,
            object,
        } = question;
        let (authorizer, now) = (&*self.authorizer, OffsetDateTime::now_utc());
        let mut warnings = Vec::new();
        let object = match kind {
            Kind::LocalSubjectAccess => local_subject_access(authorizer, object, namespace),
            Kind::SelfSubject => Ok(self_subject(&object, user, now)),
            Kind::SelfSubjectAccess => self_subject_access(authorizer, object, user),
            Kind::SelfSubjectRules => self_subject_rules(authorizer, &object, user),
            Kind::SubjectAccess => subject_access(authorizer, object),
            Kind::Token => token(&self.authenticator, object, now),
            Kind::TokenRequest => {
                let tokens = &self.service_accounts;
                let issued = tokens.issue(namespace, name, object, &*self.objects, now)?;
                warnings = issued.warnings;
                Ok(issued.object)
            }
        }?;
        Ok(Answered { object, warnings })
    }
}

impl Answer for Reviewed {
    fn answer<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Answered, Status>> {
        let Self(reviewer, kind) = self;
        Box::pin(async move { reviewer.answer(*kind, question) })
    }
}
