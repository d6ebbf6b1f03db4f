//! Requests that two servers could read in two ways are refused before anything else.

use http::header::{HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Version};

use crate::status::Status;

/// Refuses what is ambiguous or not meant for a reverse proxy.
///
/// What hyper has done by then: obsolete line folding, blanks before a colon,
/// lengths that contradict each other and codings that do not end in chunked
/// are refused; of `Content-Length` with `Transfer-Encoding` the length is
/// taken off, and the connection closed after the answer. What is sent on is
/// written anew, with one length or coding.
pub(crate) fn check(head: &Parts) -> Result<(), Status> {
    if head.method == Method::CONNECT {
        return Err(Status::method_not_allowed(
            "hub: CONNECT is not served here",
        ));
    }
    let http2 = head.version >= Version::HTTP_2;
    if !http2 && (head.uri.scheme().is_some() || head.uri.authority().is_some()) {
        return Err(Status::bad_request(
            "hub: the request's target is a whole URL; send the path alone",
        ));
    }
    check_host(head, http2)?;
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let one_chunked = match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    };
    if !one_chunked {
        return Err(Status::bad_request(
            "hub: the only Transfer-Encoding taken is chunked, once",
        ));
    }
    Ok(())
}

fn check_host(head: &Parts, http2: bool) -> Result<(), Status> {
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Err(Status::bad_request("hub: the request has two headers Host")),
        (None, None) if head.version == Version::HTTP_11 => {
            Err(Status::bad_request("hub: the request has no header Host"))
        }
        (Some(host), None) if http2 => {
            let authority = head.uri.authority().map(|a| a.as_str().as_bytes());
            if authority.is_none_or(|a| a.eq_ignore_ascii_case(host.as_bytes())) {
                Ok(())
            } else {
                Err(Status::bad_request(
                    "hub: the header Host contradicts the request's authority",
                ))
            }
        }
        (Some(_), None) | (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn code(method: &str, uri: &str, version: Version, lines: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(uri).version(version);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head).map_or_else(|status| status.code().as_u16(), |()| 200)
    }

    #[test]
    fn a_plain_request_is_taken_in_every_version() {
        assert_eq!(code("GET", "/a", Version::HTTP_10, &[]), 200);
        assert_eq!(code("PATCH", "/a", Version::HTTP_11, &[("host", "h")]), 200);
        assert_eq!(code("GET", "https://h/a", Version::HTTP_2, &[]), 200);
        assert_eq!(
            code("GET", "https://h/a", Version::HTTP_2, &[("host", "H")]),
            200
        );
        let chunked = [("host", "h"), ("transfer-encoding", "Chunked")];
        assert_eq!(code("POST", "/a", Version::HTTP_11, &chunked), 200);
    }

    #[test]
    fn what_two_servers_could_read_in_two_ways_is_refused() {
        let v11 = Version::HTTP_11;
        assert_eq!(code("CONNECT", "h:443", v11, &[("host", "h")]), 405);
        assert_eq!(
            code("GET", "http://h/clusters/x", v11, &[("host", "h")]),
            400
        );
        assert_eq!(code("GET", "/a", v11, &[("host", "h"), ("host", "h")]), 400);
        assert_eq!(code("GET", "/a", v11, &[]), 400);
        assert_eq!(
            code("GET", "https://h/a", Version::HTTP_2, &[("host", "x")]),
            400
        );
        for coding in ["gzip, chunked", "chunked, chunked", "xchunked"] {
            let lines = [("host", "h"), ("transfer-encoding", coding)];
            assert_eq!(code("POST", "/a", v11, &lines), 400, "{coding}");
        }
        let twice = [
            ("host", "h"),
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked"),
        ];
        assert_eq!(code("POST", "/a", v11, &twice), 400);
    }
}
