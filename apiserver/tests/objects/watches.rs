use std::pin::pin;

use apiserver::{Body, User};
use bytes::Bytes;
use http::header::ACCEPT;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use serde_json::{Value, json};
use store::Store as _;

use super::server::{CONFIG_MAPS, Server};

/// A watch, read line by line.
struct Watch {
    body: Body,
    read: Vec<u8>,
}

impl Watch {
    async fn open(server: &Server, path: &str) -> Self {
        let response: Response<Body> = server
            .open(Method::GET, path, "application/json", Vec::new())
            .await;
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            read: Vec::new(),
        }
    }

    /// One that asks for another form.
    async fn accepting(server: &Server, path: &str, accept: &str) -> Self {
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.uri_mut() = path.parse().unwrap();
        request
            .headers_mut()
            .insert(ACCEPT, accept.parse().unwrap());
        let masters = [User::MASTERS.to_owned()];
        request.extensions_mut().insert(User::new("admin", masters));
        let response = server.service.handle(request).await;
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            read: Vec::new(),
        }
    }

    /// The next event; `None` when the watch has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = pin!(self.body.frame()).await?;
            self.read
                .extend_from_slice(frame.unwrap().data_ref().unwrap());
        }
    }

    /// Type and name of the next event.
    async fn told(&mut self) -> (String, String) {
        let event = self.next().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&event["type"]),
            text(&event["object"]["metadata"]["name"]),
        )
    }
}

fn told(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

#[tokio::test]
async fn a_watch_goes_on_where_a_list_ended() {
    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    let list = server.get(CONFIG_MAPS).await.ok(200);
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!("{CONFIG_MAPS}?watch=true&resourceVersion={revision}");
    let mut watch = Watch::open(&server, &path).await;
    let mut made = server.config_map("b", &json!({})).await;
    assert_eq!(watch.told().await, told("ADDED", "b"));
    made["data"]["a"] = "2".into();
    server.put(&format!("{CONFIG_MAPS}/b"), &made).await.ok(200);
    assert_eq!(watch.told().await, told("MODIFIED", "b"));
    server
        .delete(&format!("{CONFIG_MAPS}/b"), &Value::Null)
        .await
        .ok(200);
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    assert_eq!(event["object"]["data"]["a"], "2");
    let deleted: u64 = event["object"]["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(deleted > revision.parse().unwrap());
}

#[tokio::test]
async fn an_informer_gets_all_and_a_bookmark_that_says_so() {
    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    server.config_map("b", &json!({})).await;
    let path = format!(
        "{CONFIG_MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let mut watch = Watch::open(&server, &path).await;
    assert_eq!(watch.told().await, told("ADDED", "a"));
    assert_eq!(watch.told().await, told("ADDED", "b"));
    let bookmark = watch.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["kind"], "ConfigMap");
    let metadata = &bookmark["object"]["metadata"];
    assert_eq!(metadata["annotations"]["k8s.io/initial-events-end"], "true");
    server.config_map("c", &json!({})).await;
    assert_eq!(watch.told().await, told("ADDED", "c"));
}

#[tokio::test]
async fn an_object_that_leaves_a_selector_is_deleted_for_its_watch() {
    let server = Server::start().await;
    let path = format!("{CONFIG_MAPS}?watch=true&labelSelector=of%3Dx&resourceVersion=0");
    let mut watch = Watch::open(&server, &path).await;
    let mut made = server.config_map("a", &json!({"of": "x"})).await;
    assert_eq!(watch.told().await, told("ADDED", "a"));
    made["metadata"]["labels"]["of"] = "y".into();
    let left = server.put(&format!("{CONFIG_MAPS}/a"), &made).await.ok(200);
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    assert_eq!(event["object"]["metadata"]["labels"]["of"], "x");
    let revision = &event["object"]["metadata"]["resourceVersion"];
    assert_eq!(revision, &left["metadata"]["resourceVersion"]);
    let mut back = left.clone();
    back["metadata"]["labels"]["of"] = "x".into();
    server.put(&format!("{CONFIG_MAPS}/a"), &back).await.ok(200);
    assert_eq!(watch.told().await, told("ADDED", "a"));
}

#[tokio::test]
async fn a_watch_from_a_revision_that_is_gone_is_told_so() {
    use store::Store as _;

    let server = Server::start().await;
    for name in ["a", "b"] {
        server.config_map(name, &json!({})).await;
    }
    let now = server.store.current().await.unwrap();
    server.store.compact(now).await.unwrap();
    let path = format!("{CONFIG_MAPS}?watch=true&resourceVersion=1");
    let mut watch = Watch::open(&server, &path).await;
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "ERROR");
    assert_eq!(event["object"]["code"], 410);
    assert_eq!(event["object"]["reason"], "Expired");
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn bookmarks_go_on_while_nothing_happens_and_the_watch_ends_in_time() {
    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    let path = format!(
        "{CONFIG_MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion=0"
    );
    let mut watch = Watch::open(&server, &path).await;
    assert_eq!(watch.told().await, told("ADDED", "a"));
    // Another resource's changes move the bookmark on.
    server
        .post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}}))
        .await
        .ok(201);
    let bookmark = watch.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn the_old_paths_watch_too() {
    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    server.config_map("b", &json!({})).await;
    let all = CONFIG_MAPS.replace("/v1/", "/v1/watch/");
    let mut watch = Watch::open(&server, &all).await;
    assert_eq!(watch.told().await, told("ADDED", "a"));
    let one = format!("{all}/b");
    let mut watch = Watch::open(&server, &one).await;
    assert_eq!(watch.told().await, told("ADDED", "b"));
    server
        .delete(&format!("{CONFIG_MAPS}/a"), &Value::Null)
        .await
        .ok(200);
    server
        .delete(&format!("{CONFIG_MAPS}/b"), &Value::Null)
        .await
        .ok(200);
    assert_eq!(watch.told().await, told("DELETED", "b"));
    let another = format!("{one}?fieldSelector=metadata.name%3Da");
    let message = server.get(&another).await.failed(400, "BadRequest");
    assert_eq!(
        message,
        "fieldSelector metadata.name doesn't match requested name"
    );
    server
        .post(&one, &json!({}))
        .await
        .failed(405, "MethodNotAllowed");
}

