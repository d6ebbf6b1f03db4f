use std::sync::Mutex;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tracing::Instrument as _;

use super::failure::Failure;
use super::{ApiServer, head};
use crate::ImpersonationPolicy;

/// One request on its way to an API server.
pub(super) struct Forwarder<'a> {
    pub(super) api: &'a ApiServer,
    pub(super) policy: &'a ImpersonationPolicy,
    /// Where a switch of protocols is left for whoever owns the stream.
    pub(super) switch: &'a Mutex<Option<Switch>>,
}

/// Both connections of an exchange that has switched protocols, once they are free.
pub(super) struct Switch {
    pub(super) near: OnUpgrade,
    pub(super) far: OnUpgrade,
}

impl Forwarder<'_> {
    /// Answers with the API server's response, or tells why there is none.
    pub(super) async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Response<Either<Incoming, Full<Bytes>>> {
        let span = tracing::debug_span!("request", method = %request.method());
        match self.forward(request).instrument(span).await {
            Ok(response) => response.map(Either::Left),
            Err(failure) => {
                tracing::debug!(error = %failure, "request not forwarded");
                if let Failure::Credential(error) = &failure {
                    // The caller is not told; whoever runs the agent has to be.
                    tracing::error!(%error, "no credential for the API server");
                }
                failure.into_response().map(Either::Right)
            }
        }
    }

    async fn forward(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>, Failure> {
        let near = hyper::upgrade::on(&mut request);
        let (mut parts, body) = request.into_parts();
        let api = &self.api.shared;
        self.policy.check(&parts.headers)?;
        let upgrade = head::prepare_request(&mut parts.headers)?;
        if upgrade.is_some() && !body.is_end_stream() {
            return Err(Failure::UpgradeWithBody);
        }
        parts.uri = api.base.join(&parts.uri)?;
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        if let Some(credential) = api.credential.authorization().await? {
            parts.headers.insert(AUTHORIZATION, credential);
        }
        let request = Request::from_parts(parts, body);
        let mut response = api.pool.request(request).await.map_err(|source| {
            let url = api.base.to_string();
            if source.is_connect() {
                Failure::Unreachable { url, source }
            } else {
                Failure::Broken { url, source }
            }
        })?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            head::prepare_response(response.headers_mut());
            return Ok(response);
        }
        match upgrade {
            Some(protocol) if head::switches_to(response.headers(), &protocol) => {
                let far = hyper::upgrade::on(&mut response);
                head::prepare_switch(response.headers_mut(), &protocol);
                let switch = Switch { near, far };
                self.switch
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .replace(switch);
                Ok(response)
            }
            Some(_) | None => Err(Failure::UnwantedSwitch {
                url: api.base.to_string(),
            }),
        }
    }
}
