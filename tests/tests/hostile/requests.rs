//! Requests to the gateway.

use serde_json::json;
use tests::api_double::Reply;
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
fn a_connection_header_that_names_an_identity_is_refused() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "named", yes).await;
        for named in [
            "impersonate-user",
            "Impersonate-Group, close",
            "authorization",
        ] {
            let header = format!("Connection: {named}");
            let refused = others
                .alice
                .send("GET", &double.path("/named"), &[&header], "")
                .await
                .unwrap();
            assert_eq!(refused.status, 400, "{named}: {}", refused.text());
            assert!(
                refused.status_message().contains("Connection"),
                "{}",
                refused.text()
            );
        }
        assert_eq!(double.api.heads("named"), Vec::<String>::new());
        others.are_served().await;
    });
}

#[test]
fn only_the_gateway_says_who_asks() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "headers", yes).await;
        let sent = [
            "Connection: close, X-Private",
            "X-Private: for the next hop alone",
            "X-Remote-User: root",
            "X-Remote-Group: system:masters",
            "X-Remote-Extra-Scopes: all",
            "Keep-Alive: timeout=5",
            "Proxy-Authorization: Basic cm9vdA==",
        ];
        let answer = others
            .alice
            .send("GET", &double.path("/who"), &sent, "")
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let heads = double.api.heads("/who");
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
                !["keep-alive", "proxy-authorization", "x-private"].contains(&name.as_str()),
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

/// What would be a request of its own to a server that goes by the length.
const SMUGGLED: &str = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: hub\r\n\r\n";

#[test]
fn requests_whose_end_or_host_is_unclear_are_refused() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "unclear", yes).await;
        let target = double.path("/unclear");
        for (headers, body) in [
            (["Host: hub", "Host: other"].as_slice(), ""),
            (&["Content-Length: 0", "Content-Length: 5"], "hello"),
            (&["Transfer-Encoding: chunked, strange"], SMUGGLED),
            (
                &["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
                SMUGGLED,
            ),
            (&["Content-Length : 0"], ""),
        ] {
            let request = others.alice.request("POST", &target, headers, "") + body;
            let mut connection = others.alice.connect().await.unwrap();
            let answer = connection.exchange(&request).await.unwrap();
            assert_eq!(answer.status, 400, "{headers:?}: {}", answer.text());
        }
        assert_eq!(double.api.heads(""), Vec::<String>::new());
        others.are_served().await;
    });
}

/// Allowed by RFC 9112 section 6.3, if the length is ignored and taken off and
/// the connection not used again.
#[test]
fn a_length_beside_chunks_smuggles_nothing() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let double = Double::start(site, "smuggler", yes).await;
        let length = format!("Content-Length: {}", SMUGGLED.len());
        for headers in [
            [length.as_str(), "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: chunked", length.as_str()],
        ] {
            let request = others
                .alice
                .request("POST", &double.path("/both"), &headers, "")
                + SMUGGLED;
            let mut connection = others.alice.connect().await.unwrap();
            let answer = connection.exchange(&request).await.unwrap();
            assert!(
                [200, 400].contains(&answer.status),
                "{headers:?}: {}",
                answer.text()
            );
            let next = connection.head().await;
            assert!(next.is_err(), "{headers:?}: {next:?}");
        }
        assert_eq!(double.api.heads("smuggled"), Vec::<String>::new());
        for head in double.api.heads("both") {
            assert!(
                headers(&head)
                    .iter()
                    .all(|(name, _)| name != "content-length"),
                "{head}"
            );
        }
        others.are_served().await;
    });
}
