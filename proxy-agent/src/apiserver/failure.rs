use std::error::Error;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use tower::BoxError;

use super::base::{BaseUrl, TargetFormError};
use super::credential::CredentialError;
use super::pool::PoolError;
use crate::impersonation::IdentityRefusal;

/// Why a request has no response of the API server's.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The API server's response has ended before its head.
    #[error(
        "kube-apiserver at {url} did not answer the request: {}",
        chain(source)
    )]
    Broken { url: String, source: hyper::Error },
    /// `Connection` would take away what the agent relies on.
    #[error("the header Connection names {0}, which is not for one connection alone")]
    ConnectionNames(HeaderName),
    /// The agent cannot say who it is.
    #[error("{}", without_details(.0))]
    Credential(#[from] CredentialError),
    /// The hub has let a credential through.
    #[error("a credential came with the request ({0}), which must not cross the tunnel")]
    ForeignCredential(HeaderName),
    #[error(transparent)]
    Identity(#[from] IdentityRefusal),
    #[error(transparent)]
    Target(#[from] TargetFormError),
    /// No connection came about, so that the request was not made.
    #[error("cannot reach kube-apiserver at {url}: {}", chain(source.as_ref()))]
    Unreachable { url: String, source: BoxError },
    /// It switches protocols unasked, or to another one.
    #[error("kube-apiserver at {url} switched to a protocol that was not asked for")]
    UnwantedSwitch { url: String },
    /// A request to switch protocols has something to say before.
    #[error("a request that asks for another protocol may not have a body")]
    UpgradeWithBody,
}

impl Failure {
    pub(super) fn from_pool(error: PoolError, base: &BaseUrl) -> Self {
        let url = base.to_string();
        match error {
            PoolError::Connect(source) => Self::Unreachable { url, source },
            PoolError::Exchange(source) => Self::Broken { url, source },
        }
    }

    /// The failure as a Kubernetes client reads it.
    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let (code, reason) = self.kind();
        let status = Status {
            code: Some(i32::from(code.as_u16())),
            message: Some(format!("agent: {self}")),
            reason: Some(reason.to_owned()),
            status: Some("Failure".to_owned()),
            ..Status::default()
        };
        let body = serde_json::to_vec(&status).expect("strings and numbers are always JSON");
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = code;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        response
    }

    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::ConnectionNames(_)
            | Self::ForeignCredential(_)
            | Self::Target(_)
            | Self::UpgradeWithBody => (StatusCode::BAD_REQUEST, "BadRequest"),
            Self::Identity(_) => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::Broken { .. } | Self::UnwantedSwitch { .. } => {
                (StatusCode::BAD_GATEWAY, "InternalError")
            }
            Self::Credential(CredentialError::Unanswered) | Self::Unreachable { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
            }
            Self::Credential(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        }
    }
}

/// What a caller may know of the agent's credential.
fn without_details(error: &CredentialError) -> &'static str {
    match error {
        CredentialError::Unanswered => "the credential plugin did not answer",
        CredentialError::Kubeconfig(_)
        | CredentialError::NoToken { .. }
        | CredentialError::Read { .. }
        | CredentialError::Token { .. } => {
            "its credential for kube-apiserver cannot be had; its own log says why"
        }
    }
}

/// An error with all that is behind it: the outer ones of HTTP say little.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let part = error.to_string();
        // Many repeat what is behind them.
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_plugin_that_does_not_answer_makes_the_api_server_unavailable() {
        let response = Failure::from(CredentialError::Unanswered).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let status: Status = serde_json::from_slice(&body).unwrap();
        assert_eq!(status.code, Some(503));
        assert_eq!(status.reason.as_deref(), Some("ServiceUnavailable"));
        let message = status.message.unwrap();
        assert_eq!(message, "agent: the credential plugin did not answer");
    }
}
