use http::Method;
use serde_json::{Value, json};

use super::server::{Answer, CONFIG_MAPS, Server};

async fn patch(server: &Server, path: &str, media: &str, body: &Value) -> Answer {
    server
        .send_as(Method::PATCH, path, media, body.to_string().into())
        .await
}

#[tokio::test]
async fn patches_of_every_sort_change_what_they_say() {
    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    let path = format!("{CONFIG_MAPS}/a");
    let merge = json!({"data": {"a": null, "b": "2"}});
    let merged = patch(&server, &path, "application/merge-patch+json", &merge)
        .await
        .ok(200);
    assert_eq!(merged["data"], json!({"b": "2"}));
    let operations = json!([{"op": "add", "path": "/data/c", "value": "3"}]);
    let media = "application/json-patch+json";
    let patched = patch(&server, &path, media, &operations).await.ok(200);
    assert_eq!(patched["data"], json!({"b": "2", "c": "3"}));
    let wrong = json!([{"op": "test", "path": "/data/c", "value": "4"}]);
    patch(&server, &path, media, &wrong)
        .await
        .failed(422, "Invalid");
    let media = "application/strategic-merge-patch+json";
    let finalizers = json!({"metadata": {"finalizers": ["example.com/a"]}});
    patch(&server, &path, media, &finalizers).await.ok(200);
    let finalizers = json!({"metadata": {"finalizers": ["example.com/b"]}});
    let merged = patch(&server, &path, media, &finalizers).await.ok(200);
    let both = json!(["example.com/b", "example.com/a"]);
    assert_eq!(merged["metadata"]["finalizers"], both);
}

#[tokio::test]
async fn applying_makes_an_object_and_keeps_who_owns_its_fields() {
    let server = Server::start().await;
    let path = format!("{CONFIG_MAPS}/a");
    let media = "application/apply-patch+yaml";
    let wanted = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"x": "1"},
    });
    let first = format!("{path}?fieldManager=one");
    let made = patch(&server, &first, media, &wanted).await.ok(201);
    let owners = &made["metadata"]["managedFields"];
    assert_eq!(owners[0]["manager"], "one");
    assert_eq!(owners[0]["operation"], "Apply");
    assert_eq!(owners[0]["fieldsV1"], json!({"f:data": {"f:x": {}}}));
    let again = patch(&server, &first, media, &wanted).await.ok(200);
    assert_eq!(again, made, "applying the same again changes nothing");
    let mut other = wanted.clone();
    other["data"]["x"] = "2".into();
    let second = format!("{path}?fieldManager=two");
    let answer = patch(&server, &second, media, &other).await;
    let message = answer.failed(409, "Conflict");
    assert_eq!(
        message,
        "Apply failed with 1 conflict: conflict with \"one\": .data.x"
    );
    let forced = format!("{second}&force=true");
    let taken = patch(&server, &forced, media, &other).await.ok(200);
    assert_eq!(taken["data"]["x"], "2");
    let message = patch(&server, &path, media, &other)
        .await
        .failed(422, "Invalid");
    assert!(
        message.contains("fieldManager: Required value"),
        "{message}"
    );
}
