//! Watches.

use std::time::Duration;

use tests::cluster::User;
use tests::kubectl::Call;
use tests::needs::soak;
use tests::normal::normal;
use tests::routes::Routes;
use tests::site::Route;
use tests::wait::{GENEROUS, once};
use tokio::time::{Instant, sleep};

use crate::{FORGETFUL, SITE};

#[test]
fn each_event_of_a_watch_is_shown_before_the_next_is_made() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ALICE, "watch").await.unwrap();
        let mut seen = Vec::new();
        for (route, kubectl) in routes.iter() {
            kubectl
                .run(&["create", "configmap", "first"])
                .await
                .unwrap()
                .ok();
            let mut watch = vec!["get", "configmaps", "--watch", "--output-watch-events"];
            watch.extend(["--field-selector", "metadata.name!=kube-root-ca.crt"]);
            let watch = kubectl.start(&Call::new(&watch)).unwrap();
            let shows = async |text: &str| {
                let shown = async || once(watch.output().contains(text));
                watch.until(text, GENEROUS, shown).await.unwrap();
            };
            shows("first").await;
            kubectl
                .run(&["create", "configmap", "second", "--from-literal=v=1"])
                .await
                .unwrap()
                .ok();
            shows("second").await;
            let patch = [
                "patch",
                "configmap",
                "second",
                "--patch",
                r#"{"data":{"v":"2"}}"#,
            ];
            kubectl.run(&patch).await.unwrap().ok();
            shows("MODIFIED").await;
            kubectl
                .run(&["delete", "configmap", "second"])
                .await
                .unwrap()
                .ok();
            shows("DELETED").await;
            seen.push((route, normal(&watch.output())));
        }
        assert!(
            seen.iter().all(|(_, events)| *events == seen[0].1),
            "{seen:#?}"
        );
    });
}

/// The second tunnel carries this watch alone: nothing but the tunnel's own
/// liveness keeps the router from forgetting its connection.
#[test]
fn a_watch_outlives_the_routers_memory_of_silent_connections() {
    SITE.test(async |site| {
        let silence = if soak() {
            Duration::from_secs(600)
        } else {
            3 * FORGETFUL + Duration::from_secs(5)
        };
        let direct = site.kubectl(User::ADMIN, Route::Direct).await.unwrap();
        direct
            .run(&["create", "namespace", "silent"])
            .await
            .unwrap()
            .ok();
        let direct = direct.in_namespace("silent");
        let kubectl = site
            .kubectl_through(&site.tunnels[1], User::ADMIN, Route::Short)
            .await
            .unwrap();
        let watch = ["get", "configmaps", "--watch-only", "--output=name"];
        let watch = kubectl
            .in_namespace("silent")
            .start(&Call::new(&watch))
            .unwrap();
        let shows = async |name: &str| {
            direct
                .run(&["create", "configmap", name])
                .await
                .unwrap()
                .ok();
            let shown = async || once(watch.output().contains(name));
            watch.until(name, GENEROUS, shown).await.unwrap();
        };
        let listening = async || {
            direct.run(&["create", "configmap", "probe"]).await.ok()?;
            direct.run(&["delete", "configmap", "probe"]).await.ok()?;
            once(watch.output().contains("probe"))
        };
        watch.until("the watch", GENEROUS, listening).await.unwrap();

        let begun = Instant::now();
        sleep(silence).await;
        assert!(
            watch.ended().is_none(),
            "the watch ended: {}",
            watch.output()
        );
        shows("after-silence").await;
        eprintln!("watch: lives after {:?} of silence", begun.elapsed());
    });
}
