//! What is told of a work's objects as they are in the cluster.

use std::sync::Arc;

use api::types::work::{ManifestCondition, ManifestWork, ManifestWorkStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions::{self, Found};
use super::configs::Options;
use super::{feedback, rules};

/// The work's status with what was `found` of its manifests, each at the place of
/// its manifest in `status`: whether they are available, what is asked for of
/// their status, and the conditions that rules make. It is the same status if
/// nothing has changed. With `raw`, values of any type are told as JSON.
///
/// What rules have to be evaluated for is done on a thread of its own, and takes
/// a bounded number of steps.
pub async fn observe(
    work: Arc<ManifestWork>,
    status: ManifestWorkStatus,
    found: Vec<Found>,
    raw: bool,
) -> ManifestWorkStatus {
    let now = conditions::now();
    let configs = &work.spec.manifest_configs;
    if configs
        .iter()
        .all(|config| config.condition_rules.is_empty())
    {
        return observe_at(&work, status, &found, raw, &now);
    }
    let kept = status.clone();
    let evaluated =
        tokio::task::spawn_blocking(move || observe_at(&work, status, &found, raw, &now));
    // It fails only when the runtime goes, and the status with it.
    evaluated.await.unwrap_or(kept)
}

/// As [`observe`], at that time and on this thread.
#[must_use]
pub fn observe_at(
    work: &ManifestWork,
    mut status: ManifestWorkStatus,
    found: &[Found],
    raw: bool,
    now: &Time,
) -> ManifestWorkStatus {
    let generation = work.metadata.generation.unwrap_or_default();
    let manifests = &mut status.resource_status.manifests;
    for (manifest, found) in manifests.iter_mut().zip(found) {
        let options = Options::of(&manifest.resource_meta, &work.spec.manifest_configs);
        manifest_at(manifest, options, found, generation, raw, now);
    }
    conditions::aggregate(&mut status, generation, now);
    status
}

fn manifest_at(
    manifest: &mut ManifestCondition,
    options: Options<'_>,
    found: &Found,
    generation: i64,
    raw: bool,
    now: &Time,
) {
    let available = conditions::manifest_available(found, generation, now);
    conditions::set(&mut manifest.conditions, available);
    // Of an object that is not there, the last that was seen stays.
    let Found::Object(object) = found else {
        return;
    };
    let asked = options.feedback_rules;
    let values = (!asked.is_empty()).then(|| feedback::read(object, asked, raw));
    feedback::tell(manifest, values, generation, now);
    for made in rules::evaluate(object, options.condition_rules, generation, now) {
        conditions::set(&mut manifest.conditions, made);
    }
    conditions::prune_rules(&mut manifest.conditions, generation);
}

#[cfg(test)]
mod tests {
    use api::types::work::{ConditionRule, ManifestConfig, ResourceIdentifier, ResourceMeta};
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    fn work(generation: i64, rule: bool) -> ManifestWork {
        let mut work = ManifestWork::default();
        work.metadata.generation = Some(generation);
        work.spec.manifest_configs = vec![ManifestConfig {
            resource_identifier: ResourceIdentifier {
                group: "batch".to_owned(),
                resource: "jobs".to_owned(),
                namespace: "*".to_owned(),
                name: "*".to_owned(),
            },
            feedback_rules: vec![Default::default()],
            condition_rules: if rule {
                vec![ConditionRule {
                    condition: conditions::COMPLETE.to_owned(),
                    ..ConditionRule::default()
                }]
            } else {
                Vec::new()
            },
            ..ManifestConfig::default()
        }];
        work
    }

    fn status() -> ManifestWorkStatus {
        let mut status = ManifestWorkStatus::default();
        status.resource_status.manifests.push(ManifestCondition {
            resource_meta: ResourceMeta {
                group: "batch".to_owned(),
                version: "v1".to_owned(),
                kind: "Job".to_owned(),
                resource: "jobs".to_owned(),
                name: "once".to_owned(),
                namespace: "default".to_owned(),
                ..ResourceMeta::default()
            },
            ..ManifestCondition::default()
        });
        status
    }

    fn job(complete: &str) -> Found {
        Found::Object(Arc::new(json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "status": {"conditions": [{"type": "Complete", "status": complete}]},
        })))
    }

    fn reasons(status: &ManifestWorkStatus) -> Vec<(&str, &str, &str)> {
        let conditions = status.conditions.iter();
        conditions
            .map(|one| (one.type_.as_str(), one.status.as_str(), one.reason.as_str()))
            .collect()
    }

    #[test]
    fn a_work_tells_of_its_object_what_is_asked_for() {
        let status = observe_at(&work(1, true), status(), &[job("True")], false, &at(1));
        assert_eq!(
            reasons(&status),
            [
                ("Available", "True", "ResourcesAvailable"),
                ("Complete", "True", "ConditionRulesAggregated"),
            ]
        );
        let manifest = &status.resource_status.manifests[0];
        let types: Vec<_> = manifest.conditions.iter().map(|one| &*one.type_).collect();
        assert_eq!(types, ["Available", "StatusFeedbackSynced", "Complete"]);
        assert_eq!(manifest.status_feedback.values[0].name, "JobComplete");
    }

    #[test]
    fn a_status_in_which_nothing_changes_stays_as_it_is() {
        let first = observe_at(&work(1, true), status(), &[job("True")], false, &at(1));
        let second = observe_at(&work(1, true), first.clone(), &[job("True")], false, &at(2));
        assert_eq!(first, second);
        let third = observe_at(&work(1, true), first, &[job("False")], false, &at(3));
        let time = |of: &ManifestWorkStatus, of_type| {
            let found = conditions::find(&of.conditions, of_type).unwrap();
            found.last_transition_time.clone()
        };
        assert_eq!(time(&third, "Available"), at(1));
        assert_eq!(time(&third, "Complete"), at(3));
    }

    #[test]
    fn a_condition_goes_with_its_rule() {
        let first = observe_at(&work(1, true), status(), &[job("True")], false, &at(1));
        let second = observe_at(&work(2, false), first, &[job("True")], false, &at(2));
        assert_eq!(
            reasons(&second),
            [("Available", "True", "ResourcesAvailable")]
        );
        let manifest = &second.resource_status.manifests[0];
        assert!(conditions::find(&manifest.conditions, "Complete").is_none());
    }

    #[test]
    fn of_an_object_that_is_gone_the_last_values_stay() {
        let first = observe_at(&work(1, true), status(), &[job("True")], false, &at(1));
        let second = observe_at(&work(1, true), first, &[Found::Nothing], false, &at(2));
        assert_eq!(reasons(&second)[0].2, "ResourcesNotAvailable");
        let manifest = &second.resource_status.manifests[0];
        assert_eq!(manifest.status_feedback.values.len(), 1);
    }

    #[tokio::test]
    async fn rules_are_evaluated_beside_other_tasks() {
        let work = Arc::new(work(1, true));
        let status = observe(work, status(), vec![job("True")], false).await;
        assert!(conditions::is_true(&status.conditions, "Complete"));
    }
}
