use super::*;

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn meta(ordinal: i32, name: &str) -> ResourceMeta {
    ResourceMeta {
        ordinal,
        version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        resource: "configmaps".to_owned(),
        name: name.to_owned(),
        namespace: "default".to_owned(),
        ..ResourceMeta::default()
    }
}

/// A status whose manifests have these conditions.
fn status(conditions: Vec<Condition>) -> ManifestWorkStatus {
    let mut status = ManifestWorkStatus::default();
    for (ordinal, condition) in (0..).zip(conditions) {
        status.resource_status.manifests.push(ManifestCondition {
            resource_meta: meta(ordinal, "a"),
            conditions: vec![condition],
            ..ManifestCondition::default()
        });
    }
    status
}

fn available(found: &[Found]) -> (String, String, String) {
    let found = found.iter().map(|one| manifest_available(one, 3, &at(1)));
    aggregated(found.collect(), AVAILABLE).unwrap()
}

fn aggregated(conditions: Vec<Condition>, of_type: &str) -> Option<(String, String, String)> {
    let mut status = status(conditions);
    aggregate(&mut status, 3, &at(2));
    let one = find(&status.conditions, of_type)?;
    assert_eq!(one.observed_generation, Some(3));
    Some(triple(one))
}

fn triple(one: &Condition) -> (String, String, String) {
    (one.status.clone(), one.reason.clone(), one.message.clone())
}

fn of(status: &str, reason: &str, message: &str) -> (String, String, String) {
    (status.to_owned(), reason.to_owned(), message.to_owned())
}

fn by_rule(of_type: &str, status: &str, message: &str) -> Condition {
    let of = (of_type, status, "ConditionRuleEvaluated");
    condition(of, message.to_owned(), 3, &at(1))
}

#[test]
fn a_manifest_says_that_it_was_applied_or_why_not() {
    let complete = manifest_applied(None, 3, &at(1));
    let expected = of("True", "AppliedManifestComplete", "Apply manifest complete");
    assert_eq!(triple(&complete), expected);
    let failed = manifest_applied(Some(&"no such kind"), 3, &at(1));
    let message = "Failed to apply manifest: no such kind";
    assert_eq!(
        triple(&failed),
        of("False", "AppliedManifestFailed", message)
    );
    assert_eq!(failed.observed_generation, Some(3));
}

#[test]
fn a_work_is_applied_when_all_manifests_are() {
    let yes = manifest_applied(None, 3, &at(1));
    let no = manifest_applied(Some(&"no"), 3, &at(1));
    let applied = |conditions| {
        let status: ManifestWorkStatus = status(conditions);
        work_applied(&status.resource_status.manifests, 3, &at(2))
    };
    assert_eq!(applied(vec![]), None);
    let complete = of(
        "True",
        "AppliedManifestWorkComplete",
        "Apply manifest work complete",
    );
    assert_eq!(triple(&applied(vec![yes.clone()]).unwrap()), complete);
    let failed = of(
        "False",
        "AppliedManifestWorkFailed",
        "Failed to apply manifest work",
    );
    assert_eq!(triple(&applied(vec![yes, no]).unwrap()), failed);
}

#[test]
fn a_work_that_goes_says_so() {
    let expected = of("True", "WorkDeleting", "ManifestWork is being deleted");
    assert_eq!(triple(&work_deleting(3, &at(1))), expected);
}

#[test]
fn a_manifest_is_available_when_its_object_is_there() {
    let told = |found| triple(&manifest_available(&found, 3, &at(1)));
    let expected = of("True", "ResourceAvailable", "Resource is available");
    assert_eq!(told(Found::Object(Arc::default())), expected);
    let expected = of("False", "ResourceNotAvailable", "Resource is not available");
    assert_eq!(told(Found::Nothing), expected);
    let message = "Failed to fetch resource: timeout";
    let expected = of("Unknown", "FetchingResourceFailed", message);
    assert_eq!(told(Found::Unknown("timeout".to_owned())), expected);
    let message = "Resource meta is incompleted";
    let expected = of("Unknown", "IncompletedResourceMeta", message);
    assert_eq!(told(Found::Incomplete), expected);
}

#[test]
fn a_work_is_available_when_all_objects_are_there() {
    let expected = of("True", "ResourcesAvailable", "All resources are available");
    assert_eq!(
        available(&[Found::Object(Arc::default()), Found::Object(Arc::default())]),
        expected
    );
    let message = "1 of 3 resources are not available";
    let expected = of("False", "ResourcesNotAvailable", message);
    let found = [
        Found::Object(Arc::default()),
        Found::Nothing,
        Found::Incomplete,
    ];
    assert_eq!(available(&found), expected);
    let message = "1 of 2 resources have unknown status";
    let expected = of("Unknown", "ResourcesStatusUnknown", message);
    assert_eq!(
        available(&[Found::Object(Arc::default()), Found::Incomplete]),
        expected
    );
    let message = "cannot get any available resource ";
    let expected = of("Unknown", "ResourcesStatusUnknown", message);
    assert_eq!(available(&[]), expected);
}

#[test]
fn what_was_found_of_an_earlier_generation_does_not_count() {
    let old = manifest_available(&Found::Nothing, 2, &at(1));
    let message = "cannot get any available resource ";
    let expected = of("Unknown", "ResourcesStatusUnknown", message);
    assert_eq!(aggregated(vec![old], AVAILABLE), Some(expected));
}

