//! Objects with many more faults than anybody would read.

use http::Method;
use serde_json::{Value, json};

use super::server::{Answer, CONFIG_MAPS, Server};

/// Fewer than the values that are read of a body, with all that is around them.
const MANY: usize = 60_000;
/// How many faults are told.
const TOLD: usize = 100;

fn map(metadata: &Value) -> Value {
    let mut map = json!({"metadata": {"name": "many"}, "data": {"a": "1"}});
    for (field, value) in metadata.as_object().unwrap() {
        map["metadata"][field] = value.clone();
    }
    map
}

fn causes(answer: Answer) -> Vec<Value> {
    let mut status = answer.ok(422);
    serde_json::from_value(status["details"]["causes"].take()).unwrap()
}

#[tokio::test]
async fn an_object_is_told_a_hundred_of_its_faults() {
    let server = Server::start().await;
    let many = |item: Value| vec![item; MANY];
    let labels: serde_json::Map<String, Value> =
        (0..MANY).map(|at| (format!("-{at}"), "".into())).collect();
    let pods = "/api/v1/namespaces/default/pods";
    let roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    let named = json!({"name": "many"});
    for (path, object) in [
        (CONFIG_MAPS, map(&json!({"finalizers": many("a".into())}))),
        (CONFIG_MAPS, map(&json!({"finalizers": many("-".into())}))),
        (
            CONFIG_MAPS,
            map(&json!({"ownerReferences": many(json!({}))})),
        ),
        (CONFIG_MAPS, map(&json!({"labels": labels}))),
        (CONFIG_MAPS, map(&json!({"annotations": labels}))),
        (
            CONFIG_MAPS,
            json!({"metadata": named, "data": {"": ""}, "binaryData": labels_with_dots()}),
        ),
        (
            pods,
            json!({"metadata": named, "spec": {"containers": many(json!({}))}}),
        ),
        (
            pods,
            json!({"metadata": named, "spec": {"volumes": many(json!({}))}}),
        ),
        (
            pods,
            json!({"metadata": named, "spec": {"tolerations": many(json!({}))}}),
        ),
        (roles, json!({"metadata": named, "rules": many(json!({}))})),
        (
            slices,
            json!({"metadata": named, "endpoints": many(json!({}))}),
        ),
        (
            "/api/v1/namespaces/default/services",
            json!({"metadata": named, "spec": {"ports": many(json!({}))}}),
        ),
        (
            "/api/v1/nodes",
            json!({"metadata": named, "spec": {"taints": many(json!({}))}}),
        ),
    ] {
        let causes = causes(server.post(path, &object).await);
        assert_eq!(causes.len(), TOLD, "{path} {:?}", causes.first());
    }
}

/// Keys that a ConfigMap cannot have.
fn labels_with_dots() -> Value {
    let keys = (0..MANY).map(|at| (format!("..{at}"), "".into()));
    Value::Object(keys.collect())
}

#[tokio::test]
async fn few_faults_are_all_told_in_order() {
    let server = Server::start().await;
    let finalizers: Vec<String> = (0..TOLD).map(|at| format!("a{at}")).collect();
    let object = map(&json!({"finalizers": finalizers}));
    let causes = causes(server.post(CONFIG_MAPS, &object).await);
    let fields: Vec<Value> = (0..TOLD)
        .map(|at| format!("metadata.finalizers[{at}]").into())
        .collect();
    let told: Vec<Value> = causes.iter().map(|of| of["field"].clone()).collect();
    assert_eq!(told, fields);
}

#[tokio::test]
async fn a_body_that_says_more_than_is_read_is_refused_in_every_form() {
    let server = Server::start().await;
    server.config_map("there", &json!({})).await;
    let long = format!(
        "{{\"metadata\":{{\"finalizers\":[\"a\"{}]}}}}",
        ",\"a\"".repeat(200_000)
    );
    let path = format!("{CONFIG_MAPS}/there");
    let apply = format!("{path}?fieldManager=a");
    for (method, path, media) in [
        (Method::POST, CONFIG_MAPS, "application/json"),
        (Method::POST, CONFIG_MAPS, "application/yaml"),
        (Method::PUT, &*path, "application/json"),
        (Method::PATCH, &*path, "application/merge-patch+json"),
        (
            Method::PATCH,
            &*path,
            "application/strategic-merge-patch+json",
        ),
        (Method::PATCH, &*apply, "application/apply-patch+yaml"),
        (Method::DELETE, &*path, "application/json"),
    ] {
        let answer = server
            .send_as(method, path, media, long.clone().into())
            .await;
        let message = answer.failed(400, "BadRequest");
        assert!(message.contains("more than 200000 values"), "{message}");
    }
}

#[tokio::test]
async fn finalizers_are_compared_with_as_many_that_were_there() {
    let server = Server::start().await;
    let finalizers = |from: usize, to: usize| -> Vec<String> {
        (from..to).map(|at| format!("a.b/{at}")).collect()
    };
    let object = map(&json!({"finalizers": finalizers(0, MANY)}));
    let made = server.post(CONFIG_MAPS, &object).await;
    assert_eq!(made.code, 201);
    let path = format!("{CONFIG_MAPS}/many");
    server.delete(&path, &Value::Null).await.ok(200);
    let fewer = map(&json!({"finalizers": finalizers(1, MANY)}));
    let left = server.put(&path, &fewer).await.ok(200);
    assert_eq!(
        left["metadata"]["finalizers"].as_array().unwrap().len(),
        MANY - 1
    );
    let another = map(&json!({"finalizers": finalizers(1, MANY + 1)}));
    let causes = causes(server.put(&path, &another).await);
    assert_eq!(causes.len(), 1);
    let added = format!("[]string{{\"a.b/{MANY}\"}}");
    let message = causes[0]["message"].as_str().unwrap();
    assert!(message.contains(&added), "{message}");
}

#[tokio::test]
async fn many_managers_are_put_together() {
    let server = Server::start().await;
    let managers: Vec<Value> = (0..20_000)
        .map(|at| {
            json!({
                "manager": format!("m{at}"), "operation": "Update", "apiVersion": "v1",
                "time": "2026-01-02T03:04:05Z", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:data": {format!("f:k{at}"): {}}},
            })
        })
        .collect();
    let made = server
        .post(CONFIG_MAPS, &map(&json!({"managedFields": managers})))
        .await;
    let made = made.ok(201);
    let managers = made["metadata"]["managedFields"].as_array().unwrap();
    assert!(managers.len() <= 11, "{}", managers.len());
    let ancient = managers
        .iter()
        .find(|of| of["manager"] == "ancient-changes");
    let owned = ancient.unwrap()["fieldsV1"]["f:data"].as_object().unwrap();
    assert!(owned.len() > 19_980, "{}", owned.len());
}
