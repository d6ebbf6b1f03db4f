//! Errors as Kubernetes `Status` objects (`meta.k8s.io/v1`).

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, PROXY_AUTHENTICATE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::GatewayBody;

/// A failure as Kubernetes clients read it.
///
/// kubectl and client-go print the message, decide by the reason, and wait by
/// `Retry-After`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    code: StatusCode,
    reason: Reason,
    message: String,
    place: Place,
    object: Option<StatusObject>,
    retry_after: Option<Duration>,
    /// Whether it is written as its message alone.
    plain: bool,
}

/// Kubernetes' names for kinds of failure.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Reason {
    /// The request cannot be understood (400).
    BadRequest,
    /// The user is known and may not (403).
    Forbidden,
    /// Something broke that the caller cannot mend (500, 502).
    InternalError,
    /// The method is not served here (405).
    MethodNotAllowed,
    /// The object is not there (404).
    NotFound,
    /// The head of the request is too large (413, 431).
    RequestEntityTooLarge,
    /// Not now (503).
    ServiceUnavailable,
    /// It took too long (408, 504).
    Timeout,
    /// A limit is reached (429).
    TooManyRequests,
    /// Who asks is not known (401, 407).
    Unauthorized,
}

/// Where on the way a request failed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// The managed cluster's agent.
    Agent,
    /// This process.
    Hub,
    /// What the agent was asked to reach: the managed cluster's API server.
    Target,
    /// Between the hub and the agent.
    Tunnel,
}

/// The object a failure is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusObject {
    /// The resource's API group; empty for the core group.
    pub group: String,
    /// The resource, in the plural.
    pub resource: String,
    /// The object's name.
    pub name: String,
}

impl Status {
    /// A failure on the hub; the message is for people.
    pub fn new(code: StatusCode, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            place: Place::Hub,
            object: None,
            retry_after: None,
            plain: false,
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Reason::BadRequest, message)
    }

    /// 401: who asks is not known.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Reason::Unauthorized, message)
    }

    /// 403: the user may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Reason::Forbidden, message)
    }

    /// 404: it is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Reason::NotFound, message)
    }

    /// 405: the method is not served at this path.
    pub fn method_not_allowed(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            Reason::MethodNotAllowed,
            message,
        )
    }

    /// 500: something broke here.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Reason::InternalError,
            message,
        )
    }

    /// 502: what was reached answered with something that cannot be passed on.
    pub fn bad_gateway(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, Reason::InternalError, message)
    }

    /// 503: not now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::ServiceUnavailable,
            message,
        )
    }

    /// 504: no answer in time.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, Reason::Timeout, message)
    }

    /// Says where it failed; the hub unless this is called.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Names the object the failure is about.
    #[must_use]
    pub fn about(mut self, object: StatusObject) -> Self {
        self.object = Some(object);
        self
    }

    /// Tells the client to try again after this time, in whole seconds, one at least.
    ///
    /// client-go then repeats a request by itself, whatever its method: only
    /// for failures that are sure to have changed nothing.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The HTTP status code.
    pub fn code(&self) -> StatusCode {
        self.code
    }

    /// Kubernetes' name for the kind of failure.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What is told to people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it failed.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Makes it its message alone where that is all that its reader tells: of a
    /// discovery that fails with an object, kubectl says "unknown" (client-go's
    /// `newUnstructuredResponseError`).
    pub(crate) fn for_reader(mut self, accept: Option<&HeaderValue>) -> Self {
        let accept = accept.map(HeaderValue::as_bytes).unwrap_or_default();
        let discovery = b"as=APIGroupDiscoveryList";
        self.plain = accept.windows(discovery.len()).any(|at| at == discovery);
        self
    }

    /// The HTTP response that carries this failure.
    pub fn into_response(self) -> Response<GatewayBody> {
        let body = if self.plain {
            self.message.clone().into_bytes()
        } else {
            serde_json::to_vec(&Wire::of(&self))
                .expect("an object of strings and numbers is always JSON")
        };
        let mut response = Response::new(GatewayBody::from(Bytes::from(body)));
        *response.status_mut() = self.code;
        self.set_headers(response.headers_mut());
        response
    }

    fn set_headers(&self, headers: &mut HeaderMap) {
        let media = if self.plain {
            "text/plain; charset=utf-8"
        } else {
            "application/json"
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"adit\""),
            );
        }
        if self.code == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            headers.insert(
                PROXY_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"adit\""),
            );
        }
        if self.code == StatusCode::METHOD_NOT_ALLOWED {
            // RFC 9110 section 15.5.6 wants the header; an empty one allows none.
            headers.insert(ALLOW, HeaderValue::from_static(""));
        }
    }

    fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|after| after.as_secs().max(1))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agent => "agent",
            Self::Hub => "hub",
            Self::Target => "target",
            Self::Tunnel => "tunnel",
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}): {}", self.code, self.reason, self.message)
    }
}

/// The object's JSON form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Empty,
    status: &'static str,
    message: &'a str,
    reason: Reason,
    details: Details<'a>,
    code: u16,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    causes: [Cause; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

/// Says where it failed, for programs; people read it in the message.
#[derive(Serialize)]
struct Cause {
    reason: &'static str,
    message: String,
}

impl<'a> Wire<'a> {
    fn of(status: &'a Status) -> Self {
        let object = status.object.as_ref();
        Self {
            kind: "Status",
            api_version: "v1",
            metadata: Empty {},
            status: "Failure",
            message: &status.message,
            reason: status.reason,
            details: Details {
                name: object.map(|o| o.name.as_str()),
                group: object.map(|o| o.group.as_str()).filter(|g| !g.is_empty()),
                kind: object.map(|o| o.resource.as_str()),
                causes: [Cause {
                    reason: "FailedAt",
                    message: status.place.to_string(),
                }],
                retry_after_seconds: status.retry_after_seconds(),
            },
            code: status.code.as_u16(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_failure_is_the_object_that_kubernetes_clients_read() {
        let status = Status::unavailable("tunnel: no agent")
            .at(Place::Tunnel)
            .about(StatusObject {
                group: "cluster.core.oam.dev".into(),
                resource: "clustergateways".into(),
                name: "edge-7".into(),
            })
            .retry_after(Duration::from_millis(300));
        let response = status.into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let object: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let expected = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "tunnel: no agent", "reason": "ServiceUnavailable", "code": 503,
            "details": {
                "name": "edge-7", "group": "cluster.core.oam.dev", "kind": "clustergateways",
                "causes": [{ "reason": "FailedAt", "message": "tunnel" }],
                "retryAfterSeconds": 1,
            },
        });
        assert_eq!(object, expected);
    }

    #[tokio::test]
    async fn whoever_reads_no_objects_gets_the_message() {
        let accept = HeaderValue::from_static(
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
        );
        let forbidden = Status::forbidden("hub: no").for_reader(Some(&accept));
        let response = forbidden.into_response();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "text/plain; charset=utf-8"
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "hub: no");
    }

    #[test]
    fn unknown_callers_are_told_how_to_say_who_they_are() {
        let response = Status::unauthorized("Unauthorized").into_response();
        assert_eq!(response.status(), 401);
        assert_eq!(
            response.headers()[WWW_AUTHENTICATE],
            "Bearer realm=\"adit\""
        );
        assert!(!response.headers().contains_key(RETRY_AFTER));
    }
}
