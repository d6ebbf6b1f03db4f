use crate::kind::{CLUSTER, Kind, STATUS, Sub, field};

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
    ..CLUSTER
}];
