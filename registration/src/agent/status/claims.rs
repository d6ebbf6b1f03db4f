//! What the managed cluster says of itself by its ClusterClaims.

use std::collections::BTreeMap;

use api::types::cluster::{Claim, ClusterClaim};
use kube::ResourceExt as _;

/// Which claims are told first, and how many others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimRules {
    /// Claims whose names end so are always told, as those with OCM's four
    /// reserved names are.
    pub reserved_suffixes: Vec<String>,
    /// How many others are told at most; default 20.
    pub custom_max: usize,
}

impl Default for ClaimRules {
    fn default() -> Self {
        Self {
            reserved_suffixes: Vec::new(),
            custom_max: 20,
        }
    }
}

/// Marks a claim that stays in the managed cluster.
const SPOKE_ONLY: &str = "open-cluster-management.io/spoke-only";

/// Always told, and first.
const RESERVED: [&str; 4] = [
    "id.k8s.io",
    "kubeversion.open-cluster-management.io",
    "platform.open-cluster-management.io",
    "product.open-cluster-management.io",
];

/// The claims that the hub is told, and how many custom ones there are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) claims: Vec<Claim>,
    pub(super) custom: usize,
}

/// A claim's value, if the hub may know it.
pub(super) fn value(claim: &ClusterClaim) -> Option<String> {
    if claim.labels().contains_key(SPOKE_ONLY) || claim.spec.value.is_empty() {
        return None;
    }
    Some(claim.spec.value.clone())
}

/// Orders claims, reserved ones first and each part by name, and leaves out
/// those that are too many.
pub(super) fn select(claims: &BTreeMap<String, String>, rules: &ClaimRules) -> Told {
    let is_reserved = |name: &str| {
        let mut suffixes = rules.reserved_suffixes.iter();
        RESERVED.contains(&name) || suffixes.any(|suffix| name.ends_with(suffix.as_str()))
    };
    let (mut reserved, mut custom): (Vec<Claim>, Vec<Claim>) = claims
        .iter()
        .map(|(name, value)| Claim {
            name: name.clone(),
            value: value.clone(),
        })
        .partition(|claim| is_reserved(&claim.name));
    let count = custom.len();
    custom.truncate(rules.custom_max);
    reserved.append(&mut custom);
    Told {
        claims: reserved,
        custom: count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(told: &Told) -> Vec<&str> {
        told.claims
            .iter()
            .map(|claim| claim.name.as_str())
            .collect()
    }

    /// Rule 1.7, claims.
    #[test]
    fn reserved_claims_come_first_and_twenty_others_by_name() {
        let custom = (0..25).map(|number| format!("claim-{number:02}"));
        let reserved = [
            "platform.open-cluster-management.io",
            "id.k8s.io",
            "x.reserved.io",
        ];
        let all = custom.chain(reserved.map(str::to_owned));
        let all: BTreeMap<String, String> = all.map(|name| (name, "v".to_owned())).collect();
        let rules = ClaimRules {
            reserved_suffixes: vec!["reserved.io".to_owned()],
            ..ClaimRules::default()
        };
        let told = select(&all, &rules);
        let names = names(&told);
        let first = [
            "id.k8s.io",
            "platform.open-cluster-management.io",
            "x.reserved.io",
        ];
        assert_eq!(names[..3], first);
        assert_eq!((names[3], names[22]), ("claim-00", "claim-19"));
        assert_eq!((names.len(), told.custom), (23, 25));
    }

    #[test]
    fn a_claim_for_the_managed_cluster_alone_is_not_told() {
        let mut claim = ClusterClaim::new("a", Default::default());
        claim.spec.value = "v".to_owned();
        assert_eq!(value(&claim), Some("v".to_owned()));
        let label = (SPOKE_ONLY.to_owned(), String::new());
        claim.metadata.labels = Some(BTreeMap::from([label]));
        assert_eq!(value(&claim), None);
    }
}
