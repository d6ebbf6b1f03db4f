//! Telling a Service where a request has come from.

use std::net::IpAddr;

use http::header::{FORWARDED, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

const X_FORWARDED: &str = "x-forwarded-";
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What a request's first hop knows of it.
pub(crate) struct Origin {
    client: IpAddr,
    host: Option<HeaderValue>,
}

impl Origin {
    /// Of a request as the client has sent it.
    pub(crate) fn of(head: &Parts, client: IpAddr) -> Self {
        let authority = || HeaderValue::from_str(head.uri.authority()?.as_str()).ok();
        let host = head.headers.get(HOST).cloned().or_else(authority);
        Self { client, host }
    }

    /// Puts it into the headers for a Service, which is asked for behind
    /// `prefix`. What the client has written there itself is gone.
    pub(crate) fn tell(self, headers: &mut HeaderMap, prefix: &str) {
        let foreign: Vec<HeaderName> = headers
            .keys()
            .filter(|name| name.as_str().starts_with(X_FORWARDED) || *name == FORWARDED)
            .cloned()
            .collect();
        for name in foreign {
            headers.remove(name);
        }
        let client = self.client.to_canonical().to_string();
        if let Ok(client) = HeaderValue::try_from(client) {
            headers.insert(FOR, client);
        }
        if let Some(host) = self.host {
            headers.insert(FORWARDED_HOST, host);
        }
        if let Ok(prefix) = HeaderValue::try_from(prefix) {
            headers.insert(PREFIX, prefix);
        }
        headers.insert(PROTO, HeaderValue::from_static("https"));
    }
}
