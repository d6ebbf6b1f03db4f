//! Who one is, and what one may.

use tests::cluster::{ANONYMOUS, User};
use tests::kubectl::Kubectl;
use tests::routes::Routes;

use crate::SITE;

#[test]
fn whoami_and_can_i_are_the_same_for_each_user() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ADMIN, "who").await.unwrap();
        for user in User::ALL {
            let routes = routes.of(site, user).await.unwrap();
            let who = routes.fine(&["auth", "whoami", "-o", "yaml"]).await;
            assert!(who.contains(user.group) && who.contains(user.name), "{who}");
            for question in [
                ["create", "configmaps"],
                ["create", "clusterroles"],
                ["get", "/metrics"],
            ] {
                routes
                    .same(&[&["auth", "can-i"], &question[..]].concat())
                    .await;
            }
            routes.same(&["auth", "can-i", "--list"]).await;
        }
    });
}

#[test]
fn a_user_without_rights_is_refused_by_the_cluster_in_the_same_words() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::BOB, "refused").await.unwrap();
        for args in [["get", "configmaps"], ["delete", "configmaps/any"]] {
            let refused = routes.same(&args).await;
            assert!(
                refused.stderr.contains("User \"bob\" cannot"),
                "{refused:?}"
            );
        }
    });
}

#[test]
fn an_administrator_may_act_as_another_user() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ADMIN, "as-may").await.unwrap();
        let who = routes
            .fine(&[
                "auth",
                "whoami",
                "--as",
                "alice",
                "--as-group",
                "developers",
            ])
            .await;
        assert!(who.contains("alice") && who.contains("developers"), "{who}");
        routes
            .fine(&[
                "create",
                "configmap",
                "made",
                "--as",
                "alice",
                "--as-group",
                "developers",
            ])
            .await;
        let refused = routes.same(&["get", "configmaps", "--as", "alice"]).await;
        assert!(
            refused.stderr.contains("User \"alice\" cannot"),
            "{refused:?}"
        );
    });
}

#[test]
fn a_plain_user_may_not_act_as_another() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ALICE, "as-may-not")
            .await
            .unwrap();
        for args in [
            ["get", "configmaps", "--as", "bob"].as_slice(),
            &[
                "get",
                "configmaps",
                "--as",
                "alice",
                "--as-group",
                "system:masters",
            ],
        ] {
            // Here it is the gateway that refuses, in its own words.
            for (route, kubectl) in routes.iter() {
                let refused = kubectl.run(args).await.unwrap();
                assert_eq!(
                    (refused.code, refused.stdout.as_str()),
                    (1, ""),
                    "{route:?}: {refused:?}"
                );
                assert!(
                    refused.stderr.contains("(Forbidden)"),
                    "{route:?}: {refused:?}"
                );
            }
        }
    });
}

#[test]
fn a_service_accounts_token_is_made_and_is_good_at_the_api_server() {
    SITE.test(async |site| {
        let routes = Routes::create(site, User::ALICE, "token").await.unwrap();
        let (network, kubeconfig) = (site.network.cluster(), site.cluster.kubeconfig());
        let bearer = Kubectl::new(site.needs, network, kubeconfig, ANONYMOUS).unwrap();
        for (route, kubectl) in routes.iter() {
            let token = kubectl
                .run(&["create", "token", "default", "--duration=10m"])
                .await
                .unwrap()
                .ok();
            let account = format!(
                "system:serviceaccount:{}:default",
                kubectl.namespace().unwrap()
            );
            let name = "jsonpath={.status.userInfo.username}";
            let who = ["--token", token.trim(), "auth", "whoami", "-o", name];
            let who = bearer.run(&who).await.unwrap().ok();
            assert_eq!(who, account, "{route:?}");
        }
    });
}
