//! Where a bearer token stands in a request's head.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http::header::{AUTHORIZATION, CONNECTION, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderMap, HeaderValue};

/// A browser cannot set headers on a WebSocket; it offers this subprotocol,
/// with the token behind it in base64url.
const PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// There is a token, but not one that can be read.
#[derive(Debug)]
pub(super) struct Unreadable;

/// That of the header `Authorization`. Other schemes are none of ours.
pub(super) fn of_header(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?;
    // What is not ASCII is no token that anybody knows.
    let value = String::from_utf8_lossy(value.as_bytes());
    let mut parts = value.trim().split(' ');
    let scheme = parts.next()?;
    let token = parts.next().filter(|token| !token.is_empty())?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.to_owned())
}

/// That among the subprotocols of a WebSocket.
pub(super) fn of_websocket(headers: &HeaderMap) -> Result<Option<String>, Unreadable> {
    if !is_websocket(headers) {
        return Ok(None);
    }
    let mut tokens = protocols(headers).filter_map(|of| of.strip_prefix(PROTOCOL));
    let Some(token) = tokens.next() else {
        return Ok(None);
    };
    // One other has to be left for the answer.
    let others = protocols(headers).any(|of| !of.starts_with(PROTOCOL));
    if tokens.next().is_some() || !others && !token.is_empty() {
        return Err(Unreadable);
    }
    let token = BASE64.decode(token).map_err(|_| Unreadable)?;
    let token = String::from_utf8(token).map_err(|_| Unreadable)?;
    Ok(Some(token).filter(|token| !token.is_empty()))
}

/// Takes the token off the subprotocols that are offered.
pub(super) fn remove_from_websocket(headers: &mut HeaderMap) {
    if !protocols(headers).any(|of| of.starts_with(PROTOCOL)) {
        return;
    }
    let others: Vec<&str> = protocols(headers)
        .filter(|of| !of.starts_with(PROTOCOL))
        .collect();
    match HeaderValue::from_str(&others.join(",")) {
        Ok(others) => headers.insert(SEC_WEBSOCKET_PROTOCOL, others),
        Err(_) => headers.remove(SEC_WEBSOCKET_PROTOCOL),
    };
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    items(headers, &SEC_WEBSOCKET_PROTOCOL)
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let has = |name, item: &str| items(headers, name).any(|of| of.eq_ignore_ascii_case(item));
    has(&UPGRADE, "websocket") && has(&CONNECTION, "upgrade")
}

fn items<'h>(
    headers: &'h HeaderMap,
    name: &http::HeaderName,
) -> impl Iterator<Item = &'h str> + use<'h> {
    let lines = headers.get_all(name).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
}
