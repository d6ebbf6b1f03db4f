use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tracing::Instrument as _;

use super::failure::Failure;
use super::pool::Lease;
use super::{ApiServer, head};
use crate::ImpersonationPolicy;
use crate::trace::Trace;

/// One request on its way to an API server.
pub(super) struct Forwarder<'a> {
    pub(super) api: &'a ApiServer,
    pub(super) policy: &'a ImpersonationPolicy,
    /// What the request is a part of.
    pub(super) trace: &'a Trace,
    /// Where the API server's connection is kept while its response is passed on.
    pub(super) upstream: &'a Mutex<Option<Upstream>>,
}

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// The API server's side of an exchange.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) lease: Lease,
    /// The connection itself, if it has switched to another protocol.
    pub(super) switched: Option<OnUpgrade>,
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

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Incoming>, Failure> {
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
        parts.headers.insert(HOST, api.base.host());
        let mut asked = self.trace.ask("exchange");
        asked.set("http.request.method", parts.method.as_str());
        if asked.is_collected()
            && let Some(parent) = asked.trace_parent()
            && let Ok(parent) = HeaderValue::try_from(parent)
        {
            parts.headers.insert(TRACE_PARENT, parent);
        }
        let request = Request::from_parts(parts, body);
        let sent = api.pool.request(request).await;
        let (mut response, lease) = sent.map_err(|error| {
            let failure = Failure::from_pool(error, &api.base);
            asked.fail(failure.to_string());
            failure
        })?;
        asked.set("http.response.status_code", response.status().as_str());
        drop(asked);
        let mut upstream = Upstream {
            lease,
            switched: None,
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let protocol = upgrade
                .filter(|protocol| head::switches_to(response.headers(), protocol))
                .ok_or_else(|| Failure::UnwantedSwitch {
                    url: api.base.to_string(),
                })?;
            upstream.switched = Some(hyper::upgrade::on(&mut response));
            head::prepare_switch(response.headers_mut(), &protocol);
        } else {
            head::prepare_response(response.headers_mut());
        }
        let mut slot = self.upstream.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(upstream);
        Ok(response)
    }
}
