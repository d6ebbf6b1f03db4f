//! The stand-in's answers.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::namespaces::Namespaces;
use super::query::Query;
use super::{discovery, protobuf, table, watch};

pub(super) type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// An API server that knows namespaces only.
pub(super) struct Api {
    token: SecretString,
    namespaces: Namespaces,
}

/// A failure, told as a Kubernetes `Status`.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: StatusCode,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// The largest object that is read.
const MAX_OBJECT: usize = 1 << 20;
const NAMESPACES: &str = "/api/v1/namespaces";

impl Api {
    pub(super) fn new(token: SecretString) -> Self {
        Self {
            token,
            namespaces: Namespaces::new(),
        }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        self.route(request).await.unwrap_or_else(|failure| {
            let code = failure.code;
            respond(code, &failure.into_status())
        })
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
        self.authenticate(request.headers())?;
        let path = request.uri().path().trim_end_matches('/').to_owned();
        if let Some(answer) = discovery::answer(&path) {
            return Ok(respond(StatusCode::OK, &answer));
        }
        match path.strip_prefix(NAMESPACES) {
            Some("") => self.collection(request).await,
            Some(rest) => match rest.strip_prefix('/') {
                Some(name) if !name.contains('/') => self.item(&request, name),
                Some(_) | None => Err(Failure::unknown(&path)),
            },
            None => Err(Failure::unknown(&path)),
        }
    }

    async fn collection(&self, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
        let query = Query::parse(request.uri().query().unwrap_or_default())?;
        let as_table = table::is_wanted(request.headers());
        match *request.method() {
            Method::GET if query.watch => {
                let events = self.namespaces.watch(&query);
                Ok(json_response(
                    StatusCode::OK,
                    watch::body(events, as_table, query.timeout),
                ))
            }
            Method::GET => {
                let list = self.namespaces.list(&query);
                Ok(respond(
                    StatusCode::OK,
                    &if as_table {
                        table::of_list(&list)
                    } else {
                        list
                    },
                ))
            }
            Method::POST => {
                let created = self
                    .namespaces
                    .create(&object(request).await?, query.dry_run)?;
                Ok(respond(StatusCode::CREATED, &created))
            }
            _ => Err(Failure::method(request.method())),
        }
    }

    fn item(&self, request: &Request<Incoming>, name: &str) -> Result<Response<Body>, Failure> {
        let query = Query::parse(request.uri().query().unwrap_or_default())?;
        match *request.method() {
            Method::GET => {
                let object = self.namespaces.read(name)?;
                let as_table = table::is_wanted(request.headers());
                let answer = if as_table {
                    table::of_one(&object)
                } else {
                    object
                };
                Ok(respond(StatusCode::OK, &answer))
            }
            Method::DELETE => {
                let deleted = self.namespaces.delete(name, query.dry_run)?;
                Ok(respond(StatusCode::OK, &deleted))
            }
            _ => Err(Failure::method(request.method())),
        }
    }

    fn authenticate(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let expected = format!("Bearer {}", self.token.expose_secret());
        let given = headers
            .get(AUTHORIZATION)
            .map_or(&b""[..], |value| value.as_bytes());
        if bool::from(given.ct_eq(expected.as_bytes())) {
            return Ok(());
        }
        Err(Failure {
            code: StatusCode::UNAUTHORIZED,
            reason: "Unauthorized",
            message: "stand-in: the bearer token is not the administrator's".to_owned(),
        })
    }
}

impl Failure {
    pub(super) fn bad(message: &str) -> Self {
        Self {
            code: StatusCode::BAD_REQUEST,
            reason: "BadRequest",
            message: format!("stand-in: {message}"),
        }
    }

    pub(super) fn into_status(self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code.as_u16(),
        })
    }

    fn unknown(path: &str) -> Self {
        Self {
            code: StatusCode::NOT_FOUND,
            reason: "NotFound",
            message: format!(
                "stand-in: {path} is not served; this is no Kubernetes, it knows namespaces only"
            ),
        }
    }

    fn method(method: &Method) -> Self {
        Self {
            code: StatusCode::METHOD_NOT_ALLOWED,
            reason: "MethodNotAllowed",
            message: format!("stand-in: {method} is not served; this is no Kubernetes"),
        }
    }
}

async fn object(request: Request<Incoming>) -> Result<Value, Failure> {
    let body = Limited::new(request.into_body(), MAX_OBJECT)
        .collect()
        .await;
    let body = body
        .map_err(|error| Failure::bad(&error.to_string()))?
        .to_bytes();
    if let Some(message) = protobuf::namespace(&body) {
        return message.map_err(|error| Failure::bad(&format!("no protobuf: {error}")));
    }
    serde_json::from_slice(&body).map_err(|error| Failure::bad(&format!("no JSON: {error}")))
}

fn respond(code: StatusCode, answer: &Value) -> Response<Body> {
    json_response(
        code,
        Full::new(Bytes::from(answer.to_string())).boxed_unsync(),
    )
}

fn json_response(code: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
