//! What goes on of a request's head, and what comes back of a response's.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::failure::Failure;
use crate::impersonation::is_identity;

/// What may be switched to. Another protocol could let requests past the agent
/// that it has not looked at.
const UPGRADES: [&str; 2] = ["websocket", "spdy/3.1"];
/// A bearer token as browsers send it to a WebSocket.
const TOKEN_PROTOCOL: &[u8] = b"base64url.bearer.authorization.k8s.io.";
/// Believed by an API server that trusts the agent's certificate as its front
/// proxy's.
const FRONT_PROXY: &str = "x-remote-";
/// Headers for one connection alone (RFC 9110 section 7.6.1). `Trailer` and
/// `Transfer-Encoding` are not among them: trailers go on, and the body's form
/// is HTTP/1.1's on both sides.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    UPGRADE,
];

/// Refuses what must not come through the tunnel and takes off what is not for
/// the API server. The protocol to switch to, if one is asked for.
///
/// `Host` is left to whoever connects; the agent's credential is put on later.
pub(super) fn prepare_request(headers: &mut HeaderMap) -> Result<Option<HeaderValue>, Failure> {
    refuse_credentials(headers)?;
    let upgrade = requested_upgrade(headers);
    let trailers = contains_token(headers, &TE, "trailers");
    remove_hop_by_hop(headers)?;
    headers.remove(HOST);
    // The agent's HTTP server has answered it by the time the body is read.
    headers.remove(EXPECT);
    let front_proxy: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(FRONT_PROXY))
        .cloned()
        .collect();
    for name in front_proxy {
        headers.remove(name);
    }
    match &upgrade {
        Some(protocol) => {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, protocol.clone());
        }
        None if trailers => {
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        None => {}
    }
    one_length(headers);
    Ok(upgrade)
}

/// Takes off a response what was for the API server's connection alone.
pub(super) fn prepare_response(headers: &mut HeaderMap) {
    // What `Connection` may name in a response is taken off with it; nothing
    // in a response protects anyone.
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    one_length(headers);
}

/// Leaves a switch of protocols as the far end needs to see it.
pub(super) fn prepare_switch(headers: &mut HeaderMap, protocol: &HeaderValue) {
    prepare_response(headers);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, protocol.clone());
}

/// Whether a 101 switches to what was asked for, and to nothing else.
pub(super) fn switches_to(headers: &HeaderMap, protocol: &HeaderValue) -> bool {
    let mut given = headers.get_all(UPGRADE).iter();
    let same = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(protocol.as_bytes());
    given.next().is_some_and(same) && given.next().is_none()
}

fn refuse_credentials(headers: &HeaderMap) -> Result<(), Failure> {
    for name in [AUTHORIZATION, PROXY_AUTHORIZATION] {
        if headers.contains_key(&name) {
            return Err(Failure::ForeignCredential(name));
        }
    }
    let holds_token = |value: &HeaderValue| {
        let mut bytes = value.as_bytes();
        while !bytes.is_empty() && !bytes.starts_with(TOKEN_PROTOCOL) {
            bytes = &bytes[1..];
        }
        !bytes.is_empty()
    };
    if headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .any(holds_token)
    {
        return Err(Failure::ForeignCredential(SEC_WEBSOCKET_PROTOCOL));
    }
    Ok(())
}

fn requested_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    if !contains_token(headers, &CONNECTION, "upgrade") {
        return None;
    }
    let known = |name: &&str| {
        UPGRADES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    let name = tokens(headers, &UPGRADE).find(known)?;
    HeaderValue::from_str(name).ok()
}

fn remove_hop_by_hop(headers: &mut HeaderMap) -> Result<(), Failure> {
    for name in named_by_connection(headers) {
        // Without it the request would go on as somebody else, or as another request.
        if is_identity(name.as_str()) || name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            return Err(Failure::ConnectionNames(name));
        }
        headers.remove(name);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    Ok(())
}

/// With a transfer coding the body's length is what the coding says (RFC 9112
/// section 6.3).
fn one_length(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    tokens(headers, &CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .collect()
}

fn contains_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|given| {
        let (given, _weight) = given.split_once(';').unwrap_or((given, ""));
        given.trim_end().eq_ignore_ascii_case(token)
    })
}

/// The comma-separated parts of all lines of a header. A part that is no ASCII
/// is none.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|part| std::str::from_utf8(part).ok())
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests;
