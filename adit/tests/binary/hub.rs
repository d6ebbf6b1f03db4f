//! Starting, stopping and restarting.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::{GENEROUS, Identity, Process, TestHub, arg, run, until};

#[tokio::test]
async fn health_is_open_and_the_rest_is_not() {
    let hub = TestHub::start().await;
    let nobody = hub.client(Identity::Nobody);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(nobody.get(path).await.unwrap().code, 200, "{path}");
    }
    for path in ["/metrics", "/sessions", "/clusters/edge-1/version"] {
        let answer = nobody.get(path).await.unwrap();
        assert_eq!(answer.code, 401, "{path}");
        assert!(
            answer.body.contains("\"kind\":\"Status\""),
            "{path}: {}",
            answer.body
        );
    }
    let elsewhere = nobody.get("/elsewhere").await.unwrap();
    assert_eq!(elsewhere.code, 404);
    assert!(
        elsewhere.body.contains("\"reason\":\"NotFound\""),
        "{}",
        elsewhere.body
    );
}

#[tokio::test]
async fn the_administrator_reads_metrics_and_sessions() {
    let hub = TestHub::start().await;
    let administrator = hub.client(hub.administrator());
    let metrics = administrator.get("/metrics").await.unwrap();
    assert_eq!(metrics.code, 200, "{}", metrics.body);
    assert!(
        metrics.headers["content-type"]
            .to_str()
            .unwrap()
            .contains("openmetrics")
    );
    for name in [
        "adit_build_info",
        "adit_connections_total",
        "adit_connections_open",
    ] {
        assert!(metrics.body.contains(name), "{name}: {}", metrics.body);
    }
    assert!(metrics.body.ends_with("# EOF\n"));
    let sessions = administrator.get("/sessions").await.unwrap();
    assert_eq!(
        (sessions.code, sessions.body.as_str()),
        (200, r#"{"clusters":[]}"#)
    );
}

#[tokio::test]
async fn a_restart_keeps_the_authority_and_what_was_issued() {
    let mut hub = TestHub::start().await;
    let files = ["ca.crt", "ca.key", "serving.crt", "admin.kubeconfig"];
    let contents = |hub: &TestHub| files.map(|file| fs::read(hub.data().join(file)).unwrap());
    let before = contents(&hub);
    let administrator = hub.administrator();
    hub.restart().await;
    assert_eq!(contents(&hub), before);
    assert_eq!(
        hub.client(administrator)
            .get("/sessions")
            .await
            .unwrap()
            .code,
        200
    );
}

#[tokio::test]
async fn private_keys_are_the_owners_alone() {
    let hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(hub.data()), 0o700);
    for file in ["ca.key", "serving.key", "admin.kubeconfig"] {
        assert_eq!(mode(hub.data().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(credentials), 0o600);
}

#[tokio::test]
async fn a_hub_without_its_authoritys_certificate_does_not_start() {
    let mut hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    hub.process().signal(Signal::TERM);
    assert_eq!(hub.process().end().await, Some(0));
    let (data, certificate) = (hub.data(), hub.data().join("ca.crt"));
    let kept = fs::read(&certificate).unwrap();
    fs::remove_file(&certificate).unwrap();
    let refused = run(&["hub", "--data-dir", arg(&data), "--listen", "127.0.0.1:0"]).await;
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("ca.crt is missing"),
        "{}",
        refused.stderr
    );
    assert!(!certificate.exists());
    fs::write(&certificate, kept).unwrap();
    let listen = hub.address().to_string();
    let _again = Process::start(&["hub", "--data-dir", arg(&data), "--listen", &listen]);
    let _agent = hub.agent(&credentials);
    until("the agent's session", async || {
        hub.client(Identity::Nobody).get("/healthz").await.is_ok()
            && hub.sessions("edge-1").await.len() == 1
    })
    .await;
}

#[tokio::test]
async fn two_hubs_do_not_share_a_data_directory() {
    let hub = TestHub::start().await;
    let data = hub.data();
    let second = run(&["hub", "--data-dir", arg(&data), "--listen", "127.0.0.1:0"]).await;
    assert_eq!(second.code, 1);
    assert!(
        second.stderr.contains("another hub runs on"),
        "{}",
        second.stderr
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let hub = TestHub::start().await;
    let (other, listen) = (hub.beside("other"), hub.address().to_string());
    let second = run(&["hub", "--data-dir", arg(&other), "--listen", &listen]).await;
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains(&listen), "{}", second.stderr);
}

#[tokio::test]
async fn a_hub_that_was_killed_starts_again() {
    let mut hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    hub.process().signal(Signal::KILL);
    assert_eq!(hub.process().end().await, None);
    let (data, listen) = (hub.data(), hub.address().to_string());
    let again = Process::start(&["hub", "--data-dir", arg(&data), "--listen", &listen]);
    let _agent = hub.agent(&credentials);
    until("the agent's session", async || {
        again.stderr().contains("hub listens") && hub.sessions("edge-1").await.len() == 1
    })
    .await;
}

/// An API server that takes requests and answers none.
pub(crate) async fn mute_api_server(hub: &TestHub) -> (TcpListener, PathBuf) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let kubeconfig = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "mute",
        "clusters": [{"name": "mute", "cluster": {"server": server}}],
        "users": [{"name": "mute", "user": {}}],
        "contexts": [{"name": "mute", "context": {"cluster": "mute", "user": "mute"}}],
    });
    let file = hub.beside("mute.kubeconfig");
    fs::write(&file, kubeconfig.to_string()).unwrap();
    (listener, file)
}

