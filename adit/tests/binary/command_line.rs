//! Exit codes and messages.

use crate::support::{Process, arg, run};

#[tokio::test]
async fn help_names_every_command_and_shows_examples() {
    let help = run(&["--help"]).await;
    assert_eq!(help.code, 0);
    for command in [
        "hub",
        "credentials",
        "agent",
        "kubeconfig",
        "clusters",
        "token",
        "demo",
    ] {
        assert!(help.stdout.contains(command), "{command}: {}", help.stdout);
        let own = run(&[command, "--help"]).await;
        assert_eq!(own.code, 0, "{command}");
        assert!(own.stdout.contains("Usage:"), "{command}: {}", own.stdout);
    }
    assert!(help.stdout.contains("Examples:"), "{}", help.stdout);
}

#[tokio::test]
async fn wrong_usage_is_2_and_a_failure_is_1() {
    let wrong: [&[&str]; 6] = [
        &[],
        &["nonsense"],
        &["credentials", "Not_A_Name", "--data-dir", "/nonexistent"],
        &["kubeconfig", "edge-1"],
        &[
            "token",
            "revoke",
            "../../etc/passwd",
            "--data-dir",
            "/nonexistent",
        ],
        &["demo", "--cluster", "nothing"],
    ];
    for args in wrong {
        assert_eq!(run(args).await.code, 2, "{args:?}");
    }
    let failed = run(&["credentials", "edge-1", "--data-dir", "/nonexistent"]).await;
    assert_eq!(failed.code, 1);
    assert!(
        failed.stderr.contains("start `adit hub --data-dir"),
        "{}",
        failed.stderr
    );
}

#[tokio::test]
async fn a_log_filter_that_is_none_is_wrong_usage() {
    let finished = run(&["--log", "in[fo", "clusters", "--data-dir", "/nonexistent"]).await;
    assert_eq!(finished.code, 2, "{}", finished.stderr);
}

#[tokio::test]
async fn a_log_that_is_no_terminal_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut hub = Process::start(&["hub", "--data-dir", arg(&data), "--listen", "127.0.0.1:0"]);
    crate::support::until("a log line", async || hub.stderr().lines().count() > 0).await;
    hub.signal(rustix::process::Signal::TERM);
    assert_eq!(hub.end().await, Some(0));
    for line in hub.stderr().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            line["level"].is_string() && line["fields"]["message"].is_string(),
            "{line}"
        );
    }
}

#[tokio::test]
async fn an_agent_with_nothing_to_serve_says_what_to_pass() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edge.yaml");
    let missing = run(&["agent", "--credentials", arg(&file)]).await;
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("edge.yaml"), "{}", missing.stderr);
    std::fs::write(&file, "kind: Config\n").unwrap();
    let other = run(&["agent", "--credentials", arg(&file)]).await;
    assert!(
        other.stderr.contains("no agent's credentials"),
        "{}",
        other.stderr
    );
}
