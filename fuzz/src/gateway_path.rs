use gateway::{Gateway, RequestPath};
use http::Uri;

/// Request targets as they stand in a request line.
///
/// What the gateway takes it forwards byte for byte, and by an independent
/// reading the forwarded path holds no `.` or `..`, backslash or control
/// character, and says what the gateway has judged.
pub fn gateway_path(data: &[u8]) {
    let Ok(uri) = Uri::try_from(data) else {
        return;
    };
    let Ok(path) = RequestPath::parse(&uri) else {
        return;
    };
    assert!(Gateway::serves(uri.path()));
    check_forwarded(&uri, &path);
    check_judged(&path);
}

/// Nothing of the target is changed, lost or added but an absent path's slash.
fn check_forwarded(uri: &Uri, path: &RequestPath) {
    let whole = uri.path_and_query().expect("the gateway took it").as_str();
    let upstream = path.upstream.as_str();
    let tail = whole
        .strip_prefix(path.prefix.as_str())
        .expect("the prefix is what stands in front");
    if tail.starts_with('/') {
        assert_eq!(upstream, tail);
    } else {
        assert_eq!(upstream.strip_prefix('/'), Some(tail));
    }
    assert_eq!(before_service(path).is_empty(), path.service.is_none());
    assert!(!upstream.bytes().any(|b| b <= b' '));
}

/// What the prefix holds behind the gateway's own two forms: where a Service is.
fn before_service(path: &RequestPath) -> &str {
    let cluster = &path.cluster;
    let short = format!("/clusters/{cluster}");
    let aggregated = format!("/apis/cluster.core.oam.dev/v1alpha1/clustergateways/{cluster}/proxy");
    let rest = path.prefix.strip_prefix(&short);
    let rest = rest.or_else(|| path.prefix.strip_prefix(&aggregated));
    rest.expect("the prefix is one of the forms")
}

/// The path in the cluster means what the segments say, and the stream goes there.
fn check_judged(path: &RequestPath) {
    let before = before_service(path);
    let decoded = decode(format!("{before}{}", path.upstream.path()).as_bytes());
    let decoded = String::from_utf8(decoded).expect("the gateway took it");
    assert!(!decoded.contains(|c: char| c == '\\' || c.is_control()));
    assert!(!decoded.split('/').any(|s| s == "." || s == ".."));
    let judged = format!("/{}", path.segments.join("/"));
    assert!(decoded == judged || decoded.strip_suffix('/') == Some(&judged));
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    match (&segments[..], &path.service) {
        (
            [
                "api",
                "v1",
                "namespaces",
                namespace,
                "services",
                part,
                "proxy-service",
                ..,
            ],
            Some(service),
        ) => {
            let part = part.strip_prefix("http:").unwrap_or(part);
            let (name, port) = part.split_once(':').expect("a Service has a port");
            assert_eq!(
                service.to_string(),
                format!("{name}.{namespace}.svc:{port}")
            );
        }
        (
            [
                "api",
                "v1",
                "namespaces",
                _,
                "services",
                _,
                "proxy-service",
                ..,
            ],
            None,
        ) => {
            panic!("a Service's path went to the API server")
        }
        (_, service) => assert!(service.is_none()),
    }
}

/// Percent-decoding as RFC 3986 section 2.1 has it.
fn decode(mut text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    while let Some((&first, rest)) = text.split_first() {
        text = rest;
        if first != b'%' {
            decoded.push(first);
            continue;
        }
        let (digits, rest) = text.split_at(2);
        let digits = str::from_utf8(digits).expect("the gateway took it");
        decoded.push(u8::from_str_radix(digits, 16).expect("the gateway took it"));
        text = rest;
    }
    decoded
}
