//! What an agent is told to let the hub reach.

use crate::support::{TestHub, arg, run};

#[tokio::test]
async fn an_agent_does_not_start_with_targets_that_make_no_sense() {
    let hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let file = hub.beside("targets.yaml");
    std::fs::write(&file, "allow:\n- 10.0.0.0/8:443\nexpose:\n- web:80\n").unwrap();
    let absent = hub.beside("absent.yaml");
    for (args, words) in [
        (
            ["--allow-target", "10.0.0.0/8"],
            ["--allow-target", "names no port"],
        ),
        (
            ["--expose", "web:80"],
            ["--expose web:80", "NAMESPACE/NAME:PORT"],
        ),
        (
            ["--expose", "shop/web:80"],
            ["--expose needs an API server", "--kubeconfig"],
        ),
        (["--targets", arg(&file)], ["targets.yaml", "line 4"]),
        (["--targets", arg(&absent)], ["absent.yaml", "No such file"]),
    ] {
        let agent = [
            "agent",
            "--credentials",
            arg(&credentials),
            args[0],
            args[1],
        ];
        let ended = run(&agent).await;
        assert_eq!(ended.code, 1, "{args:?}: {}", ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{args:?}: {}", ended.stderr);
        }
    }
}
