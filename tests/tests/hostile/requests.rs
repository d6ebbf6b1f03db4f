//! Requests to the gateway.

use serde_json::json;
use tests::api_double::Reply;
use tests::https::Answer;
use tests::site::path;

use crate::{Double, Others, SITE};

/// Both forms of a cluster's paths.
const FORMS: [&str; 2] = [
    "/clusters/edge",
    "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge/proxy",
];

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

fn yes(_: &str) -> Reply {
    Reply::Answer(OK)
}

#[test]
fn paths_that_mean_two_things_are_refused() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        for form in FORMS {
            for tail in [
                "/..",
                "/.",
                "//version",
                "/api//v1",
                "/api/../version",
                "/%2e%2e/version",
                "/api/v1/%2E/pods",
                "/api/.%2e/version",
                "/a%5cb",
                "/a%00b",
                "/a%0d%0ab",
                "/a%7fb",
                "/..%2f..%2fedge",
                "/api/v1/namespaces/default/services/x/proxy/../../secrets",
                "/api/v1/namespaces/default/services/x/proxy/%2e%2e/secrets",
                "/bad%zz",
            ] {
                let refused = others.alice.get(&format!("{form}{tail}")).await.unwrap();
                assert_eq!(refused.status, 400, "{form}{tail}: {}", refused.text());
                refused.status_message();
            }
        }
        let tail = "/api/v1/namespaces/default/services/x/proxy//deep//path";
        let passed = others.alice.get(&path(tail)).await.unwrap();
        assert_ne!(passed.status, 400, "{}", passed.text());
        others.are_served().await;
    });
}

#[test]
fn the_target_goes_on_byte_for_byte() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "bytes", yes).await;
        for target in [
            "/api/v1/namespaces/a%2Fb/pods?path=%2F..%2F&dryRun=All&x=a+b%20c",
            "/apis/x/v1/%E2%82%AC?",
            "/api/v1/services/http:x:80/proxy//a/?b=%zz",
        ] {
            let answer = others.alice.get(&double.path(target)).await.unwrap();
            assert_eq!(answer.status, 200, "{target}: {}", answer.text());
            let first = format!("GET {target} HTTP/1.1");
            let heads = double.api.heads("GET");
            assert!(
                heads.iter().any(|head| head.starts_with(&first)),
                "{first}: {heads:#?}"
            );
        }
        others.are_served().await;
    });
}

/// The names of the headers that came through, in lower case, with their values.
fn headers(head: &str) -> Vec<(String, String)> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect()
}

#[test]
fn identities_that_a_caller_smuggles_do_not_come_through() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "headers", yes).await;
        let smuggled = [
            "Connection: impersonate-user, impersonate-group, close",
            "X-Remote-User: root",
            "X-Remote-Group: system:masters",
            "X-Remote-Extra-Scopes: all",
            "Keep-Alive: timeout=5",
            "Proxy-Authorization: Basic cm9vdA==",
        ];
        let answer = others
            .alice
            .send("GET", &double.path("/smuggled"), &smuggled, "")
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let heads = double.api.heads("/smuggled");
        let [head] = heads.as_slice() else {
            panic!("one request came through: {heads:#?}")
        };
        let headers = headers(head);
        let values = |name: &str| -> Vec<&str> {
            headers
                .iter()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
                .collect()
        };
        assert_eq!(values("impersonate-user"), ["alice"], "{head}");
        assert!(
            values("impersonate-group").contains(&"developers"),
            "{head}"
        );
        assert!(
            !values("impersonate-group").contains(&"system:masters"),
            "{head}"
        );
        assert_eq!(values("authorization"), ["Bearer of-the-cluster"], "{head}");
        for (name, _) in &headers {
            assert!(!name.starts_with("x-remote-"), "{head}");
            assert!(
                !["keep-alive", "proxy-authorization"].contains(&name.as_str()),
                "{head}"
            );
        }
        others.are_served().await;
    });
}

#[test]
fn a_plain_user_may_not_impersonate() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        for header in [
            "Impersonate-User: root",
            "Impersonate-Group: system:masters",
            "impersonate-uid: 0",
            "Impersonate-Extra-Scopes: all",
        ] {
            let refused = others
                .alice
                .send("GET", &path("/version"), &[header], "")
                .await
                .unwrap();
            assert_eq!(refused.status, 403, "{header}: {}", refused.text());
            assert!(
                refused
                    .status_message()
                    .to_lowercase()
                    .contains("impersonat"),
                "{}",
                refused.text()
            );
        }
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let target = path("/apis/authentication.k8s.io/v1/selfsubjectreviews");
        let json = ["Content-Type: application/json", "Impersonate-User: bob"];
        let allowed = others
            .admin
            .send("POST", &target, &json, &review.to_string())
            .await
            .unwrap();
        assert_eq!(allowed.status, 201, "{}", allowed.text());
        assert!(allowed.text().contains("\"bob\""), "{}", allowed.text());
        assert!(
            !allowed.text().contains("system:masters"),
            "{}",
            allowed.text()
        );
        others.are_served().await;
    });
}

#[test]
fn requests_whose_end_or_host_is_unclear_are_refused() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "unclear", yes).await;
        let target = double.path("/unclear");
        let request = |headers: &[&str], body: &str| {
            let text = others.alice.request("POST", &target, headers, "");
            format!("{text}{body}")
        };
        let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: hub\r\n\r\n";
        let length = format!("Content-Length: {}", smuggled.len());
        for (what, text) in [
            ("two hosts", request(&["Host: hub", "Host: other"], "")),
            (
                "a length and chunks",
                request(&[&length, "Transfer-Encoding: chunked"], smuggled),
            ),
            (
                "chunks and a length",
                request(&["Transfer-Encoding: chunked", &length], smuggled),
            ),
            (
                "two lengths",
                request(&["Content-Length: 0", "Content-Length: 5"], "hello"),
            ),
            (
                "an unknown coding",
                request(&["Transfer-Encoding: chunked, strange"], smuggled),
            ),
            ("a space in a name", request(&["Content-Length : 0"], "")),
        ] {
            let answer: Answer = others
                .alice
                .connect()
                .await
                .unwrap()
                .exchange(&text)
                .await
                .unwrap();
            assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        }
        assert!(double.api.heads("smuggled").is_empty());
        assert!(
            double.api.heads("unclear").is_empty(),
            "{:#?}",
            double.api.heads("unclear")
        );
        others.are_served().await;
    });
}
