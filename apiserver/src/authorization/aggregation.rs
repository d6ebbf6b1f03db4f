use serde_json::Value;

use super::PolicyRule;

/// The rules of a ClusterRole that gathers those of others by its
/// `aggregationRule`; `None` if it does not gather.
///
/// `all` are the ClusterRoles there are. Whoever runs this writes the rules
/// into the role when they differ.
#[must_use]
pub fn aggregated_rules<'v>(
    role: &Value,
    all: impl IntoIterator<Item = &'v Value>,
) -> Option<Vec<PolicyRule>> {
    let aggregation = role.get("aggregationRule").filter(|rule| !rule.is_null())?;
    let mut all: Vec<&Value> = all
        .into_iter()
        .filter(|other| name(other) != name(role))
        .collect();
    all.sort_by_key(|other| name(other));
    let mut rules: Vec<PolicyRule> = Vec::new();
    let selectors = aggregation["clusterRoleSelectors"].as_array();
    for selector in selectors.into_iter().flatten() {
        for other in all.iter().filter(|other| selects(selector, other)) {
            for rule in PolicyRule::of_role(other) {
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
    }
    Some(rules)
}

fn name(role: &Value) -> &str {
    role["metadata"]["name"].as_str().unwrap_or_default()
}

/// Whether a `metav1.LabelSelector` selects an object; one with an operator
/// that is not known selects nothing.
fn selects(selector: &Value, object: &Value) -> bool {
    let label = |key: &str| object["metadata"]["labels"][key].as_str();
    let equal = selector["matchLabels"].as_object();
    let equal = equal.into_iter().flatten();
    let expressions = selector["matchExpressions"].as_array();
    let mut expressions = expressions.into_iter().flatten();
    equal
        .into_iter()
        .all(|(key, value)| label(key) == value.as_str())
        && expressions.all(|of| {
            let value = label(of["key"].as_str().unwrap_or_default());
            let values = of["values"].as_array();
            let listed = value.is_some_and(|value| {
                values
                    .into_iter()
                    .flatten()
                    .any(|of| of.as_str() == Some(value))
            });
            match of["operator"].as_str() {
                Some("In") => listed,
                Some("NotIn") => !listed,
                Some("Exists") => value.is_some(),
                Some("DoesNotExist") => value.is_none(),
                _ => false,
            }
        })
}
