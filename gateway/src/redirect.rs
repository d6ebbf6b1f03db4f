//! What becomes of `Location`: it may never lead a client out of the cluster's prefix.

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};

/// A redirect that cannot be passed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the answer redirects to somewhere else; the gateway follows and passes on no such redirect"
)]
pub(crate) struct LeadsElsewhere;

/// Puts the prefix of the caller's URL before a `Location` that starts at the
/// root, or at the root of `own`, the authority that was asked, if that is known.
///
/// Any other `Location` of a redirect is refused: an absolute or
/// protocol-relative one names another server, a relative one is resolved in
/// different ways, and two lines are read in different ways.
pub(crate) fn rewrite(
    status: StatusCode,
    headers: &mut HeaderMap,
    prefix: &str,
    own: Option<&str>,
) -> Result<(), LeadsElsewhere> {
    let mut locations = headers.get_all(LOCATION).iter();
    let Some(location) = locations.next() else {
        return Ok(());
    };
    let rewritten = match locations.next() {
        None => prefixed(without_own(location.as_bytes(), own), prefix),
        Some(_) => None,
    };
    match rewritten {
        Some(value) => {
            headers.insert(LOCATION, value);
            Ok(())
        }
        None if status.is_redirection() => Err(LeadsElsewhere),
        // Nobody follows it; a 201 may name what it made in any form.
        None => Ok(()),
    }
}

/// What is behind `http://OWN`; all of it, if that is not how it begins.
fn without_own<'a>(location: &'a [u8], own: Option<&str>) -> &'a [u8] {
    let own = own.map(|own| format!("http://{own}"));
    let rest = own.and_then(|own| location.strip_prefix(own.as_bytes()));
    rest.filter(|rest| rest.starts_with(b"/"))
        .unwrap_or(location)
}

fn prefixed(location: &[u8], prefix: &str) -> Option<HeaderValue> {
    // Browsers read `/\` as `//`, and skip tabs while they do.
    let leads_out = |byte: &u8| matches!(byte, b'/' | b'\\' | b'\t');
    let root_relative = location.first() == Some(&b'/')
        && !location.get(1).is_some_and(leads_out)
        && !has_dot_segment(location);
    if !root_relative {
        return None;
    }
    HeaderValue::from_bytes(&[prefix.as_bytes(), location].concat()).ok()
}

/// Whether a client that resolves `..` would climb out of the prefix.
fn has_dot_segment(location: &[u8]) -> bool {
    let path = location
        .split(|b| matches!(b, b'?' | b'#'))
        .next()
        .unwrap_or_default();
    let decoded: Vec<u8> = percent_encoding::percent_decode(path).collect();
    decoded
        .split(|b| matches!(b, b'/' | b'\\'))
        .any(|segment| segment == b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "/clusters/edge-7";

    fn location(status: u16, lines: &[&str]) -> Result<Option<String>, LeadsElsewhere> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(LOCATION, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let own = Some("web.shop.svc:8080");
        rewrite(
            StatusCode::from_u16(status).unwrap(),
            &mut headers,
            PREFIX,
            own,
        )?;
        let value = headers
            .get(LOCATION)
            .map(|v| v.to_str().unwrap().to_owned());
        Ok(value)
    }

    #[test]
    fn a_redirect_within_the_cluster_stays_within_the_prefix() {
        for (given, expected) in [
            ("/api/", "/clusters/edge-7/api/"),
            ("/", "/clusters/edge-7/"),
            ("/a?to=//x/../y#z", "/clusters/edge-7/a?to=//x/../y#z"),
            ("http://web.shop.svc:8080/a", "/clusters/edge-7/a"),
        ] {
            assert_eq!(location(301, &[given]).unwrap().as_deref(), Some(expected));
        }
        assert_eq!(
            location(201, &["/a"]).unwrap().as_deref(),
            Some("/clusters/edge-7/a")
        );
    }

    #[test]
    fn any_other_redirect_is_refused() {
        for given in [
            "https://evil.example/",
            "http://web.shop.svc:8080",
            "http://web.shop.svc:8080@evil.example/",
            "http://web.shop.svc:8080//evil.example/",
            "//evil.example/",
            "/\\evil.example/",
            "/\t/evil.example/",
            "\\\\evil.example",
            "api/v1",
            "?a",
            "",
            "/../../clusters/other/api",
            "/a/%2e%2E/b",
            "javascript:alert(1)",
        ] {
            assert_eq!(location(302, &[given]), Err(LeadsElsewhere), "{given:?}");
        }
        assert_eq!(location(307, &["/a", "/b"]), Err(LeadsElsewhere));
    }

    #[test]
    fn what_no_client_follows_is_left_alone() {
        let given = "https://other.example/x";
        assert_eq!(location(201, &[given]).unwrap().as_deref(), Some(given));
        assert_eq!(location(302, &[]), Ok(None));
    }
}
