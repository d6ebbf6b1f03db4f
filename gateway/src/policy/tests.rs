use http::Method;

use super::*;
use crate::{ServiceTarget, User};

const POLICY: &str = r#"
rules:
  - users: [alice]
    groups: [platform-team]
    clusters: [edge-7, "prod-*"]
  - groups: ["system:authenticated"]
    clusters: [playground]
"#;

fn user(name: &str, groups: &[&str]) -> User {
    User::new(name, groups.iter().map(|&g| g.to_owned())).unwrap()
}

fn may(access: &dyn Access, user: &User, cluster: &str) -> bool {
    let request = AccessRequest {
        user,
        cluster: &cluster.parse().unwrap(),
        ask: Ask::Request {
            method: &Method::GET,
            segments: &[],
        },
    };
    access.allows(&request) == Decision::Allow
}

#[test]
fn a_rule_holds_for_the_users_and_groups_it_names() {
    let policy = PolicyFile::parse(POLICY).unwrap();
    let alice = user("alice", &[]);
    let bob = user("bob", &["platform-team"]);
    let carol = user("carol", &["alice"]);
    for cluster in ["edge-7", "prod-1", "prod-"] {
        // A name is no group's and a group no name's.
        assert!(!may(&policy, &carol, cluster.trim_end_matches('-')));
    }
    assert!(may(&policy, &alice, "edge-7") && may(&policy, &bob, "prod-eu.1"));
    assert!(!may(&policy, &alice, "edge-77") && !may(&policy, &alice, "xprod-1"));
    assert!(may(&policy, &carol, "playground"));
}

fn may_connect(policy: &str, user: &User, target: &str) -> bool {
    let policy = PolicyFile::parse(policy).unwrap();
    let request = AccessRequest {
        user,
        cluster: &"edge-7".parse().unwrap(),
        ask: Ask::Connect(&target.parse().unwrap()),
    };
    policy.allows(&request) == Decision::Allow
}

#[test]
fn connections_go_to_a_rules_targets_alone() {
    let policy = r#"
rules:
  - users: [alice]
    clusters: [edge-7]
    targets: ["10.0.0.0/8:443", "db.example.org:*", "*.shop.svc:80", "web.lab.svc.cluster.local:80"]
  - users: [alice]
    clusters: [edge-8]
    targets: ["*:*"]
  - groups: ["system:authenticated"]
    clusters: ["*"]
"#;
    let alice = user("alice", &[]);
    for target in [
        "10.1.2.3:443",
        "[::ffff:10.1.2.3]:443",
        "DB.example.org.:5432",
        "web.shop.svc:80",
        "web.shop.svc.cluster.local:80",
        "web.lab.svc:80",
    ] {
        assert!(may_connect(policy, &alice, target), "{target}");
        assert!(!may_connect(policy, &user("bob", &[]), target), "{target}");
    }
    for target in [
        "10.1.2.3:80",
        "11.1.2.3:443",
        "a-name-that-may-resolve-into-the-network:443",
        "a.db.example.org:5432",
        "shop.svc:80",
        "web.shop.svc:443",
        "web.shop.svc.example:80",
    ] {
        assert!(!may_connect(policy, &alice, target), "{target}");
    }
}

fn may_ask_service(targets: &str, user: &User, port: &str) -> bool {
    let policy = format!("rules: [{{users: [alice], clusters: ['*'], targets: {targets}}}]");
    let request = AccessRequest {
        user,
        cluster: &"edge-7".parse().unwrap(),
        ask: Ask::Service {
            service: &ServiceTarget::parse("shop", &format!("web:{port}")).unwrap(),
            method: &Method::GET,
            segments: &[],
        },
    };
    PolicyFile::parse(&policy).unwrap().allows(&request) == Decision::Allow
}

