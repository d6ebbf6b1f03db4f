use crate::kind::{ANSWERED, Kind};

/// Those of the group `authentication.k8s.io`.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        ..REVIEW
    },
    Kind {
        kind: "TokenReview",
        plural: "tokenreviews",
        ..REVIEW
    },
];

const REVIEW: Kind = Kind {
    group: "authentication.k8s.io",
    ..ANSWERED
};
