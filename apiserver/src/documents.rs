//! What is served at paths that are no resource's: discovery, schemas, and the
//! keys that service accounts' tokens are signed with.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};

use time::OffsetDateTime;

use crate::openapi::OpenApi;
use crate::respond::{not_found, value_response};
use crate::tokens::ServiceAccountTokens;
use crate::{Body, Registry, RequestInfo, Status, discovery};

/// What is served now, and its published schemas.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) registry: Arc<Registry>,
    openapi: OpenApi,
}

impl Served {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self {
            openapi: OpenApi::new(registry.clone()),
            registry,
        }
    }
}

/// The document at the path of a request.
pub(crate) fn answer(
    served: &Served,
    service_accounts: &ServiceAccountTokens,
    info: &RequestInfo,
    head: &Parts,
    now: OffsetDateTime,
) -> Result<Response<Body>, Status> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return Err(Status::method_not_allowed());
    }
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let address = authority.or(host).unwrap_or_default();
    match &*info.path {
        OPENID_CONFIGURATION => {
            let document = service_accounts.openid_configuration(address);
            Ok(value_response(StatusCode::OK, &document))
        }
        ServiceAccountTokens::JWKS_PATH => {
            let mut response = value_response(StatusCode::OK, &service_accounts.jwks());
            let content_type = HeaderValue::from_static("application/jwk-set+json");
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            Ok(response)
        }
        path => {
            let request = discovery::Request {
                path,
                query: head.uri.query(),
                headers: &head.headers,
                address,
            };
            discovery::answer(&served.registry, request)
                .or_else(|| served.openapi.answer(request, now))
                .unwrap_or_else(|| {
                    let group = path
                        .strip_prefix("/apis/")
                        .and_then(|of| of.split('/').next());
                    let served = |group| !served.registry.versions(group).is_empty();
                    if path.starts_with("/api/") || group.is_some_and(served) {
                        Err(Status::no_such_path())
                    } else {
                        Ok(not_found())
                    }
                })
        }
    }
}

const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