#[test]
fn requests_to_a_service_are_judged_as_connections_to_it() {
    let alice = user("alice", &[]);
    for (targets, port, allowed) in [
        ("['*.shop.svc:80']", "80", true),
        ("['web.shop.svc.cluster.local:80']", "80", true),
        ("['*.shop.svc:80']", "81", false),
        ("['*.lab.svc:80']", "80", false),
        ("['10.0.0.0/8:80']", "80", false),
        ("[]", "80", false),
        // What number the port has is not known here.
        ("['*.shop.svc:80']", "http", false),
        ("['*.shop.svc:*']", "http", true),
    ] {
        assert_eq!(
            may_ask_service(targets, &alice, port),
            allowed,
            "{targets} {port}"
        );
        assert!(!may_ask_service(targets, &user("bob", &[]), port));
    }
    assert!(may_ask_service(
        "[]",
        &user("root", &["system:masters"]),
        "http"
    ));
}

#[test]
fn a_rule_without_targets_allows_no_connection_but_masters_need_none() {
    let policy = "rules: [{users: [alice], clusters: ['*']}]";
    assert!(!may_connect(policy, &user("alice", &[]), "10.0.0.1:443"));
    let master = user("root", &["system:masters"]);
    assert!(may_connect("", &master, "10.0.0.1:443"));
}

#[test]
fn what_no_rule_allows_is_denied_but_to_masters() {
    for text in ["", "# nothing yet\n", "rules: []\n", PolicyFile::TEMPLATE] {
        let policy = PolicyFile::parse(text).unwrap();
        assert!(
            !may(&policy, &user("alice", &["dev"]), "edge-7"),
            "{text:?}"
        );
        assert!(may(&policy, &user("root", &["system:masters"]), "edge-7"));
    }
}

#[test]
fn a_file_with_a_mistake_is_refused_whole_and_says_where() {
    for (text, word) in [
        (
            "rules:\n- users: [a]\n  clusters: [x]\n  verbs: [get]\n",
            "verbs",
        ),
        ("rule: []\n", "rule"),
        ("rules:\n- clusters: [x]\n", "rule 1 names no user"),
        (
            "rules:\n- users: [a]\n  clusters: []\n",
            "rule 1 names no cluster",
        ),
        ("rules:\n- users: [a]\n  clusters: [X]\n", "\"X\""),
        ("rules:\n- users: [\"a \"]\n  clusters: [x]\n", "\"a \""),
        (
            "rules:\n- users: [a]\n  users: [b]\n  clusters: [x]\n",
            "users",
        ),
        (
            "rules:\n- users: [a]\n  clusters: [x]\n  targets: [db]\n",
            "rule 1: \"db\" names no port",
        ),
        ("- a\n", ""),
    ] {
        let error = PolicyFile::parse(text).expect_err(text).to_string();
        assert!(error.contains(word), "{text:?}: {error}");
    }
}

#[test]
fn a_live_policy_decides_by_the_newest_rules() {
    let live = LivePolicy::default();
    let handle = live.clone();
    let alice = user("alice", &[]);
    assert!(!may(&live, &alice, "edge-7"));
    handle.replace(PolicyFile::parse(POLICY).unwrap());
    assert!(may(&live, &alice, "edge-7"));
    handle.replace(PolicyFile::default());
    assert!(!may(&live, &alice, "edge-7"));
}

#[test]
fn a_file_is_read_up_to_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.yaml");
    assert!(matches!(
        PolicyFile::read(&path),
        Err(PolicyError::Read { .. })
    ));
    std::fs::write(&path, POLICY).unwrap();
    assert_eq!(PolicyFile::read(&path).unwrap().rules.len(), 2);
    std::fs::write(&path, " ".repeat(1 << 21)).unwrap();
    assert!(matches!(
        PolicyFile::read(&path),
        Err(PolicyError::TooLarge { .. })
    ));
}

#[test]
fn the_example_in_the_template_is_one_that_works() {
    let example = PolicyFile::TEMPLATE
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .skip_while(|line| *line != "rules:");
    let example: Vec<&str> = example.collect();
    let policy = PolicyFile::parse(&example.join("\n")).unwrap();
    assert!(may(&policy, &user("alice", &[]), "prod-1"));
    assert!(!may(&policy, &user("bob", &[]), "prod-1"));
}
