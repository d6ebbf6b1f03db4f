use serde_json::{Value, json};

use super::server::{CONFIG_MAPS, Server};

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_list_is_of_one_revision_and_comes_in_pages() {
    let server = Server::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        server.config_map(name, &json!({})).await;
    }
    let first = server.get(&format!("{CONFIG_MAPS}?limit=2")).await.ok(200);
    assert_eq!(first["kind"], "ConfigMapList");
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    server.config_map("bb", &json!({})).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let path = format!("{CONFIG_MAPS}?limit=9&continue={token}");
    let rest = server.get(&path).await.ok(200);
    assert_eq!(names(&rest), ["c", "d", "e"]);
    assert_eq!(
        rest["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    assert_eq!(rest["metadata"]["continue"], Value::Null);
}

#[tokio::test]
async fn selectors_fill_a_page() {
    let server = Server::start().await;
    for at in 0..20 {
        let label = if at % 4 == 0 { "x" } else { "y" };
        server
            .config_map(&format!("c{at:02}"), &json!({"of": label}))
            .await;
    }
    let path = format!("{CONFIG_MAPS}?labelSelector=of%3Dx&limit=3");
    let list = server.get(&path).await.ok(200);
    assert_eq!(names(&list), ["c00", "c04", "c08"]);
    let token = list["metadata"]["continue"].as_str().unwrap();
    let list = server
        .get(&format!("{path}&continue={token}"))
        .await
        .ok(200);
    assert_eq!(names(&list), ["c12", "c16"]);
    let path = format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3Dc07");
    assert_eq!(names(&server.get(&path).await.ok(200)), ["c07"]);
    let path = format!("{CONFIG_MAPS}?fieldSelector=spec.x%3Dy");
    let message = server.get(&path).await.failed(400, "BadRequest");
    assert!(
        message.contains("is not a known field selector"),
        "{message}"
    );
}

#[tokio::test]
async fn a_token_of_a_revision_that_is_gone_leads_on_at_the_latest() {
    use store::Store as _;

    let server = Server::start().await;
    for name in ["a", "b", "c"] {
        server.config_map(name, &json!({})).await;
    }
    let first = server.get(&format!("{CONFIG_MAPS}?limit=1")).await.ok(200);
    let token = first["metadata"]["continue"].as_str().unwrap();
    server.config_map("d", &json!({})).await;
    let now = server.store.current().await.unwrap();
    server.store.compact(now).await.unwrap();
    let answer = server
        .get(&format!("{CONFIG_MAPS}?limit=1&continue={token}"))
        .await;
    let body = answer.ok(410);
    assert_eq!(body["reason"], "Expired");
    let token = body["metadata"]["continue"].as_str().unwrap();
    let rest = server
        .get(&format!("{CONFIG_MAPS}?continue={token}"))
        .await
        .ok(200);
    assert_eq!(names(&rest), ["b", "c", "d"]);
}

#[tokio::test]
async fn a_forged_token_reads_nothing_else() {
    use base64::Engine as _;

    let server = Server::start().await;
    let forged = r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../secrets/default/a"}"#;
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(forged);
    let path = format!("{CONFIG_MAPS}?continue={token}");
    server.get(&path).await.failed(400, "BadRequest");
}

#[tokio::test]
async fn a_revision_of_the_future_is_waited_for_and_then_told() {
    let server = Server::start().await;
    let path = format!("{CONFIG_MAPS}?resourceVersion=999999999");
    let answer = server.get(&path).await;
    let body = answer.ok(504);
    assert_eq!(
        body["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
    assert_eq!(body["details"]["retryAfterSeconds"], 1);
}
