use serde_json::{Value, json};

use super::server::{CONFIG_MAPS, Server};

#[tokio::test]
async fn a_delete_is_answered_with_what_it_deleted() {
    let server = Server::start().await;
    let made = server.config_map("a", &json!({})).await;
    let path = format!("{CONFIG_MAPS}/a");
    let answer = server.delete(&path, &Value::Null).await.ok(200);
    assert_eq!(answer["status"], "Success");
    assert_eq!(answer["details"]["uid"], made["metadata"]["uid"]);
    server.get(&path).await.failed(404, "NotFound");
    server
        .delete(&path, &Value::Null)
        .await
        .failed(404, "NotFound");
}

#[tokio::test]
async fn an_object_with_finalizers_goes_when_the_last_is_removed() {
    let server = Server::start().await;
    let path = format!("{CONFIG_MAPS}/a");
    let object = json!({"metadata": {"name": "a", "finalizers": ["example.com/x"]}});
    server.post(CONFIG_MAPS, &object).await.ok(201);
    let mut marked = server.delete(&path, &Value::Null).await.ok(200);
    assert!(
        marked["metadata"]["deletionTimestamp"].is_string(),
        "{marked}"
    );
    let again = server.delete(&path, &Value::Null).await.ok(200);
    assert_eq!(again, marked);
    marked["metadata"]["finalizers"] = json!(["example.com/x", "example.com/y"]);
    let message = server.put(&path, &marked).await.failed(422, "Invalid");
    assert!(
        message.contains("no new finalizers can be added"),
        "{message}"
    );
    marked["metadata"]["finalizers"] = json!([]);
    server.put(&path, &marked).await.ok(200);
    server.get(&path).await.failed(404, "NotFound");
}

#[tokio::test]
async fn preconditions_are_held() {
    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    let path = format!("{CONFIG_MAPS}/a");
    for precondition in [json!({"uid": "x"}), json!({"resourceVersion": "1"})] {
        let options = json!({"preconditions": precondition});
        server.delete(&path, &options).await.failed(409, "Conflict");
    }
    server.get(&path).await.ok(200);
}

#[tokio::test]
async fn a_collection_is_deleted_as_far_as_it_is_selected() {
    let server = Server::start().await;
    server.config_map("a", &json!({"of": "x"})).await;
    server.config_map("b", &json!({"of": "y"})).await;
    let path = format!("{CONFIG_MAPS}?labelSelector=of%3Dx");
    let deleted = server.delete(&path, &Value::Null).await.ok(200);
    assert_eq!(deleted["items"].as_array().unwrap().len(), 1);
    let left = server.get(CONFIG_MAPS).await.ok(200);
    assert_eq!(left["items"][0]["metadata"]["name"], "b");
}
