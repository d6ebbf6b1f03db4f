use api::types::work::{
    ManifestConfig, ManifestWorkSpec, ResourceIdentifier, UpdateStrategy, Workload,
};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::*;

fn config_map(labels: Value, data: Value) -> Value {
    let metadata = json!({"name": "a", "namespace": "n", "labels": labels});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
}

fn place() -> Place {
    Place {
        group: String::new(),
        version: "v1".to_owned(),
        resource: "configmaps".to_owned(),
        namespace: "n".to_owned(),
        name: "a".to_owned(),
    }
}

fn strategy(type_: UpdateStrategyType, manager: &str, force: bool) -> UpdateStrategy {
    UpdateStrategy {
        type_,
        server_side_apply: Some(ServerSideApply {
            force,
            field_manager: Some(manager.to_owned()),
            ..ServerSideApply::default()
        }),
    }
}

fn put(
    claims: &mut Claims,
    name: &str,
    age: i64,
    strategy: UpdateStrategy,
    manifest: Value,
) -> BTreeSet<String> {
    let mut work = ManifestWork::new(
        name,
        ManifestWorkSpec {
            workload: Workload {
                manifests: vec![manifest],
            },
            manifest_configs: vec![ManifestConfig {
                resource_identifier: ResourceIdentifier {
                    resource: "configmaps".to_owned(),
                    namespace: "n".to_owned(),
                    name: "a".to_owned(),
                    ..ResourceIdentifier::default()
                },
                update_strategy: Some(strategy),
                ..ManifestConfig::default()
            }],
            ..ManifestWorkSpec::default()
        },
    );
    let created = Timestamp::from_second(1_000_000 - age).unwrap();
    work.metadata.creation_timestamp = Some(Time(created));
    claims.put(name, &Arc::new(work))
}

/// Why `name` may not have its object, if it may not.
fn rival(claims: &Claims, name: &str) -> Option<(String, String)> {
    let manifest = Manifest::parse(&config_map(Value::Null, Value::Null)).unwrap();
    let rival = claims.rival(name, &manifest, &place())?;
    Some((rival.work, rival.field))
}

fn of(work: &str, field: &str) -> Option<(String, String)> {
    Some((work.to_owned(), field.to_owned()))
}

fn update() -> UpdateStrategy {
    UpdateStrategy::default()
}

/// 11.7: content arbitration between works on one object.
#[test]
fn the_older_work_has_an_object_that_two_would_have_differently() {
    let mut claims = Claims::default();
    let map = |value: &str| config_map(json!({}), json!({"k": value}));
    put(&mut claims, "new", 1, update(), map("1"));
    assert_eq!(rival(&claims, "new"), None);
    let others = put(&mut claims, "old", 9, update(), map("2"));
    assert_eq!(others, ["new".to_owned()].into());
    assert_eq!(rival(&claims, "new"), of("old", "data"));
    assert_eq!(rival(&claims, "old"), None);
    // Another that says the same has it as well.
    put(&mut claims, "same", 5, update(), map("2"));
    assert_eq!(rival(&claims, "same"), None);
    let others = claims.remove("old");
    assert_eq!(others, ["new".to_owned(), "same".to_owned()].into());
    assert_eq!(rival(&claims, "new"), of("same", "data"));
}

#[test]
fn of_two_works_of_one_age_that_of_the_lesser_name_has_the_object() {
    let mut claims = Claims::default();
    let map = |value: &str| config_map(json!({}), json!({"k": value}));
    put(&mut claims, "b", 1, update(), map("1"));
    put(&mut claims, "a", 1, update(), map("2"));
    assert_eq!(rival(&claims, "a"), None);
    assert_eq!(rival(&claims, "b"), of("a", "data"));
}

#[test]
fn who_has_not_got_the_object_keeps_nobody_from_it() {
    let mut claims = Claims::default();
    let map = |labels: Value| config_map(labels, json!({}));
    put(&mut claims, "a", 9, update(), map(json!({"x": "1"})));
    put(
        &mut claims,
        "b",
        8,
        update(),
        map(json!({"x": "2", "y": "2"})),
    );
    put(&mut claims, "c", 7, update(), map(json!({"y": "3"})));
    assert_eq!(rival(&claims, "b"), of("a", "metadata.labels.x"));
    assert_eq!(rival(&claims, "c"), None);
}

#[test]
fn what_only_one_of_them_writes_is_no_conflict() {
    let mut claims = Claims::default();
    let map = |value: &str| config_map(json!({}), json!({"k": value}));
    put(&mut claims, "a", 9, update(), map("1"));
    for type_ in [UpdateStrategyType::CreateOnly, UpdateStrategyType::ReadOnly] {
        put(&mut claims, "b", 1, strategy(type_, "", false), map("2"));
        assert_eq!(rival(&claims, "b"), None);
    }
}

#[test]
fn the_api_server_arbitrates_between_managers_until_both_use_force() {
    let apply = |manager, force| strategy(UpdateStrategyType::ServerSideApply, manager, force);
    let map = |value: &str| config_map(json!({}), json!({"k": value}));
    let mut claims = Claims::default();
    put(&mut claims, "a", 9, apply("work-agent-a", true), map("1"));
    put(&mut claims, "b", 1, apply("work-agent-b", false), map("2"));
    assert_eq!(rival(&claims, "b"), None);
    put(&mut claims, "b", 1, apply("work-agent-b", true), map("2"));
    assert_eq!(rival(&claims, "b"), of("a", "data"));
    // One manager's last application is all that counts.
    let other = config_map(json!({}), json!({"other": "1"}));
    put(&mut claims, "b", 1, apply("work-agent-a", false), other);
    assert_eq!(rival(&claims, "b"), of("a", "other fields"));
}
