use super::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn prepared(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = headers(lines);
    prepare_request(&mut headers, API_SERVER_HOST, None).unwrap();
    headers
}

#[test]
fn credentials_and_front_proxy_headers_stay_on_the_hub() {
    let kept = prepared(&[
        ("authorization", "Bearer secret"),
        ("proxy-authorization", "Basic secret"),
        ("x-remote-user", "root"),
        ("x-remote-group", "system:masters"),
        ("x-remote-extra-scopes", "all"),
        ("x-remote-uid", "0"),
        ("accept", "application/json"),
        ("x-request-id", "7"),
    ]);
    let mut names: Vec<&str> = kept.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["accept", "connection", "host", "te", "x-request-id"]
    );
}

#[test]
fn what_connection_names_goes_no_further() {
    let kept = prepared(&[
        ("connection", "keep-alive, X-Mine"),
        ("connection", "x-other"),
        ("x-mine", "1"),
        ("x-other", "2"),
        ("keep-alive", "timeout=5"),
        ("x-third", "3"),
    ]);
    assert!(!kept.contains_key("x-mine") && !kept.contains_key("x-other"));
    assert!(!kept.contains_key("keep-alive"));
    assert_eq!(kept["x-third"], "3");
    assert_eq!(kept["connection"], "close, te");
}

#[test]
fn connection_may_not_name_who_asks_or_how_long_a_body_is() {
    for name in [
        "impersonate-user",
        "Impersonate-Group",
        "close, impersonate-extra-x",
        "authorization",
        "X-Remote-User",
        "host",
        "content-length",
    ] {
        let mut headers = headers(&[("connection", name)]);
        assert!(
            prepare_request(&mut headers, API_SERVER_HOST, None).is_err(),
            "{name}"
        );
    }
}

#[test]
fn trailers_are_asked_for_and_their_announcement_goes_on() {
    let kept = prepared(&[
        ("trailer", "x-sum"),
        ("te", "gzip"),
        ("transfer-encoding", "chunked"),
    ]);
    assert_eq!(kept["te"], "trailers");
    assert_eq!(kept["trailer"], "x-sum");
    assert!(!kept.contains_key("transfer-encoding"));
}

#[test]
fn only_the_upgrades_of_kubernetes_are_offered() {
    let asked = |lines: &[(&'static str, &str)]| {
        requested_upgrade(Version::HTTP_11, &headers(lines))
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let both = |protocol| asked(&[("connection", "keep-alive, Upgrade"), ("upgrade", protocol)]);
    assert_eq!(both("SPDY/3.1").as_deref(), Some("SPDY/3.1"));
    assert_eq!(both("WebSocket").as_deref(), Some("WebSocket"));
    assert_eq!(both("h2c, websocket").as_deref(), Some("websocket"));
    assert_eq!(both("h2c"), None);
    assert_eq!(asked(&[("upgrade", "websocket")]), None);
    let lines = headers(&[("connection", "upgrade"), ("upgrade", "websocket")]);
    assert_eq!(requested_upgrade(Version::HTTP_2, &lines), None);
}

#[test]
fn an_upgrade_goes_on_as_one_and_nothing_else_does() {
    let lines = [
        ("connection", "upgrade, x-a"),
        ("upgrade", "h2c, websocket"),
        ("x-a", "1"),
    ];
    let mut sent = headers(&lines);
    prepare_request(
        &mut sent,
        API_SERVER_HOST,
        Some(&HeaderValue::from_static("websocket")),
    )
    .unwrap();
    assert_eq!(sent["connection"], "Upgrade");
    assert_eq!(sent["upgrade"], "websocket");
    assert!(!sent.contains_key("x-a") && !sent.contains_key("te"));
    assert!(!prepared(&lines[..2]).contains_key("upgrade"));
}

#[test]
fn a_switch_to_something_else_is_noticed() {
    let asked = HeaderValue::from_static("websocket");
    assert!(switches_to(&asked, &headers(&[("upgrade", "WebSocket")])));
    assert!(!switches_to(&asked, &headers(&[("upgrade", "h2c")])));
    assert!(!switches_to(&asked, &headers(&[])));
    let two = headers(&[("upgrade", "websocket"), ("upgrade", "h2c")]);
    assert!(!switches_to(&asked, &two));
}

#[test]
fn a_response_never_has_two_lengths() {
    let mut both = headers(&[("transfer-encoding", "chunked"), ("content-length", "3")]);
    prepare_response(&mut both);
    assert!(both.is_empty());
    let mut twice = headers(&[("content-length", "3"), ("content-length", "3")]);
    prepare_response(&mut twice);
    assert_eq!(twice.get_all("content-length").iter().count(), 1);
    let mut hidden = headers(&[
        ("connection", "content-length, x-a"),
        ("content-length", "3"),
        ("x-a", "1"),
    ]);
    prepare_response(&mut hidden);
    assert!(hidden.contains_key("content-length") && !hidden.contains_key("x-a"));
}
