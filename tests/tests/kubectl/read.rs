//! Commands that only read.

use tests::cluster::User;
use tests::routes::Routes;

use crate::SITE;

#[test]
fn discovery_is_the_same() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ADMIN, "discovery")
            .await
            .unwrap();
        let version = routes.fine(&["version"]).await;
        assert!(version.contains("Server Version: v1."), "{version}");
        let resources = routes.fine(&["api-resources"]).await;
        assert!(resources.contains("deployments"), "{resources}");
        routes
            .fine(&["api-resources", "-o", "wide", "--sort-by=name"])
            .await;
        let explained = routes.fine(&["explain", "pod.spec.containers"]).await;
        assert!(explained.contains("FIELD"), "{explained}");
        routes.fine(&["explain", "deployment", "--recursive"]).await;
    });
}

#[test]
fn lists_are_the_same_in_every_form() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ADMIN, "lists").await.unwrap();
        routes
            .fine_with(&fifty_config_maps(), &["create", "-f", "-"])
            .await;

        let table = routes.fine(&["get", "configmaps"]).await;
        assert!(table.contains("number-49"), "{table}");
        let yaml = routes.fine(&["get", "configmaps", "-o", "yaml"]).await;
        assert!(yaml.contains("kind: List"), "{yaml}");
        let odd = routes
            .fine(&["get", "configmaps", "--selector", "parity=odd"])
            .await;
        assert_eq!(odd.lines().count(), 1 + 25, "{odd}");
        let names = [
            "get",
            "configmaps",
            "--chunk-size=5",
            "-o",
            "name",
            "-l",
            "parity",
        ];
        assert_eq!(routes.fine(&names).await.lines().count(), 50);
        routes.fine(&["get", "configmaps", "--chunk-size=5"]).await;
        routes
            .fine(&[
                "get",
                "configmaps",
                "--field-selector",
                "metadata.name=number-7",
            ])
            .await;
        routes
            .fine(&[
                "get",
                "--raw",
                "/api/v1/namespaces/{namespace}/configmaps?limit=3",
            ])
            .await;
        routes.fine(&["describe", "configmap", "number-7"]).await;
    });
}

#[test]
fn errors_are_the_same() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ADMIN, "errors").await.unwrap();
        for args in [
            ["get", "configmap", "nowhere"].as_slice(),
            &["get", "nothings"],
            &["get", "configmaps", "--field-selector", "a=b"],
            &["get", "--raw", "/apis/none.example/v1"],
            &["create", "configmap", "Not_A_Name"],
        ] {
            assert_ne!(routes.same(args).await.code, 0, "{args:?}");
        }
    });
}

fn fifty_config_maps() -> String {
    let one = |number: u32| {
        let parity = if number.is_multiple_of(2) {
            "even"
        } else {
            "odd"
        };
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: number-{number}\n  labels:\n    \
             parity: {parity}\ndata:\n  number: \"{number}\"\n---\n"
        )
    };
    (0..50).map(one).collect()
}
