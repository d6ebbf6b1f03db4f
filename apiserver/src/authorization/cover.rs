//! Which rules are covered by others.

use std::collections::BTreeSet;

use super::PolicyRule;
use super::rule::{covers, has, holds};

/// Those parts of `wanted` that no rule of `held` covers, each with one verb,
/// one resource and one name, or one path.
pub(super) fn uncovered(held: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let parts = wanted.iter().flat_map(break_down);
    parts
        .filter(|part| !held.iter().any(|rule| rule_covers(rule, part)))
        .collect()
}

/// The texts of rules, those of one resource as one, in order.
pub(super) fn described(rules: Vec<PolicyRule>) -> BTreeSet<String> {
    let mut compact: Vec<PolicyRule> = Vec::new();
    for rule in rules {
        let same = compact.iter_mut().find(|of| {
            rule.non_resource_urls.is_empty()
                && of.api_groups == rule.api_groups
                && of.resources == rule.resources
                && of.resource_names == rule.resource_names
        });
        match same {
            Some(of) => of.verbs.extend(rule.verbs),
            None => compact.push(rule),
        }
    }
    compact.iter().map(ToString::to_string).collect()
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
