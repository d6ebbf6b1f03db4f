//! A program on Python's client.

use std::path::Path;

use serde_json::{Value, json};
use tests::wait::GENEROUS;
use tests::{command, needs};

use crate::PLACE;
use crate::server::each;

#[test]
fn pythons_client_watches_on_over_crashes_and_lists_anew_when_history_is_gone() {
    let Some(clients) = needs::clients() else {
        return;
    };
    PLACE.test(async |place| {
        for server in each(place).await {
            let mut run = place.network.command(clients.join("python/bin/python"));
            run.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python/program.py"));
            run.args(["--control", &server.control, "--namespace", "python"]);
            run.arg("--kubeconfig").arg(server.kubeconfig());
            let output = command::run(run, Vec::new(), 10 * GENEROUS).await.unwrap();
            let seen: Value = serde_json::from_str(&output.ok()).unwrap();
            let refused = json!(["409 AlreadyExists", "409 Conflict", "404 NotFound"]);
            assert_eq!(seen["refused"], refused, "{seen}");
            assert_eq!(seen["holders"], json!(["two"]), "{seen}");
            assert_eq!(seen["lists"], 2, "{seen}");
            let names = seen["names"].as_array().unwrap();
            assert!(names.contains(&json!("late")), "{seen}");
            assert!(!names.contains(&json!("gone")), "{seen}");
            // A hub publishes its certificate in every namespace.
            let made = names.iter().filter(|name| **name != "kube-root-ca.crt");
            assert_eq!(made.count(), 2 + 26, "{seen}");
        }
    });
}
