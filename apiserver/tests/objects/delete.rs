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

#[tokio::test]
async fn a_namespace_goes_with_all_that_is_in_it() {
    let server = Server::start().await;
    let namespace = json!({"metadata": {"name": "n"}});
    let made = server.post("/api/v1/namespaces", &namespace).await.ok(201);
    assert_eq!(made["spec"]["finalizers"], json!(["kubernetes"]));
    let maps = "/api/v1/namespaces/n/configmaps";
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/x"]}});
    server.post(maps, &held).await.ok(201);
    server
        .post(maps, &json!({"metadata": {"name": "free"}}))
        .await
        .ok(201);
    let going = server
        .delete("/api/v1/namespaces/n", &Value::Null)
        .await
        .ok(200);
    assert_eq!(going["status"]["phase"], "Terminating");
    let message = server
        .post(maps, &json!({"metadata": {"name": "new"}}))
        .await;
    let message = message.failed(403, "Forbidden");
    assert!(
        message.contains("because it is being terminated"),
        "{message}"
    );
    let free = format!("{maps}/free");
    server
        .until(async || server.get(&free).await.code == 404)
        .await;
    let mut held = server.get(&format!("{maps}/held")).await.ok(200);
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    held["metadata"]["finalizers"] = json!([]);
    server.put(&format!("{maps}/held"), &held).await.ok(200);
    server
        .until(async || server.get("/api/v1/namespaces/n").await.code == 404)
        .await;
}

#[tokio::test]
async fn some_namespaces_stay() {
    let server = Server::start().await;
    let message = server
        .delete("/api/v1/namespaces/default", &Value::Null)
        .await;
    let message = message.failed(403, "Forbidden");
    assert_eq!(
        message,
        "namespaces \"default\" is forbidden: this namespace may not be deleted"
    );
}

/// A ConfigMap that is owned by another.
async fn owned(server: &Server, name: &str, owner: &Value) {
    let object = json!({
        "metadata": {
            "name": name,
            "ownerReferences": [{
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "blockOwnerDeletion": true,
            }],
        },
    });
    server.post(CONFIG_MAPS, &object).await.ok(201);
}

#[tokio::test]
async fn what_an_object_owns_goes_after_it_or_before_it_or_stays() {
    let server = Server::start().await;
    let owner = server.config_map("owner", &json!({})).await;
    owned(&server, "child", &owner).await;
    let path = |name: &str| format!("{CONFIG_MAPS}/{name}");
    let gone = async |name: &str| server.get(&path(name)).await.code == 404;

    let background = json!({"propagationPolicy": "Background"});
    server.delete(&path("owner"), &background).await.ok(200);
    assert!(gone("owner").await);
    server.until(async || gone("child").await).await;

    let owner = server.config_map("owner", &json!({})).await;
    owned(&server, "child", &owner).await;
    let foreground = json!({"propagationPolicy": "Foreground"});
    let waiting = server.delete(&path("owner"), &foreground).await.ok(200);
    assert_eq!(
        waiting["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    server.until(async || gone("owner").await).await;
    assert!(gone("child").await, "the owner went first");

    let owner = server.config_map("owner", &json!({})).await;
    owned(&server, "child", &owner).await;
    let orphan = json!({"propagationPolicy": "Orphan"});
    server.delete(&path("owner"), &orphan).await.ok(200);
    server.until(async || gone("owner").await).await;
    let child = server.get(&path("child")).await.ok(200);
    assert_eq!(child["metadata"]["ownerReferences"], Value::Null);
}

#[tokio::test]
async fn an_object_of_an_owner_that_never_was_goes() {
    let server = Server::start().await;
    let nobody =
        json!({"metadata": {"name": "nobody", "uid": "0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f"}});
    owned(&server, "child", &nobody).await;
    let path = format!("{CONFIG_MAPS}/child");
    server
        .until(async || server.get(&path).await.code == 404)
        .await;
}

#[tokio::test]
async fn a_pod_goes_at_once_unless_a_node_is_to_end_it() {
    let server = Server::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = |name: &str, node: &str| {
        json!({
            "metadata": {"name": name},
            "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]},
        })
    };
    server.post(pods, &pod("waits", "")).await.ok(201);
    let path = format!("{pods}/waits");
    server.delete(&path, &Value::Null).await.ok(200);
    server.get(&path).await.failed(404, "NotFound");

    server.post(pods, &pod("runs", "n")).await.ok(201);
    let path = format!("{pods}/runs");
    let ending = server.delete(&path, &Value::Null).await.ok(200);
    assert_eq!(ending["metadata"]["deletionGracePeriodSeconds"], 30);
    let again = server.delete(&path, &Value::Null).await.ok(200);
    assert_eq!(again, ending);
    // It may be hurried, and not be given more time.
    let options = |seconds: i64| json!({"gracePeriodSeconds": seconds});
    let again = server.delete(&path, &options(60)).await.ok(200);
    assert_eq!(again, ending);
    let sooner = server.delete(&path, &options(5)).await.ok(200);
    assert_eq!(sooner["metadata"]["deletionGracePeriodSeconds"], 5);
    server.delete(&path, &options(0)).await.ok(200);
    server.get(&path).await.failed(404, "NotFound");
}