#[test]
fn of_conditions_by_rules_false_wins_then_unknown() {
    let told = |statuses: &[&str]| {
        let conditions = statuses.iter().map(|one| by_rule("Degraded", one, "m"));
        aggregated(conditions.collect(), "Degraded").unwrap()
    };
    let reason = "ConditionRulesAggregated";
    assert_eq!(told(&["True"]), of("True", reason, "m"));
    let message = "Aggregated from 2 manifest conditions";
    assert_eq!(told(&["True", "True"]), of("True", reason, message));
    assert_eq!(told(&["True", "Unknown"]), of("Unknown", reason, message));
    let message = "Aggregated from 3 manifest conditions";
    let statuses = ["True", "Unknown", "False"];
    assert_eq!(told(&statuses), of("False", reason, message));
}

#[test]
fn progressing_is_true_when_any_manifest_is() {
    let told = |statuses: &[&str]| {
        let conditions = statuses.iter().map(|one| by_rule(PROGRESSING, one, ""));
        aggregated(conditions.collect(), PROGRESSING).unwrap().0
    };
    assert_eq!(told(&["False", "Unknown", "True"]), "True");
    assert_eq!(told(&["False", "Unknown"]), "Unknown");
    assert_eq!(told(&["False", "False"]), "False");
}

#[test]
fn only_conditions_by_rules_are_aggregated() {
    let other = condition(("Custom", "True", "Else"), String::new(), 3, &at(1));
    assert_eq!(aggregated(vec![other], "Custom"), None);
}

#[test]
fn a_condition_of_a_rule_that_is_gone_goes() {
    let mut status = status(vec![by_rule("Custom", "True", "m")]);
    aggregate(&mut status, 3, &at(2));
    assert!(is_true(&status.conditions, "Custom"));
    status.resource_status.manifests[0].conditions.clear();
    aggregate(&mut status, 4, &at(3));
    assert_eq!(find(&status.conditions, "Custom"), None);
}

#[test]
fn the_time_of_a_condition_moves_with_its_status_alone() {
    let mut conditions = Vec::new();
    set(&mut conditions, by_rule("Custom", "True", "first"));
    let mut later = by_rule("Custom", "True", "second");
    later.last_transition_time = at(9);
    set(&mut conditions, later.clone());
    assert_eq!(conditions[0].last_transition_time, at(1));
    assert_eq!(conditions[0].message, "second");
    later.status = "False".to_owned();
    set(&mut conditions, later);
    assert_eq!(conditions[0].last_transition_time, at(9));
    assert_eq!(conditions.len(), 1);
}

#[test]
fn whether_feedback_was_read_is_told() {
    let told = |errors: Option<&[String]>| triple(&feedback_synced(errors, 3, &at(1)));
    assert_eq!(told(None), of("True", "NoStatusFeedbackSynced", ""));
    assert_eq!(told(Some(&[])), of("True", "StatusFeedbackSynced", ""));
    let errors = ["a".to_owned(), "b".to_owned(), "a".to_owned()];
    let reason = "StatusFeedbackSyncFailed";
    let message = "Sync status feedback failed with error a";
    assert_eq!(told(Some(&errors[..1])), of("False", reason, message));
    let message = "Sync status feedback failed with error [a, b]";
    assert_eq!(told(Some(&errors)), of("False", reason, message));
}

#[test]
fn what_is_known_of_an_object_stays_when_it_moves_among_the_manifests() {
    let mut old = status(vec![manifest_available(
        &Found::Object(Arc::default()),
        2,
        &at(1),
    )]);
    old.resource_status.manifests.push(ManifestCondition {
        resource_meta: meta(1, "gone"),
        ..ManifestCondition::default()
    });
    let new = vec![
        (meta(0, "new"), manifest_applied(None, 3, &at(2))),
        (meta(1, "a"), manifest_applied(None, 3, &at(2))),
    ];
    let merged = merge_manifests(&old.resource_status.manifests, new);
    let names: Vec<_> = merged.iter().map(|one| &one.resource_meta.name).collect();
    assert_eq!(names, ["new", "a"]);
    assert!(!is_true(&merged[0].conditions, AVAILABLE));
    assert!(is_true(&merged[1].conditions, AVAILABLE));
    assert!(is_true(&merged[1].conditions, APPLIED));
}

#[test]
fn manifests_that_are_not_known_are_not_taken_for_each_other() {
    let unknown = |ordinal| ResourceMeta {
        ordinal,
        ..ResourceMeta::default()
    };
    let old = ManifestCondition {
        resource_meta: unknown(0),
        conditions: vec![by_rule("Custom", "True", "")],
        ..ManifestCondition::default()
    };
    let new = vec![(unknown(1), manifest_applied(None, 3, &at(2)))];
    let merged = merge_manifests(&[old], new);
    assert_eq!(merged[0].conditions.len(), 1);
}

#[test]
fn a_message_is_as_long_as_the_schema_allows() {
    let long = "ü".repeat(20_000);
    let failed = manifest_applied(Some(&long), 3, &at(1));
    assert!(failed.message.len() <= 32_768, "{}", failed.message.len());
}