/// A hub with an agent whose API server is in the hands of the test.
pub(crate) async fn hub_with_api() -> (TestHub, TcpListener, Process) {
    let hub = TestHub::start().await;
    let (api, kubeconfig) = mute_api_server(&hub).await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let args = [
        "agent",
        "--credentials",
        arg(&credentials),
        "--kubeconfig",
        arg(&kubeconfig),
    ];
    let agent = Process::start(&[&args[..], &["--allow-impersonate", "system:masters"]].concat());
    until("the agent's session", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
    (hub, api, agent)
}

async fn draining(hub: &mut TestHub) {
    hub.process().signal(Signal::INT);
    let stops = async || hub.process().stderr().contains("a second signal stops");
    until("it stops", stops).await;
}

#[tokio::test]
async fn a_request_under_way_is_answered_while_the_hub_drains() {
    let (mut hub, api, _agent) = Box::pin(hub_with_api()).await;
    let client = hub.client(hub.administrator());
    let asked = client.get("/clusters/edge-1/version");
    let stopped = async {
        let (mut open, _) = timeout(GENEROUS, api.accept()).await.unwrap().unwrap();
        draining(&mut hub).await;
        until("no new connection", async || {
            TcpStream::connect(hub.address()).await.is_err()
        })
        .await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        open.write_all(answer).await.unwrap();
        hub.process().end().await
    };
    let (answer, code) = tokio::join!(asked, stopped);
    assert_eq!(answer.unwrap().body, "hello");
    assert_eq!(code, Some(0), "{}", hub.process().stderr());
}

#[tokio::test]
async fn a_second_signal_ends_a_hub_that_drains() {
    let (mut hub, api, _agent) = Box::pin(hub_with_api()).await;
    let client = hub.client(hub.administrator());
    let asked = client.get("/clusters/edge-1/version");
    let stopped = async {
        let _open = timeout(GENEROUS, api.accept())
            .await
            .expect("the request arrives")
            .unwrap();
        draining(&mut hub).await;
        hub.process().signal(Signal::INT);
        hub.process().end().await
    };
    let (answer, code) = tokio::join!(asked, stopped);
    assert_eq!(code, Some(1), "it was still draining");
    assert!(answer.is_err(), "the request was cut off: {answer:?}");
    assert!(
        hub.process()
            .stderr()
            .contains("stopped at once by a second signal")
    );
}
