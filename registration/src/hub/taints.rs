//! The taints by which placements avoid clusters that are not available.

use api::types::cluster::{Taint, TaintEffect};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::names::AVAILABLE;
use super::status;

const UNAVAILABLE: &str = "cluster.open-cluster-management.io/unavailable";
const UNREACHABLE: &str = "cluster.open-cluster-management.io/unreachable";

/// The taints a cluster is to have instead of these; `None` if they are right.
/// Other people's taints stay as they are.
pub(crate) fn wanted(taints: &[Taint], conditions: &[Condition]) -> Option<Vec<Taint>> {
    let available = status::find(conditions, AVAILABLE);
    let wanted = match available.map(|condition| condition.status.as_str()) {
        Some("True") => None,
        Some("False") => Some(UNAVAILABLE),
        _ => Some(UNREACHABLE),
    };
    let mut right: Vec<Taint> = taints
        .iter()
        .filter(|taint| {
            let ours = [UNAVAILABLE, UNREACHABLE]
                .into_iter()
                .find(|of| is(taint, of));
            ours.is_none() || ours == wanted
        })
        .cloned()
        .collect();
    if let Some(key) = wanted
        && !right.iter().any(|taint| is(taint, key))
    {
        // Since when it is there is for admission to say.
        right.push(Taint {
            key: key.to_owned(),
            effect: TaintEffect::NoSelect,
            ..Taint::default()
        });
    }
    (right != taints).then_some(right)
}

fn is(taint: &Taint, key: &str) -> bool {
    taint.key == key && taint.value.is_empty() && taint.effect == TaintEffect::NoSelect
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(available: Option<&str>, taints: &[&str]) -> Option<Vec<String>> {
        let mut conditions = Vec::new();
        if let Some(available) = available {
            status::set(&mut conditions, AVAILABLE, available, "Some", "");
        }
        let taint = |key: &&str| Taint {
            key: (*key).to_owned(),
            ..Taint::default()
        };
        let taints: Vec<Taint> = taints.iter().map(taint).collect();
        let keys = |taints: Vec<Taint>| taints.into_iter().map(|taint| taint.key).collect();
        wanted(&taints, &conditions).map(keys)
    }

    #[test]
    fn a_cluster_nobody_has_heard_of_is_unreachable() {
        assert_eq!(keys(None, &[]).unwrap(), [UNREACHABLE]);
        assert_eq!(
            keys(Some("Unknown"), &[UNAVAILABLE]).unwrap(),
            [UNREACHABLE]
        );
        assert_eq!(keys(Some("Unknown"), &[UNREACHABLE]), None);
    }

    #[test]
    fn a_cluster_that_is_ill_is_unavailable() {
        assert_eq!(keys(Some("False"), &[UNREACHABLE]).unwrap(), [UNAVAILABLE]);
    }

    #[test]
    fn a_cluster_that_is_well_has_neither_taint_and_keeps_the_others() {
        let taints = ["gpu", UNREACHABLE, UNAVAILABLE];
        assert_eq!(keys(Some("True"), &taints).unwrap(), ["gpu"]);
        assert_eq!(keys(Some("True"), &["gpu"]), None);
    }

    #[test]
    fn somebody_elses_taint_with_the_key_and_another_effect_is_left() {
        let other = Taint {
            key: UNREACHABLE.to_owned(),
            effect: TaintEffect::PreferNoSelect,
            ..Taint::default()
        };
        let mut conditions = Vec::new();
        status::set(&mut conditions, AVAILABLE, "True", "Some", "");
        assert_eq!(wanted(std::slice::from_ref(&other), &conditions), None);
    }
}
