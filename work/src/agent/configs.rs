//! Which of a work's configs are an object's.

use api::types::work::{
    ConditionRule, FeedbackRule, FeedbackScrapeType, ManifestConfig, ResourceMeta, UpdateStrategy,
};

/// What is particular to an object: each part is of the first config that names
/// the object and has that part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options<'a> {
    /// What of its status is told.
    pub feedback_rules: &'a [FeedbackRule],
    /// When that is looked at.
    pub scrape_type: FeedbackScrapeType,
    /// How it is applied.
    pub update_strategy: Option<&'a UpdateStrategy>,
    /// Conditions made of it.
    pub condition_rules: &'a [ConditionRule],
}

impl<'a> Options<'a> {
    /// Of that object among the configs.
    #[must_use]
    pub fn of(meta: &ResourceMeta, configs: &'a [ManifestConfig]) -> Self {
        let matching = || configs.iter().filter(|config| is_for(config, meta));
        let feedback = matching().find(|config| !config.feedback_rules.is_empty());
        let rules = matching().find(|config| !config.condition_rules.is_empty());
        Self {
            feedback_rules: feedback.map_or(&[], |config| &config.feedback_rules),
            scrape_type: feedback.map_or_else(Default::default, |one| one.feedback_scrape_type),
            update_strategy: matching().find_map(|config| config.update_strategy.as_ref()),
            condition_rules: rules.map_or(&[], |config| &config.condition_rules),
        }
    }
}

fn is_for(config: &ManifestConfig, meta: &ResourceMeta) -> bool {
    let asked = &config.resource_identifier;
    asked.group == meta.group
        && asked.resource == meta.resource
        && matches(&asked.namespace, &meta.namespace)
        && matches(&asked.name, &meta.name)
}

/// Whether a text is as a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut rest) = text.strip_prefix(head) else {
        return false;
    };
    let mut parts = tail.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use api::types::work::{ResourceIdentifier, UpdateStrategyType};

    use super::*;

    fn config(namespace: &str, name: &str) -> ManifestConfig {
        ManifestConfig {
            resource_identifier: ResourceIdentifier {
                group: "apps".to_owned(),
                resource: "deployments".to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
            ..ManifestConfig::default()
        }
    }

    fn meta(namespace: &str, name: &str) -> ResourceMeta {
        ResourceMeta {
            ordinal: 7,
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            resource: "deployments".to_owned(),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    #[test]
    fn a_star_stands_for_any_part_of_a_name_or_namespace() {
        let meta = meta("team-a", "web-1-blue");
        for (namespace, name, expected) in [
            ("team-a", "web-1-blue", true),
            ("team-b", "web-1-blue", false),
            ("*", "*", true),
            ("team-*", "web-*-blue", true),
            ("*-a", "*-1-*", true),
            ("team-*", "web-*-red", false),
            ("", "*", false),
            ("*", "web-1-blue*", true),
            ("*", "web-1-blue-*", false),
            ("*", "*web*web*", false),
            ("*", "we*eb-1-blue", false),
        ] {
            let found = is_for(&config(namespace, name), &meta);
            assert_eq!(found, expected, "{namespace} {name}");
        }
        let other = ResourceMeta {
            resource: "statefulsets".to_owned(),
            ..meta
        };
        assert!(!is_for(&config("*", "*"), &other));
    }

    #[test]
    fn of_each_part_the_first_config_counts_that_has_it() {
        let rule = |condition: &str| ConditionRule {
            condition: condition.to_owned(),
            ..ConditionRule::default()
        };
        let strategy = |type_| UpdateStrategy {
            type_,
            ..UpdateStrategy::default()
        };
        let mut first = config("*", "*");
        first.condition_rules = vec![rule("First")];
        let mut second = config("team-a", "web");
        second.condition_rules = vec![rule("Second")];
        second.update_strategy = Some(strategy(UpdateStrategyType::CreateOnly));
        let mut third = config("team-a", "*");
        third.update_strategy = Some(strategy(UpdateStrategyType::ReadOnly));
        third.feedback_rules = vec![FeedbackRule::default()];
        third.feedback_scrape_type = FeedbackScrapeType::Watch;
        let configs = [first, second, third];
        let options = Options::of(&meta("team-a", "web"), &configs);
        assert_eq!(options.condition_rules[0].condition, "First");
        let strategy = options.update_strategy.unwrap();
        assert_eq!(strategy.type_, UpdateStrategyType::CreateOnly);
        assert_eq!(options.feedback_rules.len(), 1);
        assert_eq!(options.scrape_type, FeedbackScrapeType::Watch);
        let none = Options::of(&meta("team-b", "web"), &configs[1..]);
        assert_eq!(none, Options::default());
    }
}
