use super::rows;
use crate::Hooks;
use crate::kind::{CLUSTER, Kind, STATUS, Sub, field};

mod signing_request;

/// Those of the group `certificates.k8s.io`.
pub(super) const KINDS: &[Kind] = &[Kind {
    group: "certificates.k8s.io",
    kind: "CertificateSigningRequest",
    plural: "certificatesigningrequests",
    short: &["csr"],
    subresources: &[
        Sub {
            name: "approval",
            writes: &["status.conditions"],
            ..STATUS
        },
        STATUS,
    ],
    selectable: &[field("spec.signerName")],
    columns: rows::config::SIGNING_REQUEST,
    hooks: Hooks {
        row: Some(rows::config::signing_request),
        ..signing_request::HOOKS
    },
    ..CLUSTER
}];
