use crate::{
    Scope,
    kind::{ANSWERED, Kind},
};

/// Those of the group `authorization.k8s.io`.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        kind: "LocalSubjectAccessReview",
        plural: "localsubjectaccessreviews",
        scope: Scope::Namespaced,
        ..REVIEW
    },
    Kind {
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        ..REVIEW
    },
    Kind {
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        ..REVIEW
    },
    Kind {
        kind: "SubjectAccessReview",
        plural: "subjectaccessreviews",
        ..REVIEW
    },
];

const REVIEW: Kind = Kind {
    group: "authorization.k8s.io",
    ..ANSWERED
};
