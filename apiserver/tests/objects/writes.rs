use serde_json::json;

use super::server::{CONFIG_MAPS, Server};

#[tokio::test]
async fn a_new_object_gets_what_clients_do_not_decide() {
    let server = Server::start().await;
    let made = server.config_map("a", &json!({})).await;
    assert_eq!(made["kind"], "ConfigMap");
    assert_eq!(made["apiVersion"], "v1");
    assert_eq!(made["metadata"]["namespace"], "default");
    assert_eq!(made["metadata"]["uid"].as_str().unwrap().len(), 36);
    assert!(
        made["metadata"]["creationTimestamp"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    let read = server.get(&format!("{CONFIG_MAPS}/a")).await.ok(200);
    assert_eq!(read, made);
}

#[tokio::test]
async fn a_name_is_generated() {
    let server = Server::start().await;
    let object = json!({"metadata": {"generateName": "x-"}});
    let made = server.post(CONFIG_MAPS, &object).await.ok(201);
    let name = made["metadata"]["name"].as_str().unwrap();
    assert_eq!((name.len(), &name[..2]), (7, "x-"));
}

#[tokio::test]
async fn what_is_wrong_with_an_object_is_told_in_the_real_servers_words() {
    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    let again = json!({"metadata": {"name": "a"}});
    let message = server
        .post(CONFIG_MAPS, &again)
        .await
        .failed(409, "AlreadyExists");
    assert_eq!(message, "configmaps \"a\" already exists");
    let elsewhere = "/api/v1/namespaces/nowhere/configmaps";
    let message = server.post(elsewhere, &again).await.failed(404, "NotFound");
    assert_eq!(message, "namespaces \"nowhere\" not found");
    let other = json!({"metadata": {"name": "b", "namespace": "other"}});
    let message = server
        .post(CONFIG_MAPS, &other)
        .await
        .failed(400, "BadRequest");
    assert!(
        message.contains("does not match the namespace"),
        "{message}"
    );
    let versioned = json!({"metadata": {"name": "b", "resourceVersion": "1"}});
    let message = server.post(CONFIG_MAPS, &versioned).await.failed(500, "");
    assert_eq!(
        message,
        "resourceVersion should not be set on objects to be created"
    );
    let bad = json!({"metadata": {"name": "B"}});
    let message = server.post(CONFIG_MAPS, &bad).await.failed(422, "Invalid");
    assert!(
        message.starts_with("ConfigMap \"B\" is invalid: metadata.name: Invalid value: \"B\": a lowercase RFC 1123 subdomain"),
        "{message}"
    );
}

#[tokio::test]
async fn an_update_of_an_old_state_is_refused() {
    let server = Server::start().await;
    let path = format!("{CONFIG_MAPS}/a");
    let made = server.config_map("a", &json!({})).await;
    let mut changed = made.clone();
    changed["data"]["a"] = "2".into();
    let updated = server.put(&path, &changed).await.ok(200);
    assert_ne!(
        updated["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
    assert_eq!(updated["metadata"]["uid"], made["metadata"]["uid"]);
    let message = server.put(&path, &changed).await.failed(409, "Conflict");
    assert_eq!(
        message,
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
    );
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_no_revision() {
    let server = Server::start().await;
    let made = server.config_map("a", &json!({})).await;
    let again = server.put(&format!("{CONFIG_MAPS}/a"), &made).await.ok(200);
    assert_eq!(again, made);
}

#[tokio::test]
async fn a_dry_run_keeps_nothing() {
    let server = Server::start().await;
    let object = json!({"metadata": {"name": "a"}});
    let path = format!("{CONFIG_MAPS}?dryRun=All");
    server.post(&path, &object).await.ok(201);
    server
        .get(&format!("{CONFIG_MAPS}/a"))
        .await
        .failed(404, "NotFound");
}

#[tokio::test]
async fn the_status_is_written_through_its_subresource_alone() {
    let server = Server::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Failed"},
    });
    let made = server.post(pods, &pod).await.ok(201);
    assert_ne!(made["status"]["phase"], "Failed");
    let mut status = made.clone();
    status["status"] = json!({"phase": "Running"});
    status["spec"]["containers"][0]["image"] = "other".into();
    let updated = server
        .put(&format!("{pods}/p/status"), &status)
        .await
        .ok(200);
    assert_eq!(updated["status"]["phase"], "Running");
    assert_eq!(updated["spec"]["containers"][0]["image"], "i");
    let mut main = updated.clone();
    main["status"]["phase"] = "Failed".into();
    let kept = server.put(&format!("{pods}/p"), &main).await.ok(200);
    assert_eq!(kept["status"]["phase"], "Running");
}

#[tokio::test]
async fn a_scale_shows_and_sets_how_many_are_wanted() {
    let server = Server::start().await;
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let deployment = json!({
        "metadata": {"name": "d"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "d"}},
            "template": {
                "metadata": {"labels": {"app": "d"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    });
    server.post(deployments, &deployment).await.ok(201);
    let path = format!("{deployments}/d/scale");
    let mut scale = server.get(&path).await.ok(200);
    assert_eq!(scale["kind"], "Scale");
    assert_eq!(scale["spec"]["replicas"], 2);
    assert_eq!(scale["status"]["selector"], "app=d");
    scale["spec"]["replicas"] = 5.into();
    let scaled = server.put(&path, &scale).await.ok(200);
    assert_eq!(scaled["spec"]["replicas"], 5);
    let deployment = server.get(&format!("{deployments}/d")).await.ok(200);
    assert_eq!(deployment["spec"]["replicas"], 5);
    assert_eq!(deployment["metadata"]["generation"], 2);
    server.put(&path, &scale).await.failed(409, "Conflict");
}

#[tokio::test]
async fn an_event_is_one_in_both_of_its_groups() {
    let server = Server::start().await;
    let event = json!({
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "Made",
        "message": "it is made",
        "type": "Normal",
        "source": {"component": "c"},
    });
    server
        .post("/api/v1/namespaces/default/events", &event)
        .await
        .ok(201);
    let path = "/apis/events.k8s.io/v1/namespaces/default/events/e";
    let other = server.get(path).await.ok(200);
    assert_eq!(other["apiVersion"], "events.k8s.io/v1");
    assert_eq!(other["regarding"]["name"], "p");
    assert_eq!(other["note"], "it is made");
    let list = server.get("/apis/events.k8s.io/v1/events").await.ok(200);
    assert_eq!(list["items"][0]["note"], "it is made");
}
