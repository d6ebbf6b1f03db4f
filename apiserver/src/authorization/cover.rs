//! Which rules are covered by others.

use std::collections::{BTreeMap, BTreeSet};

use super::PolicyRule;
use super::rule::{covers, has, holds};

/// Those parts of `wanted` that no rule of `held` covers, each with one verb,
/// one resource and one name, or one path. `None` if there are more than
/// [`MAX_PARTS`] to be looked at: rules have as many as the product of their
/// lists is long.
pub(super) fn uncovered(held: &[PolicyRule], wanted: &[PolicyRule]) -> Option<Vec<PolicyRule>> {
    let is_held = |rule: &PolicyRule| held.iter().any(|of| rule_covers(of, rule));
    // What one rule covers as a whole it covers in parts.
    let wanted: Vec<_> = wanted.iter().filter(|rule| !is_held(rule)).collect();
    let count = wanted.iter().map(|rule| parts(rule));
    if count.fold(0, usize::saturating_add) > MAX_PARTS {
        return None;
    }
    let parts = wanted.into_iter().flat_map(break_down);
    Some(parts.filter(|part| !is_held(part)).collect())
}

/// The most parts of rules that are looked at. A role of Kubernetes' own has
/// up to a thousand.
pub(super) const MAX_PARTS: usize = 20_000;

/// The texts of rules, those of one resource as one, in order.
pub(super) fn described(rules: Vec<PolicyRule>) -> BTreeSet<String> {
    let (paths, rules): (Vec<_>, Vec<_>) = rules
        .into_iter()
        .partition(|rule| !rule.non_resource_urls.is_empty());
    let mut compact: BTreeMap<_, PolicyRule> = BTreeMap::new();
    for rule in rules {
        let on = [&rule.api_groups, &rule.resources, &rule.resource_names].map(Clone::clone);
        match compact.get_mut(&on) {
            Some(of) => of.verbs.extend(rule.verbs),
            None => {
                compact.insert(on, rule);
            }
        }
    }
    let all = compact.values().chain(&paths);
    all.map(ToString::to_string).collect()
}

/// How many parts a rule is broken down to.
fn parts(rule: &PolicyRule) -> usize {
    let resources = [
        &rule.api_groups,
        &rule.resources,
        &rule.verbs,
        &rule.resource_names,
    ];
    let lengths = resources.map(Vec::len);
    let [groups, resources, verbs, names] = lengths;
    groups
        .saturating_mul(resources)
        .saturating_mul(verbs)
        .saturating_mul(names.max(1))
        .saturating_add(rule.non_resource_urls.len().saturating_mul(verbs))
}

fn break_down(rule: &PolicyRule) -> Vec<PolicyRule> {
    let one = |text: &str| vec![Box::from(text)];
    let mut parts = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let part = PolicyRule {
                    verbs: one(verb),
                    api_groups: one(group),
                    resources: one(resource),
                    ..PolicyRule::default()
                };
                if rule.resource_names.is_empty() {
                    parts.push(part);
                    continue;
                }
                parts.extend(rule.resource_names.iter().map(|name| PolicyRule {
                    resource_names: one(name),
                    ..part.clone()
                }));
            }
        }
    }
    for path in &rule.non_resource_urls {
        parts.extend(rule.verbs.iter().map(|verb| PolicyRule {
            verbs: one(verb),
            non_resource_urls: one(path),
            ..PolicyRule::default()
        }));
    }
    parts
}

fn rule_covers(held: &PolicyRule, part: &PolicyRule) -> bool {
    let names = held.resource_names.is_empty()
        || !part.resource_names.is_empty()
            && part
                .resource_names
                .iter()
                .all(|name| has(&held.resource_names, name));
    names
        && part.verbs.iter().all(|verb| holds(&held.verbs, verb))
        && part
            .api_groups
            .iter()
            .all(|group| holds(&held.api_groups, group))
        && part
            .resources
            .iter()
            .all(|resource| covers_resource(held, resource))
        && part
            .non_resource_urls
            .iter()
            .all(|path| held.non_resource_urls.iter().any(|of| covers(of, path)))
}

fn covers_resource(held: &PolicyRule, resource: &str) -> bool {
    holds(&held.resources, resource)
        || resource
            .split_once('/')
            .is_some_and(|(_, sub)| has(&held.resources, &format!("*/{sub}")))
}
