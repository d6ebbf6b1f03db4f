//! Which headers go on to the managed cluster, and which come back.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use crate::websocket_token;

/// What the API server is called inside every cluster; the agent knows the address.
pub(crate) const API_SERVER_HOST: HeaderValue = HeaderValue::from_static("kubernetes.default.svc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
/// One exchange a stream; `TE` is hop-by-hop and has to be named.
const CLOSE_AND_TE: HeaderValue = HeaderValue::from_static("close, te");
const CONNECTION_UPGRADE: HeaderValue = HeaderValue::from_static("Upgrade");

/// Headers that mean this connection alone (RFC 9110 section 7.6.1).
///
/// `Trailer` is not among them: trailers are passed on, and announced.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Protocols that Kubernetes switches to. Others are not offered: `h2c` would
/// let a caller write requests that nobody has looked at.
const UPGRADES: [&str; 2] = ["websocket", "spdy/3.1"];

/// `Connection` names a header that may not be taken off a request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the header Connection names {0}, which is not for one connection alone")]
pub(crate) struct ConnectionNamesEndToEnd(HeaderName);

/// The protocol a caller wants to switch to, if it is one that goes through.
pub(crate) fn requested_upgrade(version: Version, headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = version == Version::HTTP_11
        && connection_names(headers).any(|name| name.eq_ignore_ascii_case("upgrade"));
    if !asked {
        return None;
    }
    let offered = headers.get_all(UPGRADE).iter();
    offered
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .find(|name| {
            UPGRADES
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        })
        .and_then(|name| HeaderValue::from_str(name).ok())
}

/// Whether a 101 switches to what was asked for.
pub(crate) fn switches_to(asked: &HeaderValue, headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(UPGRADE).iter();
    let same = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(asked.as_bytes());
    given.next().is_some_and(same) && given.next().is_none()
}

/// Takes off what is not for the managed cluster, and puts on what the next
/// hop needs. The caller's identity, if it goes on, is set afterwards.
pub(crate) fn prepare_request(
    headers: &mut HeaderMap,
    host: HeaderValue,
    upgrade: Option<&HeaderValue>,
) -> Result<(), ConnectionNamesEndToEnd> {
    remove_named_by_connection(headers)?;
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    websocket_token::remove(headers);
    headers.remove(AUTHORIZATION);
    // hyper has answered it by the time the body is read.
    headers.remove(EXPECT);
    remove_matching(headers, is_front_proxy);
    headers.insert(HOST, host);
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, CONNECTION_UPGRADE);
        headers.insert(UPGRADE, protocol.clone());
    } else {
        headers.insert(CONNECTION, CLOSE_AND_TE);
        headers.insert(TE, TRAILERS);
    }
    Ok(())
}

/// Makes the head of a request for HTTP/1.1 one for HTTP/2 (RFC 9113 section 8.2.2).
pub(crate) fn prepare_for_http2(headers: &mut HeaderMap) {
    // The authority stands in the request's target.
    for name in [CONNECTION, HOST, TRANSFER_ENCODING] {
        headers.remove(name);
    }
}

/// Takes off a response what was meant for the stream alone.
///
/// A length beside a transfer coding is taken off too: the body came by the
/// coding (RFC 9112 section 6.3) and may have another length.
pub(crate) fn prepare_response(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    if let Some(length) = headers.get(CONTENT_LENGTH).cloned() {
        // hyper has checked that several say the same.
        headers.insert(CONTENT_LENGTH, length);
    }
    let named: Vec<HeaderName> = connection_names(headers)
        .filter_map(|name| name.parse().ok())
        .filter(|name| name != CONTENT_LENGTH)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Makes a 101's headers those of the client's own switch.
pub(crate) fn prepare_switch(headers: &mut HeaderMap, protocol: HeaderValue) {
    prepare_response(headers);
    headers.insert(CONNECTION, CONNECTION_UPGRADE);
    headers.insert(UPGRADE, protocol);
}

/// Whether a header carries an impersonated identity.
pub(crate) fn is_impersonation(name: &HeaderName) -> bool {
    name.as_str().starts_with("impersonate-")
}

/// Whether a header is one by which a front proxy tells Kubernetes who asks.
fn is_front_proxy(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-remote-")
}

fn remove_named_by_connection(headers: &mut HeaderMap) -> Result<(), ConnectionNamesEndToEnd> {
    let named: Vec<HeaderName> = connection_names(headers)
        .filter_map(|name| name.parse().ok())
        .collect();
    for name in named {
        let end_to_end = is_impersonation(&name)
            || is_front_proxy(&name)
            || [AUTHORIZATION, CONTENT_LENGTH, HOST].contains(&name);
        if end_to_end {
            return Err(ConnectionNamesEndToEnd(name));
        }
        headers.remove(name);
    }
    Ok(())
}

fn connection_names(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(CONNECTION).iter();
    lines
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn remove_matching(headers: &mut HeaderMap, matches: fn(&HeaderName) -> bool) {
    let found: Vec<HeaderName> = headers
        .keys()
        .filter(|name| matches(name))
        .cloned()
        .collect();
    for name in found {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
