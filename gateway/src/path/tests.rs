use proptest::prelude::*;

use super::*;

fn parse(target: &str) -> Result<RequestPath, PathError> {
    RequestPath::parse(&target.parse::<Uri>().expect("a target"))
}

const FORMS: [&str; 2] = [
    "/clusters/edge-7",
    "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge-7/proxy",
];

#[test]
fn both_forms_lead_to_the_same_place() {
    for form in FORMS {
        let path = parse(&format!("{form}/api/v1/namespaces/x/pods?limit=5")).unwrap();
        assert_eq!(path.cluster.as_str(), "edge-7");
        assert_eq!(path.upstream, "/api/v1/namespaces/x/pods?limit=5");
        assert_eq!(path.prefix, form);
        assert_eq!(path.segments, ["api", "v1", "namespaces", "x", "pods"]);
    }
}

#[test]
fn the_target_goes_on_byte_for_byte() {
    for rest in [
        "/",
        "/apis/",
        "/?",
        "/api?dryRun=All&path=%2Fa&x=//..%00\\",
        "/api/v1/namespaces/x/services/y/proxy/a%2Fb//c%20d/",
        "/api/%61pps;a=b@:!$&'()*+,=~\"{}|^",
        "/logs/\u{e4}/%C3%A4",
    ] {
        for form in FORMS {
            let path = parse(&format!("{form}{rest}")).unwrap();
            assert_eq!(path.upstream.as_str(), rest);
        }
    }
}

#[test]
fn a_service_is_taken_out_of_the_path_and_the_rest_goes_to_it() {
    const WEB: &str = "/api/v1/namespaces/shop/services/web:80/proxy-service";
    for form in FORMS {
        for (rest, upstream) in [
            ("", "/"),
            ("/", "/"),
            ("?a=b", "/?a=b"),
            ("/metrics?a=/..", "/metrics?a=/.."),
            ("/a//b%2Fc/", "/a//b%2Fc/"),
            ("/api/v1/namespaces/x/pods", "/api/v1/namespaces/x/pods"),
        ] {
            let path = parse(&format!("{form}{WEB}{rest}")).unwrap();
            assert_eq!(path.service.unwrap().to_string(), "web.shop.svc:80");
            assert_eq!(path.upstream, upstream);
            assert_eq!(path.prefix, format!("{form}{WEB}"));
            assert_eq!(
                path.segments[3..7],
                ["shop", "services", "web:80", "proxy-service"]
            );
        }
    }
    let encoded = "/api/v1/namespaces/%73hop/services/http%3aweb%3Ahttp/proxy%2Dservice/a";
    let path = parse(&format!("/clusters/edge-7{encoded}")).unwrap();
    assert_eq!(path.service.unwrap().to_string(), "web.shop.svc:http");
    assert_eq!(path.upstream, "/a");
}

#[test]
fn what_only_looks_like_a_service_goes_to_the_api_server() {
    for rest in [
        "/api/v1/namespaces/shop/services/web:80/proxy/a",
        "/api/v1/namespaces/shop/services/proxy-service",
        "/api/v1/namespaces/shop/pods/web:80/proxy-service/a",
        "/apis/apps/v1/namespaces/shop/services/web:80/proxy-service/a",
        "/api/v1/watch/namespaces/shop/services/web:80/proxy-service/a",
    ] {
        let path = parse(&format!("/clusters/edge-7{rest}")).unwrap();
        assert_eq!(path.service, None, "{rest}");
        assert_eq!(path.upstream, rest);
    }
}

#[test]
fn a_service_that_could_be_read_in_two_ways_is_refused() {
    for rest in [
        "/api%2Fv1/namespaces/shop/services/web:80/proxy-service/a",
        "/api/v1/namespaces/shop/services/web:80%2fproxy-service/a",
    ] {
        let error = parse(&format!("/clusters/edge-7{rest}")).unwrap_err();
        assert_eq!(error, PathError::ServiceSlash, "{rest}");
    }
    for service in ["web", "https:web:443", "web:0", "WEB:80"] {
        let rest = format!("/api/v1/namespaces/shop/services/{service}/proxy-service/a");
        let error = parse(&format!("/clusters/edge-7{rest}")).unwrap_err();
        assert!(matches!(error, PathError::Service(_)), "{service}: {error}");
    }
}

#[test]
fn an_absent_path_is_the_root() {
    for form in FORMS {
        assert_eq!(parse(form).unwrap().upstream, "/");
        assert_eq!(parse(&format!("{form}?a=b")).unwrap().upstream, "/?a=b");
    }
}

