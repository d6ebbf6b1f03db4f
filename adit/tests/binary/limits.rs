//! Limits that flags set: who comes first is served, one more is told, and
//! nobody else is disturbed.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;

use crate::support::{Identity, Process, TestHub, arg, until};

/// A hub with these flags, whose cluster's agent has those, and a target there.
struct Setup {
    hub: TestHub,
    target: TcpListener,
    token: String,
    agent: Process,
}

impl Setup {
    async fn start(hub_args: &[&str], agent_args: &[&str]) -> Self {
        let hub = Box::pin(TestHub::start_with(hub_args)).await;
        Box::pin(hub.allow("alice", &["connect", "proxy"], &[])).await;
        let agent = start_agent(&hub, "edge-1", agent_args).await;
        let created = hub.adit(&["token", "create", "--user", "alice"]).await;
        Self {
            token: created.stdout.trim().to_owned(),
            hub,
            target: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            agent,
        }
    }

    /// A CONNECT to the target, and the first line of its answer.
    async fn connect(&self, cluster: &str) -> (TlsStream<TcpStream>, String) {
        let mut client = self.hub.client(Identity::Nobody).connect().await.unwrap();
        let target = self.target.local_addr().unwrap();
        let credentials = STANDARD.encode(format!("{cluster}:{}", self.token));
        let request = format!(
            "CONNECT {target} HTTP/1.1\r\nhost: x\r\nproxy-authorization: Basic {credentials}\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        (client, String::from_utf8(head).unwrap())
    }

    async fn reached(&self, limit: &str) -> bool {
        let client = self.hub.client(self.hub.administrator());
        let line = format!("adit_limit_reached_total{{limit=\"{limit}\"}} ");
        value(&client.get("/metrics").await.unwrap().body, &line) > 0.0
    }
}

async fn start_agent(hub: &TestHub, cluster: &str, args: &[&str]) -> Process {
    let credentials = hub.credentials(cluster, "agent").await;
    let agent = agent(&credentials, args);
    until("the agent's session", async || {
        hub.sessions(cluster).await.len() == 1
    })
    .await;
    agent
}

fn agent(credentials: &Path, args: &[&str]) -> Process {
    let known = [
        "agent",
        "--credentials",
        arg(credentials),
        "--allow-target",
        "127.0.0.1:*",
    ];
    Process::start(&[&known, args].concat())
}

/// What a line of metrics says.
fn value(metrics: &str, line: &str) -> f64 {
    let rest = metrics.lines().find_map(|l| l.strip_prefix(line));
    rest.unwrap_or_else(|| panic!("no {line} in {metrics}"))
        .trim()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn dials_over_the_hubs_rate_are_told_to_come_again_and_those_of_other_clusters_pass() {
    let setup = Box::pin(Setup::start(&["--max-dials-per-second", "5"], &[])).await;
    let _other = start_agent(&setup.hub, "edge-2", &[]).await;
    let mut open = Vec::new();
    let refused = loop {
        let (client, head) = Box::pin(setup.connect("edge-1")).await;
        if !head.starts_with("HTTP/1.1 200 ") {
            break head;
        }
        open.push(client);
        assert!(open.len() < 1000, "the rate is never reached");
    };
    assert!(refused.starts_with("HTTP/1.1 429 hub: "), "{refused}");
    assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
    let (_client, head) = Box::pin(setup.connect("edge-2")).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(setup.reached("dials").await);
    // What was open goes on.
    let (mut first, mut target) = (open.remove(0), setup.target.accept().await.unwrap().0);
    first.write_all(b"ping").await.unwrap();
    let mut received = [0; 4];
    target.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"ping");
}

#[tokio::test]
async fn dials_over_the_agents_rate_are_refused_as_busy_and_counted_there() {
    let flags = [
        "--max-dials-per-second",
        "2",
        "--metrics-listen",
        "127.0.0.1:0",
    ];
    let setup = Box::pin(Setup::start(&[], &flags)).await;
    let refused = async {
        for _ in 0..1000 {
            let (_client, head) = Box::pin(setup.connect("edge-1")).await;
            if !head.starts_with("HTTP/1.1 200 ") {
                return head;
            }
        }
        panic!("the rate is never reached");
    };
    let refused = refused.await;
    assert!(refused.starts_with("HTTP/1.1 503 agent: "), "{refused}");
    assert!(
        refused.contains("more than 2 streams a second"),
        "{refused}"
    );
    assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
    let told = ask(&setup.agent, "/metrics").await;
    assert!(value(&told, "adit_limit_reached_total{limit=\"dials\"} ") > 0.0);
}

#[tokio::test]
async fn a_session_too_many_is_refused_and_the_others_stay() {
    let setup = Box::pin(Setup::start(&["--max-sessions", "1"], &[])).await;
    let credentials = setup.hub.credentials("edge-2", "agent").await;
    let late = agent(&credentials, &[]);
    until("it is told", async || {
        late.stderr()
            .contains("the hub has 1 sessions, the most it may have")
    })
    .await;
    assert!(setup.reached("sessions").await);
    let (_client, head) = Box::pin(setup.connect("edge-1")).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[tokio::test]
async fn a_stream_too_many_on_a_link_is_busy_and_the_others_go_on() {
    let flags = ["--max-streams-per-link", "3"];
    let setup = Box::pin(Setup::start(&flags, &["--carrier", "h2"])).await;
    let mut open = Vec::new();
    let refused = loop {
        let (client, head) = Box::pin(setup.connect("edge-1")).await;
        if !head.starts_with("HTTP/1.1 200 ") {
            break head;
        }
        open.push((client, setup.target.accept().await.unwrap().0));
        assert!(open.len() <= 3, "the limit is not kept");
    };
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(setup.reached("streams").await);
    for (client, target) in &mut open {
        client.write_all(b"ping").await.unwrap();
        let mut received = [0; 4];
        target.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"ping");
    }
}

#[tokio::test]
async fn a_tcp_stream_too_many_of_a_user_is_told() {
    let setup = Box::pin(Setup::start(&["--max-tcp-streams-per-user", "1"], &[])).await;
    let (_first, head) = Box::pin(setup.connect("edge-1")).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let (_second, head) = Box::pin(setup.connect("edge-1")).await;
    assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
    assert!(setup.reached("tcp-streams").await);
}

/// What an agent answers at its own port.
async fn ask(agent: &Process, path: &str) -> String {
    let said = agent.stderr();
    let (_, rest) = said.split_once("metrics-listen:").unwrap();
    let address = rest.split(['"', ' ', '\n']).next().unwrap();
    let mut port = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n\r\n");
    port.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    port.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn an_agent_tells_its_health_and_metrics_where_it_is_told_to() {
    let flags = ["--metrics-listen", "127.0.0.1:0"];
    let mut setup = Box::pin(Setup::start(&[], &flags)).await;
    assert!(
        ask(&setup.agent, "/healthz")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    assert!(
        ask(&setup.agent, "/readyz")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    let (mut client, head) = Box::pin(setup.connect("edge-1")).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let metrics = ask(&setup.agent, "/metrics").await;
    for line in [
        "adit_sessions ",
        "adit_sessions_made_total ",
        "adit_streams ",
    ] {
        assert_eq!(value(&metrics, line), 1.0, "{line}");
    }
    assert!(value(&metrics, "adit_received_bytes_total ") > 100.0);
    client.shutdown().await.unwrap();
    drop(setup.target.accept().await.unwrap());
    let whole = "adit_streams_ended_total{target=\"tcp\",outcome=\"whole\"} ";
    until("the stream is counted", async || {
        value(&ask(&setup.agent, "/metrics").await, whole) == 1.0
    })
    .await;
    let elsewhere = ask(&setup.agent, "/clusters/edge-1/api").await;
    assert!(elsewhere.starts_with("HTTP/1.1 404 "), "{elsewhere}");

    setup.hub.process().signal(rustix::process::Signal::KILL);
    setup.hub.process().end().await;
    until("it is not ready any more", async || {
        ask(&setup.agent, "/readyz")
            .await
            .starts_with("HTTP/1.1 503 ")
    })
    .await;
    assert!(
        ask(&setup.agent, "/healthz")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
}
