use aws_lc_rs::digest::{SHA512, digest};

/// What tells one document from another, as the real server tells it.
pub(crate) fn etag(document: &[u8]) -> String {
    let digest = digest(&SHA512, document);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}