#[test]
fn dots_are_refused_in_every_writing_and_place() {
    for rest in [
        "/..",
        "/./api",
        "/api/../x",
        "/%2e%2e/x",
        "/api/%2E",
        "/api/.%2e/x",
        "/a%2f..%2fb",
        "/api/v1/nodes/n/proxy/../secrets",
        "/../",
    ] {
        for form in FORMS {
            let parsed = parse(&format!("{form}{rest}"));
            assert!(matches!(parsed, Err(PathError::Dots(_))), "{rest}");
        }
    }
    assert!(parse("/clusters/edge-7/api/...").is_ok());
}

#[test]
fn empty_segments_are_refused_but_behind_proxy() {
    for rest in ["//", "//api", "/api//v1", "/api/%2f", "/api%2F%2Fv1"] {
        let parsed = parse(&format!("{}{rest}", FORMS[0]));
        assert_eq!(parsed.err(), Some(PathError::Empty), "{rest}");
    }
    let sneaky = parse("/clusters/edge-7/api/v1/namespaces/proxy//pods");
    assert_eq!(sneaky.err(), Some(PathError::Empty));
    assert!(parse("/clusters/edge-7/api/v1/namespaces/x/pods/p/proxy//a//b").is_ok());
}

#[test]
fn backslashes_and_control_characters_are_refused() {
    for rest in [
        "/a\\b",
        "/a%5cb",
        "/a%00",
        "/a%0d%0ab",
        "/a%7F",
        "/%C2%85",
        "/%1b[2J",
    ] {
        let parsed = parse(&format!("{}{rest}", FORMS[1]));
        assert!(matches!(parsed, Err(PathError::Character(_))), "{rest}");
    }
}

#[test]
fn escapes_that_decoders_read_differently_are_refused() {
    for rest in ["/%", "/%2", "/%zz", "/a%2", "/%+1a"] {
        let parsed = parse(&format!("{}{rest}", FORMS[0]));
        assert_eq!(parsed.err(), Some(PathError::Escape), "{rest}");
    }
    let parsed = parse("/clusters/edge-7/%ff");
    assert_eq!(parsed.err(), Some(PathError::Utf8));
}

#[test]
fn a_cluster_is_a_plain_name() {
    for cluster in ["", "..", "%2e%2e", "Edge", "a%2Fb", "a_b", "edge%2D7"] {
        let parsed = parse(&format!("/clusters/{cluster}/api"));
        assert!(matches!(parsed, Err(PathError::Cluster(_))), "{cluster:?}");
    }
}

#[test]
fn other_paths_are_not_the_gateways() {
    for path in [
        "/",
        "/clusters",
        "/healthz",
        "//clusters/x/api",
        "/apis/cluster.core.oam.dev/v1alpha1/clustergateways",
        "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/x",
        "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/x/proxyfoo",
        "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/x/health",
    ] {
        assert!(!serves(path), "{path}");
        assert!(parse(path).is_err(), "{path}");
    }
    assert!(serves("/clusters/x") && serves("/clusters/x/y"));
    assert!(FORMS.iter().all(|form| serves(form)));
}

proptest! {
    #[test]
    fn what_is_taken_holds_nothing_that_leads_elsewhere(rest in "(/|\\.|%2[eEfF]|%5[cC]|%25|[a-z%\\\\]){0,24}") {
        let Ok(uri) = format!("/clusters/edge-7/{rest}").parse::<Uri>() else { return Ok(()) };
        let Ok(path) = RequestPath::parse(&uri) else { return Ok(()) };
        prop_assert_eq!(path.upstream.as_str(), format!("/{rest}"));
        for segment in &path.segments {
            prop_assert!(!matches!(segment.as_str(), "." | ".."));
            prop_assert!(!segment.contains(['\\', '/']));
        }
    }

    #[test]
    fn any_target_is_taken_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut target = b"/clusters/".to_vec();
        target.extend(bytes);
        if let Ok(uri) = Uri::try_from(target.as_slice()) {
            let _ = RequestPath::parse(&uri);
        }
    }

    #[test]
    fn sound_paths_come_out_as_they_went_in(parts in proptest::collection::vec("[a-z0-9][a-z0-9.:@-]{0,8}", 0..8)) {
        let rest = format!("/{}", parts.join("/"));
        let path = parse(&format!("{}{rest}", FORMS[1])).unwrap();
        prop_assert_eq!(path.upstream.as_str(), rest);
        prop_assert_eq!(path.segments, parts);
    }
}
