//! A program on client-go beside both servers.

use std::path::Path;

use serde_json::Value;
use tests::command;
use tests::wait::GENEROUS;

use crate::{KubeUser, Ours, PLACE, Place};

/// What the program sees by this check in a new namespace of the name.
async fn check(place: &Place, kubeconfig: &Path, name: &str) -> Value {
    let admin = KubeUser::ADMIN.name;
    let network = place.network.cluster();
    let mut make = network.command(place.needs.peers.join("kubectl"));
    make.arg("--kubeconfig").arg(kubeconfig).args([
        "--context",
        admin,
        "create",
        "namespace",
        name,
    ]);
    command::run(make, Vec::new(), GENEROUS).await.unwrap().ok();
    let mut run = network.command(place.needs.peers.join("adit-client-go"));
    run.arg("-kubeconfig").arg(kubeconfig);
    run.args(["-context", admin, "-namespace", name, "-check", name]);
    let output = command::run(run, Vec::new(), 8 * GENEROUS).await.unwrap();
    let report: Value = serde_json::from_str(&output.ok()).unwrap();
    report["result"].clone()
}

/// Does the same beside both servers and compares what is seen.
async fn compare(place: &Place, name: &str) {
    let ours = Ours::start().await.unwrap();
    let real = place.cluster.kubeconfig();
    let (ours, real) = futures_util::join!(
        check(place, &ours.kubeconfig, name),
        check(place, &real, name)
    );
    assert_eq!(format!("{ours:#}"), format!("{real:#}"), "{name}");
}

#[test]
fn typed_configurations_are_applied_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "apply").await);
}

#[test]
fn writers_that_come_too_late_write_again() {
    PLACE.test(async |place| compare(place, "conflicts").await);
}

#[test]
fn what_is_served_is_discovered_as_of_the_real_server() {
    PLACE.test(async |place| compare(place, "discovery").await);
}

#[test]
fn events_are_recorded_and_counted_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "events").await);
}

#[test]
fn objects_in_protobuf_are_kept_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "kinds").await);
}

#[test]
fn one_candidate_leads_at_a_time() {
    PLACE.test(async |place| compare(place, "leaders").await);
}

#[test]
fn lists_come_in_pages_as_of_the_real_server() {
    PLACE.test(async |place| compare(place, "pages").await);
}

#[test]
fn service_accounts_are_known_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "reviews").await);
}
