//! Programs on client-go and controller-runtime.

use serde_json::{Value, json};
use tests::wait::GENEROUS;
use tests::{command, needs};

use crate::rust::make_namespace;
use crate::server::{Server, each};
use crate::{PLACE, Place};

/// What the Go program saw by this check in a namespace of the name, with a
/// hand on the server.
async fn check(place: &'static Place, name: &str) -> Value {
    check_at(Server::start(place).await.unwrap(), place, name).await
}

async fn check_at(server: Server, place: &'static Place, name: &str) -> Value {
    let kubeconfig = server.kubeconfig();
    make_namespace(&server.client().await, name).await;
    let program = place.needs.peers.join("adit-client-go");
    let mut run = place.network.command(program);
    run.arg("-kubeconfig").arg(&kubeconfig);
    run.args([
        "-namespace",
        name,
        "-check",
        name,
        "-control",
        &server.control,
    ]);
    let output = command::run(run, Vec::new(), 10 * GENEROUS).await.unwrap();
    let report: Value = serde_json::from_str(&output.ok()).unwrap();
    eprintln!("client-go {name}: {}", report["result"]);
    report["result"].clone()
}

/// Every informer learns of what was deleted while it could not look.
fn each_missed_something(seen: &Value) {
    for (name, observed) in seen["observed"].as_object().unwrap() {
        assert!(observed["missed"].as_u64().unwrap() >= 1, "{name}: {seen}");
    }
}

#[test]
fn informers_that_list_end_with_what_there_is_after_a_storm() {
    PLACE.test(async |place| {
        let seen = check(place, "storm").await;
        each_missed_something(&seen);
        assert_eq!(seen["watchLists"], 0, "{seen}");
    });
}

#[test]
fn informers_that_begin_with_a_watch_end_with_what_there_is_after_a_storm() {
    PLACE.test(async |place| {
        let seen = check(place, "storm-watchlist").await;
        each_missed_something(&seen);
        assert_eq!(seen["lists"], 0, "{seen}");
    });
}

#[test]
fn a_leader_leads_on_over_a_crash() {
    PLACE.test(async |place| {
        let seen = check(place, "leaders").await;
        assert_eq!(seen["holder"], "second", "{seen}");
    });
}

#[test]
fn a_whole_hub_may_crash_under_informers_leaders_and_lists_too() {
    PLACE.test(async |place| {
        for (name, seen, expected) in [
            ("leaders", "holder", json!("second")),
            ("pages", "count", json!(53)),
        ] {
            let hub = Server::hub(place).await.unwrap();
            let told = check_at(hub, place, name).await;
            assert_eq!(told[seen], expected, "{told}");
        }
        let hub = Server::hub(place).await.unwrap();
        each_missed_something(&check_at(hub, place, "storm-watchlist").await);
    });
}

#[test]
fn a_list_in_pages_is_told_that_its_revision_is_gone_and_goes_on() {
    PLACE.test(async |place| {
        let seen = check(place, "pages").await;
        assert_eq!(seen["count"], 53, "{seen}");
        assert_eq!(seen["rest"], 43, "{seen}");
    });
}

#[test]
fn a_manager_keeps_up_over_crashes_and_its_cache_ends_with_what_there_is() {
    let Some(clients) = needs::clients() else {
        return;
    };
    PLACE.test(async |place| {
        for server in each(place).await {
            let mut run = place.network.command(clients.join("adit-controller"));
            run.args(["-control", &server.control, "-namespace", "managed"]);
            run.arg("-kubeconfig").arg(server.kubeconfig());
            let output = command::run(run, Vec::new(), 10 * GENEROUS).await.unwrap();
            let seen: Value = serde_json::from_str(&output.ok()).unwrap();
            assert_eq!(seen["leader"], true, "{seen}");
            let staying: Vec<String> = (10..20).map(|number| format!("owner-{number}")).collect();
            assert_eq!(seen["owners"], json!(staying), "{seen}");
        }
    });
}
