//! The documents by which clients find out what is served: `/api`, `/apis`
//! and below, in the old form of one document a version and in the new one of
//! one for all, and `/version`.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use crate::etag::etag;
use crate::negotiation::{Media, Rendering, negotiate};
use crate::{Body, Registry, Status};

mod aggregated;
mod legacy;
mod verbs;

/// The release of Kubernetes whose interface is served.
const MAJOR: &str = "1";
const MINOR: &str = "36";
const RELEASE: &str = "v1.36.3+adit";

/// A request for a discovery document.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The path.
    pub path: &'a str,
    /// The query.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// `host:port` under which the client has reached the server.
    pub address: &'a str,
}

/// The document at that path; `None` if there is none.
///
/// # Errors
/// 406, if the client takes no form there is of it.
#[must_use]
pub fn answer(registry: &Registry, request: Request<'_>) -> Option<Result<Response<Body>, Status>> {
    let path = request.path.strip_suffix('/').unwrap_or(request.path);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let document = match parts.as_slice() {
        ["version"] => return Some(Ok(version())),
        ["api"] | ["apis"] => match Aggregated::asked_for(request.headers) {
            Ok(Some(form)) => {
                let core = parts == ["api"];
                return Some(Ok(form.respond(registry, core, request.headers)));
            }
            Ok(None) if parts == ["api"] => legacy::versions(request.address),
            Ok(None) => legacy::groups(registry),
            Err(refused) => return Some(Err(refused)),
        },
        ["api", version] => legacy::resources(registry, "", version)?,
        ["apis", group] => legacy::group(registry, group)?,
        ["apis", group, version] => legacy::resources(registry, group, version)?,
        _ => return None,
    };
    Some(plain(&document, request))
}

fn plain(document: &Value, request: Request<'_>) -> Result<Response<Body>, Status> {
    let rendering = Rendering::of_plain(request.headers, request.query)?;
    let content_type = rendering.media.content_type();
    Ok(respond(content_type, rendering.encode(document)))
}

fn respond(content_type: &str, document: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(document));
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

/// `/version`, always indented.
fn version() -> Response<Body> {
    let document = json!({
        "major": MAJOR,
        "minor": MINOR,
        "emulationMajor": MAJOR,
        "emulationMinor": MINOR,
        "minCompatibilityMajor": MAJOR,
        "minCompatibilityMinor": "35",
        "gitVersion": RELEASE,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    });
    let indented = serde_json::to_vec_pretty(&document).unwrap_or_default();
    respond("application/json", indented)
}

/// In which form all is asked for at once.
#[derive(Clone, Copy, Debug)]
struct Aggregated {
    version: &'static str,
    media: Media,
}

impl Aggregated {
    /// `None` if the old form is asked for.
    fn asked_for(headers: &HeaderMap) -> Result<Option<Self>, Status> {
        let form = negotiate(headers, |clause, media| {
            let asked = ["g", "v", "as"].map(|name| clause.parameter(name));
            let version = match asked {
                [None, None, None] => return Some(None),
                [Some("apidiscovery.k8s.io"), Some("v2"), Some(LIST)] => "v2",
                [Some("apidiscovery.k8s.io"), Some("v2beta1"), Some(LIST)] => "v2beta1",
                _ => return None,
            };
            Some(Some(Self { version, media }))
        });
        form.map(Option::flatten)
    }

    /// The core group's document, or that of all others.
    fn respond(self, registry: &Registry, core: bool, headers: &HeaderMap) -> Response<Body> {
        let document = aggregated::groups(registry, core, self.version);
        let rendering = Rendering {
            media: self.media,
            ..Rendering::default()
        };
        let bytes = rendering.encode(&document);
        let tag = format!("\"{}\"", etag(&bytes));
        let known = headers.get(IF_NONE_MATCH);
        let mut response = if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let media = self.media.content_type();
            let version = self.version;
            let content_type = format!("{media};g=apidiscovery.k8s.io;v={version};as={LIST}");
            respond(&content_type, bytes)
        };
        let headers = response.headers_mut();
        if let Ok(tag) = Bytes::from(tag).as_ref().try_into() {
            headers.insert(ETAG, tag);
        }
        headers.insert(VARY, http::HeaderValue::from_static("Accept"));
        headers.insert(CACHE_CONTROL, http::HeaderValue::from_static("public"));
        response
    }
}

const LIST: &str = "APIGroupDiscoveryList";

#[cfg(test)]
mod tests;