#[tokio::test]
async fn watches_of_one_change_are_each_told_in_their_own_form() {
    const PARTIAL: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

    let server = Server::start().await;
    let path = format!("{CONFIG_MAPS}?watch=true&resourceVersion=0");
    let selecting = |value: &str| format!("{path}&labelSelector=of%3D{value}");
    let mut whole = [
        Watch::open(&server, &path).await,
        Watch::open(&server, &path).await,
    ];
    let mut leaving = Watch::open(&server, &selecting("x")).await;
    let mut coming = Watch::open(&server, &selecting("y")).await;
    let mut partial = [
        Watch::accepting(&server, &path, PARTIAL).await,
        Watch::accepting(&server, &path, PARTIAL).await,
    ];
    let mut tables = [
        Watch::accepting(&server, &path, TABLE).await,
        Watch::accepting(&server, &path, TABLE).await,
    ];
    let mut made = server.config_map("a", &json!({"of": "x"})).await;
    made["metadata"]["labels"]["of"] = "y".into();
    server.put(&format!("{CONFIG_MAPS}/a"), &made).await.ok(200);
    for watch in &mut whole {
        assert_eq!(watch.told().await, told("ADDED", "a"));
        let event = watch.next().await.unwrap();
        assert_eq!(event["type"], "MODIFIED");
        assert_eq!(event["object"]["metadata"]["labels"]["of"], "y");
        assert_eq!(event["object"]["kind"], "ConfigMap");
    }
    assert_eq!(leaving.told().await, told("ADDED", "a"));
    assert_eq!(leaving.told().await, told("DELETED", "a"));
    assert_eq!(coming.told().await, told("ADDED", "a"));
    for watch in &mut partial {
        assert_eq!(watch.told().await, told("ADDED", "a"));
        let event = watch.next().await.unwrap();
        assert_eq!(event["object"]["kind"], "PartialObjectMetadata");
        assert_eq!(event["object"]["data"], Value::Null);
    }
    for watch in &mut tables {
        let first = watch.next().await.unwrap();
        assert_eq!(first["object"]["kind"], "Table");
        assert_eq!(first["object"]["columnDefinitions"][0]["name"], "Name");
        let second = watch.next().await.unwrap();
        assert_eq!(second["object"]["rows"][0]["cells"][0], "a");
    }
}

#[tokio::test]
async fn watches_that_nobody_reads_are_ended_and_hold_nobody_up() {
    const CHANGES: usize = 24;
    const UNREAD: u64 = 500;

    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    let list = server.get(CONFIG_MAPS).await.ok(200);
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!("{CONFIG_MAPS}?watch=true&resourceVersion={revision}");
    let mut unread = Vec::new();
    for _ in 0..UNREAD {
        unread.push(Watch::open(&server, &path).await);
    }
    let mut read = Watch::open(&server, &path).await;
    assert!(server.store.stats().await.unwrap().watches > UNREAD);
    let large = "x".repeat(900 << 10);
    for number in 0..CHANGES {
        let patch = json!({"data": {"number": number.to_string(), "large": large}});
        let patch = patch.to_string().into_bytes();
        let media = "application/merge-patch+json";
        let object = format!("{CONFIG_MAPS}/a");
        server
            .send_as(Method::PATCH, &object, media, patch)
            .await
            .ok(200);
        let event = read.next().await.unwrap();
        assert_eq!(event["object"]["data"]["number"], number.to_string());
    }
    // More is waiting than a watch may hold.
    let left = server.store.stats().await.unwrap().watches;
    assert!(left < UNREAD / 2, "there are still {left} watches");
    for watch in &mut unread {
        assert_eq!(watch.next().await, None);
    }
    let mut again = Watch::open(&server, &path).await;
    for number in 0..CHANGES {
        let event = again.next().await.unwrap();
        assert_eq!(event["object"]["data"]["number"], number.to_string());
    }
}
