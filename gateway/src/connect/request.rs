//! CONNECT (RFC 9110 section 9.3.6): one request, one answer, and then bytes.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use proxy_server::DialError;
use tokio_util::sync::CancellationToken;
use tunnel::Stream;

use super::Place;
use super::credentials::{Caller, identify};
use crate::access::Decision;
use crate::access_log::{Completeness, Record};
use crate::authenticate::not_reviewed;
use crate::failure::Failures;
use crate::forward::ANSWER_GRACE;
use crate::gateway::trace_parent;
use crate::splice::{SpliceError, SpliceLimits, splice};
use crate::status::Status;
use crate::{DialTarget, Gateway, GatewayBody, Permission};

/// A CONNECT that has been let in and whose target has been reached.
struct Connected {
    stream: Stream,
    place: Place,
}

/// The longest reason phrase, in bytes; a longer one is cut.
const MAX_REASON_LEN: usize = 512;

impl Gateway {
    /// Answers one CONNECT. After a 200 the connection carries the target's
    /// bytes, until it or [`Gateway::drain`] ends.
    ///
    /// It never fails: what goes wrong is a `Status` in the response, whose
    /// reason phrase says it too, as most clients show no more of it.
    pub(crate) async fn connect(
        &self,
        mut request: Request<Incoming>,
        caller: Caller<'_>,
    ) -> Response<GatewayBody> {
        let target = target(&request);
        let path = target
            .as_ref()
            .map_or_else(|_| String::new(), DialTarget::to_string);
        let mut record = Record::begin(
            self.counters(),
            &Method::CONNECT,
            &path,
            trace_parent(request.headers()),
        );
        let client = hyper::upgrade::on(&mut request);
        let connected = match target {
            Ok(target) => Box::pin(self.reach(&request, target, caller, &mut record)).await,
            Err(status) => Err(status),
        };
        match connected {
            Ok(connected) => {
                record.set_status(StatusCode::OK);
                let stop = self.stop().clone();
                let limits = self.tcp_limits();
                self.upgraded()
                    .spawn(connected.run(client, limits, stop, record));
                Response::new(GatewayBody::from(Bytes::new()))
            }
            Err(status) => {
                tracing::debug!(id = %record.id(), %status, "a CONNECT failed");
                let reason = reason_phrase(status.message());
                let mut response = Self::refuse(status, record);
                if let Some(reason) = reason {
                    response.extensions_mut().insert(reason);
                }
                // What the client may have sent already is no request.
                let headers = response.headers_mut();
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
        }
    }

    async fn reach(
        &self,
        request: &Request<Incoming>,
        target: DialTarget,
        caller: Caller<'_>,
        record: &mut Record,
    ) -> Result<Connected, Status> {
        let (user, cluster) = identify(
            request.headers(),
            caller,
            self.tokens(),
            self.front_proxies().as_deref(),
        )
        .await?;
        record.set_user(&user.name);
        record.set_cluster(&cluster);
        let failures = Failures {
            cluster: &cluster,
            config: self.config(),
            target: &target.to_stream_target(),
        };
        let permission = Permission::connect(&cluster, &target);
        match self.access().allows(&user, &permission).await {
            Ok(Decision::Allow) => {}
            Ok(Decision::Deny) => return Err(failures.denied(&user.name, &permission)),
            Err(error) => return Err(not_reviewed(&error)),
        }
        let place = self.place(&user.name)?;
        let header = self.stream_header(&target, record.trace_parent());
        record.set_reached(header.target.to_string(), None);
        let patience = self.config().dial_timeout + ANSWER_GRACE;
        let proxy_server = self.proxy_server();
        let reached = proxy_server.reach(&cluster, header, patience).await;
        match reached {
            Ok(reached) => {
                record.set_agent(reached.agent);
                let stream = reached.stream;
                stream.set_user(&user.name);
                Ok(Connected { stream, place })
            }
            Err(error) => {
                if let DialError::Open { agent, .. } | DialError::TimedOut { agent, .. } = &error {
                    record.set_agent(agent.clone());
                }
                Err(failures.dial(&error))
            }
        }
    }
}

impl Connected {
    async fn run(
        self,
        client: OnUpgrade,
        limits: SpliceLimits,
        stop: CancellationToken,
        mut record: Record,
    ) {
        let Self { stream, place } = self;
        let moved = async {
            let client = tokio::select! {
                biased;
                client = client => TokioIo::new(client?),
                () = stop.cancelled() => return Err(SpliceError::Stopped),
            };
            splice(
                tokio::io::split(client),
                stream,
                Bytes::new(),
                limits,
                &stop,
                &mut record,
            )
            .await
        };
        if let Err(error) = Box::pin(moved).await {
            record.set_end(error.ended_by(), Completeness::Cut);
            tracing::debug!(id = %record.id(), %error, "a CONNECT was cut");
        }
        drop(place);
    }
}

/// What a CONNECT is for; refuses one that is more than that.
fn target(request: &Request<Incoming>) -> Result<DialTarget, Status> {
    if request.version() > Version::HTTP_11 {
        return Err(Status::method_not_allowed(
            "hub: CONNECT is served over HTTP/1.1 only",
        ));
    }
    let headers = request.headers();
    // It has no content (RFC 9110 section 9.3.6): what follows it is the tunnel's.
    if headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length != "0")
    {
        return Err(Status::bad_request("hub: a CONNECT has no body"));
    }
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let target = authority.unwrap_or_default().parse();
    target.map_err(|error| Status::bad_request(format!("hub: {error}")))
}

/// A message as a reason phrase: in one line of plain characters.
fn reason_phrase(message: &str) -> Option<ReasonPhrase> {
    let plain = |c: char| {
        if c == ' ' || c.is_ascii_graphic() {
            c
        } else {
            '?'
        }
    };
    let line: String = message.chars().map(plain).take(MAX_REASON_LEN).collect();
    ReasonPhrase::try_from(line.into_bytes()).ok()
}
