//! How the works of a ManifestWorkReplicaSet are called and found.

use aws_lc_rs::digest::{SHA256, digest};

/// Says on a work whose it is: `<namespace>.<name>`, or a short form of that,
/// see [`label`]. The annotation of this name then has it in full.
pub(super) const SET: &str = "work.open-cluster-management.io/manifestworkreplicaset";
/// Says on a work for which placement it was made; its annotation as above.
pub(super) const PLACEMENT: &str = "work.open-cluster-management.io/placementname";
/// When a work was last given its set's template.
pub(super) const ROLLED_OUT_AT: &str = "work.open-cluster-management.io/rolled-out-at";
/// When a work was first seen to have succeeded with it.
pub(super) const SUCCEEDED_AT: &str = "work.open-cluster-management.io/succeeded-at";
/// Holds a set until its works are deleted.
pub(super) const FINALIZER: &str = "work.open-cluster-management.io/manifest-work-cleanup";

/// The longest value of a label.
const LABEL_MOST: usize = 63;
/// What a short form has of the hash.
const LABEL_HASH: usize = 16;
/// What a generated name has before and behind.
const NAME_BASE: usize = 58;
const NAME_HASH: usize = 5;
/// What generated names end in: no vowels, which make words.
const NAME_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A value for a label: what is too long is cut, and ends in its hash.
pub(super) fn label(full: &str) -> String {
    if full.len() <= LABEL_MOST {
        return full.to_owned();
    }
    let head = cut(full, LABEL_MOST - LABEL_HASH - 1);
    let head = head.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let hash = hash(full);
    let hash = hash.iter().take(LABEL_HASH / 2);
    let hash: String = hash.map(|byte| format!("{byte:02x}")).collect();
    format!("{head}-{hash}")
}

/// The name of a set's work for a placement. It is in the form of a generated
/// one, but always the same: a work that was made is found to be there, and
/// not made again, although nobody has seen it yet.
pub(super) fn child(namespace: &str, name: &str, placement: &str) -> String {
    let hash = hash(&format!("{namespace}/{name}/{placement}"));
    let letters = hash.iter().take(NAME_HASH);
    let letters = letters.map(|byte| NAME_LETTERS[usize::from(*byte) % NAME_LETTERS.len()]);
    let suffix: String = letters.map(char::from).collect();
    format!("{}{suffix}", cut(name, NAME_BASE))
}

fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn hash(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_fits_is_as_open_cluster_management_has_it() {
        assert_eq!(label("apps.web"), "apps.web");
        let longest = "x".repeat(63);
        assert_eq!(label(&longest), longest);
    }

    #[test]
    fn a_label_that_is_too_long_is_cut_and_still_tells_sets_apart() {
        let one = format!("apps.{}-one", "x".repeat(70));
        let two = format!("apps.{}-two", "x".repeat(70));
        assert_eq!(label(&one).len(), 63);
        assert_ne!(label(&one), label(&two));
        let dots = format!("apps.{}", ".".repeat(70));
        assert!(label(&dots).starts_with("apps-"), "{}", label(&dots));
    }

    #[test]
    fn a_work_s_name_looks_generated_and_is_always_the_same() {
        let name = child("apps", "web", "eu");
        assert_eq!(name.len(), 8);
        assert!(name.starts_with("web"));
        assert_eq!(name, child("apps", "web", "eu"));
        assert_ne!(name, child("apps", "web", "us"));
        assert_eq!(child("apps", &"n".repeat(253), "eu").len(), 63);
    }
}
