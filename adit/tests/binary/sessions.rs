//! Agents that come and are shut out.

use crate::support::{TestHub, run, until};

#[tokio::test]
async fn an_agent_with_credentials_is_listed() {
    let hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "first").await;
    hub.credentials("edge-2", "other").await;
    let _agent = hub.agent(&credentials);
    until("the agent's session", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
    let session = &hub.sessions("edge-1").await[0];
    assert_eq!(session["agent"], "first");
    assert_eq!(session["links"][0]["carrier"], "h2");
    let table = hub.adit(&["clusters"]).await.stdout;
    let line = |name: &str| {
        let line = table
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default();
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(line("NAME")[1], "AGENTS");
    assert_eq!(line("edge-1")[1], "1", "{table}");
    assert_eq!(line("edge-1")[3], "h2", "{table}");
    assert_eq!(line("edge-2")[1], "0", "{table}");
    let json = hub.adit(&["clusters", "--output", "json"]).await.stdout;
    let listing: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(listing["clusters"][0]["sessions"][0]["agent"], "first");
}

#[tokio::test]
async fn a_cluster_made_known_while_the_hub_runs_is_let_in() {
    let hub = TestHub::start().await;
    for cluster in ["edge-1", "edge-2"] {
        let credentials = hub.credentials(cluster, "agent").await;
        let _agent = hub.agent(&credentials);
        until("the agent's session", async || {
            hub.sessions(cluster).await.len() == 1
        })
        .await;
    }
}

#[tokio::test]
async fn revoking_ends_a_session_and_keeps_its_agent_out() {
    let hub = TestHub::start().await;
    let revoked = hub.credentials("edge-1", "first").await;
    let kept = hub.credentials("edge-1", "second").await;
    let agent = hub.agent(&revoked);
    let _other = hub.agent(&kept);
    until("both sessions", async || {
        hub.sessions("edge-1").await.len() == 2
    })
    .await;
    let said = hub
        .adit(&["credentials", "edge-1", "--agent", "first", "--revoke"])
        .await
        .stdout;
    assert_eq!(said, "revoked 1 certificate(s) of edge-1\n");
    until("one session", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
    drop(agent);
    let again = hub.agent(&revoked);
    until("the hub refuses it", async || {
        again.stderr().contains("revoked")
    })
    .await;
    assert_eq!(hub.sessions("edge-1").await.len(), 1);
    let _fresh = hub.agent(&hub.credentials("edge-1", "first").await);
    until("a session with new credentials", async || {
        hub.sessions("edge-1").await.len() == 2
    })
    .await;
}

#[tokio::test]
async fn an_agent_comes_back_after_the_hub_was_restarted() {
    let mut hub = TestHub::start().await;
    let _agent = hub.agent(&hub.credentials("edge-1", "agent").await);
    until("the agent's session", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
    hub.restart().await;
    until("the session again", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
}

#[tokio::test]
async fn a_stopped_agent_ends_with_0_and_is_gone_at_once() {
    let hub = TestHub::start().await;
    let mut agent = hub.agent(&hub.credentials("edge-1", "agent").await);
    until("the agent's session", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
    agent.signal(rustix::process::Signal::TERM);
    assert_eq!(agent.end().await, Some(0), "{}", agent.stderr());
    until("no session", async || {
        hub.sessions("edge-1").await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn revoking_a_cluster_that_nobody_knows_is_an_error() {
    let hub = TestHub::start().await;
    let data = hub.data();
    let args = [
        "credentials",
        "edge-9",
        "--revoke",
        "--data-dir",
        crate::support::arg(&data),
    ];
    let finished = run(&args).await;
    assert_eq!(finished.code, 1);
    assert!(
        finished.stderr.contains("edge-9 is not known"),
        "{}",
        finished.stderr
    );
}
