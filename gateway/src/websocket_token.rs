//! Bearer tokens that browsers send as a WebSocket subprotocol.
//!
//! A browser cannot set `Authorization` on a WebSocket, so Kubernetes takes
//! the token from a subprotocol with this prefix, and so does the gateway. It
//! is a credential like any other: it never goes on to the managed cluster.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderMap, HeaderValue};
use secrecy::SecretString;

const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

/// The token among the subprotocols, if there is one that decodes.
pub(crate) fn find(headers: &HeaderMap) -> Option<SecretString> {
    let encoded = protocols(headers).find_map(|protocol| protocol.strip_prefix(PREFIX))?;
    let token = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    String::from_utf8(token).ok().map(SecretString::from)
}

/// Takes every token off; the other subprotocols keep their order, on one line.
pub(crate) fn remove(headers: &mut HeaderMap) {
    if !protocols(headers).any(|protocol| protocol.starts_with(PREFIX)) {
        return;
    }
    let kept: Vec<&str> = protocols(headers)
        .filter(|protocol| !protocol.starts_with(PREFIX))
        .collect();
    match HeaderValue::from_str(&kept.join(", ")) {
        Ok(line) if !kept.is_empty() => {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, line);
        }
        Ok(_) | Err(_) => {
            headers.remove(SEC_WEBSOCKET_PROTOCOL);
        }
    }
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    lines
        // A line that is not ASCII is read up to there, so that no token hides in it.
        .map(|value| {
            value
                .as_bytes()
                .utf8_chunks()
                .next()
                .map_or("", |c| c.valid())
        })
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(SEC_WEBSOCKET_PROTOCOL, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_token_is_found_and_never_goes_on() {
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode("s3cret"));
        let line = format!("v5.channel.k8s.io, {token}");
        let mut headers = headers(&[&line, "v4.channel.k8s.io"]);
        assert_eq!(find(&headers).unwrap().expose_secret(), "s3cret");
        remove(&mut headers);
        assert_eq!(
            headers[SEC_WEBSOCKET_PROTOCOL],
            "v5.channel.k8s.io, v4.channel.k8s.io"
        );
        assert_eq!(headers.len(), 1);
        assert!(find(&headers).is_none());
    }

    #[test]
    fn several_lines_without_a_token_are_left_as_they_are() {
        let mut headers = headers(&["v5.channel.k8s.io", "v4.channel.k8s.io"]);
        remove(&mut headers);
        assert_eq!(headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().count(), 2);
    }

    #[test]
    fn a_token_alone_leaves_no_line_and_garbage_is_no_token() {
        let mut headers = headers(&[&format!("{PREFIX}!!")]);
        assert!(find(&headers).is_none());
        remove(&mut headers);
        assert!(headers.is_empty());
    }
}
