use super::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn prepared(lines: &[(&'static str, &str)]) -> (HeaderMap, Option<HeaderValue>) {
    let mut headers = headers(lines);
    let upgrade = prepare_request(&mut headers).unwrap();
    (headers, upgrade)
}

fn refused(lines: &[(&'static str, &str)]) -> Failure {
    prepare_request(&mut headers(lines)).unwrap_err()
}

#[test]
fn a_requests_own_headers_go_on_as_they_are() {
    let lines = [
        ("accept", "application/json"),
        ("content-length", "3"),
        ("impersonate-user", "jane"),
        ("impersonate-extra-scopes", "a"),
        ("trailer", "x-check"),
        ("x-forwarded-for", "192.0.2.1"),
    ];
    assert_eq!(prepared(&lines), (headers(&lines), None));
}

#[test]
fn what_is_for_one_connection_or_for_a_front_proxy_stays_behind() {
    let (headers, upgrade) = prepared(&[
        ("connection", "keep-alive, X-Hop"),
        ("expect", "100-continue"),
        ("host", "gateway.example.org"),
        ("keep-alive", "5"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("upgrade", "websocket"),
        ("x-hop", "1"),
        ("x-remote-extra-scopes", "a"),
        ("x-remote-group", "system:masters"),
        ("x-remote-user", "admin"),
    ]);
    assert_eq!((headers, upgrade), (HeaderMap::new(), None));
}

#[test]
fn an_identity_cannot_be_named_away() {
    for name in [
        "Impersonate-User",
        "impersonate-group",
        "IMPERSONATE-EXTRA-A",
    ] {
        let connection = format!("close,  {name}");
        let failure = refused(&[("connection", &connection), ("impersonate-user", "jane")]);
        assert!(matches!(failure, Failure::ConnectionNames(_)), "{failure}");
    }
    let failure = refused(&[("connection", "close"), ("connection", "content-length")]);
    assert!(matches!(failure, Failure::ConnectionNames(_)), "{failure}");
}

#[test]
fn a_credential_from_the_hub_is_refused_in_each_form() {
    let token = "v5.channel.k8s.io,base64url.bearer.authorization.k8s.io.c2VjcmV0";
    for line in [
        ("authorization", "Bearer secret"),
        ("proxy-authorization", "Basic secret"),
        ("sec-websocket-protocol", token),
    ] {
        let failure = refused(&[("impersonate-user", "jane"), line]);
        assert!(
            matches!(failure, Failure::ForeignCredential(_)),
            "{failure}"
        );
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }
}

#[test]
fn trailers_are_asked_for_where_the_caller_takes_them() {
    let (headers, _) = prepared(&[
        ("te", "deflate;q=0.5, Trailers;q=1"),
        ("connection", "close, te"),
    ]);
    assert_eq!(
        headers,
        self::headers(&[("connection", "te"), ("te", "trailers")])
    );
}

#[test]
fn only_the_protocols_of_kubernetes_can_be_switched_to() {
    for protocol in ["websocket", "SPDY/3.1"] {
        let offer = format!("h2c, {protocol}");
        let (headers, upgrade) =
            prepared(&[("connection", "keep-alive, Upgrade"), ("upgrade", &offer)]);
        assert_eq!(upgrade.unwrap(), protocol);
        assert_eq!(headers["connection"], "Upgrade");
        assert_eq!(headers["upgrade"], protocol);
    }
    let (headers, upgrade) = prepared(&[("connection", "upgrade"), ("upgrade", "h2c")]);
    assert_eq!((headers, upgrade), (HeaderMap::new(), None));
}

#[test]
fn a_switch_to_another_protocol_is_told_apart() {
    let asked = HeaderValue::from_static("websocket");
    let switches = |lines: &[(&'static str, &str)]| switches_to(&headers(lines), &asked);
    assert!(switches(&[("upgrade", "WebSocket")]));
    assert!(!switches(&[]));
    assert!(!switches(&[("upgrade", "spdy/3.1")]));
    assert!(!switches(&[("upgrade", "websocket"), ("upgrade", "h2c")]));
}

#[test]
fn a_body_has_one_length() {
    let mut response = headers(&[
        ("connection", "close, x-hop"),
        ("content-length", "7"),
        ("transfer-encoding", "chunked"),
        ("x-hop", "1"),
    ]);
    prepare_response(&mut response);
    assert_eq!(response, headers(&[("transfer-encoding", "chunked")]));
}
