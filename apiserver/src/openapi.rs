//! The OpenAPI documents, by which `kubectl` explains kinds and finds out
//! what a request may carry.
//!
//! A document is built whenever it is asked for: clients keep it, by its hash,
//! and only the hashes are kept here.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH, LOCATION, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use crate::discovery::Request;
use crate::etag::etag;
use crate::negotiation::{Media, Rendering};
use crate::query::Query;
use crate::{Body, Registry, Status, Version};

mod components;
mod operations;
mod paths;
mod v2;

/// The documents of one registry.
#[derive(Debug)]
pub struct OpenApi {
    registry: Arc<Registry>,
    /// By the document's path below `/openapi/v3/`.
    hashes: OnceLock<BTreeMap<String, String>>,
    v2: v2::Document,
}

impl OpenApi {
    /// Those of `registry`. Nothing is built before it is asked for.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            hashes: OnceLock::new(),
            v2: v2::Document::default(),
        }
    }

    /// The document at that path, as the client knows it already or not at
    /// `now`; `None` if there is none.
    ///
    /// # Errors
    /// 406, if the client takes no JSON.
    #[must_use]
    pub fn answer(
        &self,
        request: Request<'_>,
        now: OffsetDateTime,
    ) -> Option<Result<Response<Body>, Status>> {
        if request.path == "/openapi/v2" {
            return Some(self.v2.answer(&self.registry, request));
        }
        let rest = request.path.strip_prefix("/openapi/v3")?;
        if rest.is_empty() || rest == "/" {
            return Some(self.index(request));
        }
        let name = rest.strip_prefix('/')?;
        let (group, version) = self.version(name)?;
        Some(self.document(request, name, group, version, now))
    }

    /// Where the documents are.
    fn index(&self, request: Request<'_>) -> Result<Response<Body>, Status> {
        check_json(request)?;
        let mut paths = Map::new();
        for (name, hash) in self.hashes() {
            paths.insert(name.clone(), json!({"serverRelativeURL": url(name, hash)}));
        }
        Ok(send(None, &json!({"paths": paths})))
    }

    fn document(
        &self,
        request: Request<'_>,
        name: &str,
        group: &str,
        version: &Version,
        now: OffsetDateTime,
    ) -> Result<Response<Body>, Status> {
        check_json(request)?;
        let query = Query::parse(request.query.unwrap_or_default());
        let current = self.hashes().get(name).map_or("", String::as_str);
        let asked = query.get("hash").filter(|hash| !hash.is_empty());
        if asked.is_some_and(|hash| hash != current) {
            return Ok(moved(&url(name, current)));
        }
        let known = request.headers.get(IF_NONE_MATCH);
        let mut response = if known.is_some_and(|known| known == quoted(current).as_str()) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            tag(response.headers_mut(), current);
            response
        } else {
            let document = self.build(group, version);
            send(Some(current), &document)
        };
        if asked.is_some() {
            let headers = response.headers_mut();
            let forever = HeaderValue::from_static("public, immutable");
            headers.insert(CACHE_CONTROL, forever);
            if let Some(date) = http_date(now + Duration::days(365)) {
                headers.insert(EXPIRES, date);
            }
        }
        Ok(response)
    }

    fn build(&self, group: &str, version: &Version) -> Value {
        let paths = paths::paths(&self.registry, group, version);
        let schemas = components::schemas(&self.registry, &paths);
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": RELEASE},
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {"BearerToken": {
                    "type": "apiKey", "in": "header", "name": "authorization",
                    "description": "Bearer Token authentication",
                }},
            },
        })
    }

    fn hashes(&self) -> &BTreeMap<String, String> {
        self.hashes.get_or_init(|| {
            let mut hashes = BTreeMap::new();
            for (group, versions) in self.registry.groups() {
                for version in versions {
                    let document = self.build(group, version).to_string();
                    hashes.insert(name(group, version), etag(document.as_bytes()));
                }
            }
            hashes
        })
    }

    fn version(&self, name: &str) -> Option<(&str, &Version)> {
        let (group, version) = match name.strip_prefix("apis/") {
            Some(rest) => rest.split_once('/')?,
            None => ("", name.strip_prefix("api/")?),
        };
        let (group, versions) = self.registry.groups().find(|(of, _)| *of == group)?;
        let version = versions.iter().find(|of| *of.name == *version)?;
        Some((group, version))
    }
}

/// `api/v1`, `apis/apps/v1`
fn name(group: &str, version: &Version) -> String {
    if group.is_empty() {
        format!("api/{}", version.name)
    } else {
        format!("apis/{group}/{}", version.name)
    }
}

fn url(name: &str, hash: &str) -> String {
    format!("/openapi/v3/{name}?hash={hash}")
}

fn check_json(request: Request<'_>) -> Result<(), Status> {
    match Rendering::of_plain(request.headers, None)?.media {
        Media::Json => Ok(()),
        Media::Yaml => Err(Status::not_acceptable(&["application/json"])),
    }
}

fn send(hash: Option<&str>, document: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(document.to_string().into_bytes()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(hash) = hash {
        tag(headers, hash);
    }
    response
}

fn tag(headers: &mut HeaderMap, hash: &str) {
    if let Ok(tag) = quoted(hash).parse() {
        headers.insert(ETAG, tag);
    }
    headers.insert(VARY, HeaderValue::from_static("Accept"));
}

fn quoted(hash: &str) -> String {
    format!("\"{hash}\"")
}

fn moved(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(to) = to.parse() {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

fn http_date(at: OffsetDateTime) -> Option<HeaderValue> {
    let form = time::format_description::parse_borrowed::<2>(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT",
    )
    .ok()?;
    at.to_offset(time::UtcOffset::UTC)
        .format(&form)
        .ok()?
        .parse()
        .ok()
}

/// The release of Kubernetes whose interface is published.
const RELEASE: &str = "1.36";

#[cfg(test)]
mod tests;
