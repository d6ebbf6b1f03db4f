//! What a client is told when a request does not get through. By type, never by text.

use http::StatusCode;
use proto::{ClusterName, Refusal, RefusalReason, Target};
use proxy_server::DialError;
use tunnel::{OpenError, ResetReason, StreamError};

use crate::access_log::EndedBy;
use crate::forward::ExchangeError;
use crate::permission::{GROUP, RESOURCE};
use crate::redirect::LeadsElsewhere;
use crate::status::{Place, Reason, Status, StatusObject};
use crate::{GatewayConfig, Permission};

/// A failure on the way to one cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failures<'a> {
    pub(crate) cluster: &'a ClusterName,
    pub(crate) config: &'a GatewayConfig,
    /// What is to be reached there.
    pub(crate) target: &'a Target,
}

impl Failures<'_> {
    /// The user may not reach it, or there is no such cluster: which, he is not told.
    ///
    /// In the words of the real API server, and what to try.
    pub(crate) fn denied(&self, user: &str, permission: &Permission) -> Status {
        let Permission {
            verb,
            subresource,
            cluster,
            ..
        } = permission;
        let names: Vec<String> = permission.names().map(|n| format!("{n:?}")).collect();
        Status::forbidden(format!(
            "{RESOURCE}.{GROUP} {:?} is forbidden: User {user:?} cannot {verb} resource \
             \"{RESOURCE}/{}\" in API group {GROUP:?} at the cluster scope: no role on the \
             hub allows it; one that does can be bound there, for all clusters or for the \
             resource name {}",
            cluster.as_str(),
            subresource.as_str(),
            names.join(" or "),
        ))
        .about(self.object())
    }

    /// No stream could be asked for.
    pub(crate) fn dial(&self, error: &DialError) -> Status {
        let status = match error {
            DialError::UnknownCluster { cluster } => Status::not_found(format!(
                "hub: no such cluster {cluster}; `adit credentials {cluster}` makes it known"
            )),
            DialError::NotConnected { cluster } => Status::unavailable(format!(
                "tunnel: cluster {cluster} is known, but none of its agents is connected"
            ))
            .at(Place::Tunnel)
            .retry_after(self.config.retry_after),
            DialError::Open {
                source: OpenError::Stream(StreamError::Refused(refusal)),
                ..
            } => self.refused(refusal),
            DialError::TimedOut { after, .. } => self.no_answer(*after),
            DialError::TooOften(too_often) => Status::new(
                StatusCode::TOO_MANY_REQUESTS,
                Reason::TooManyRequests,
                format!("hub: {too_often}; try again in a moment"),
            )
            .retry_after(self.config.retry_after),
            // Nothing has been sent: trying again is safe.
            DialError::Open { source, .. } => {
                self.tunnel(source).retry_after(self.config.retry_after)
            }
            _ => self.tunnel(error).retry_after(self.config.retry_after),
        };
        status.about(self.object())
    }

    /// There was a stream, but no response.
    pub(crate) fn exchange(&self, error: &ExchangeError) -> Status {
        let (cluster, target) = (self.cluster, self.named());
        let status = match error {
            ExchangeError::Client(_) => {
                Status::bad_request("hub: the request's body broke off before its end")
            }
            ExchangeError::Ended(_) => Status::bad_gateway(format!(
                "agent: the agent of cluster {cluster} closed the stream without a response"
            ))
            .at(Place::Agent),
            ExchangeError::Malformed(error) => Status::bad_gateway(format!(
                "target: {target} of cluster {cluster} sent a response that is no \
                 HTTP/1.1: {error}"
            ))
            .at(Place::Target),
            ExchangeError::NoAnswer(after) => self.no_answer(*after),
            ExchangeError::Open(error) => return self.open(error),
            ExchangeError::NoHttp2(error) => Status::bad_gateway(format!(
                "target: {target} of cluster {cluster} does not answer in HTTP/2: {error}"
            ))
            .at(Place::Target),
            ExchangeError::NoResponse(after) => Status::timeout(format!(
                "target: {target} of cluster {cluster} has not begun to answer within {after:?}"
            ))
            .at(Place::Target),
            ExchangeError::Stream(error) => self.stream(error),
            ExchangeError::UploadNotTaken(after) => Status::timeout(format!(
                "target: {target} of cluster {cluster} has taken nothing of the \
                 request's body for {after:?}"
            ))
            .at(Place::Target),
            ExchangeError::UploadStalled(after) => Status::new(
                StatusCode::REQUEST_TIMEOUT,
                Reason::Timeout,
                format!("hub: the client has sent nothing of the request's body for {after:?}"),
            ),
        };
        status.about(self.object())
    }

    /// A redirect that would lead the client, or the gateway, somewhere else.
    pub(crate) fn redirect(&self, error: LeadsElsewhere) -> Status {
        Status::bad_gateway(format!("target: {error}"))
            .at(Place::Target)
            .about(self.object())
    }

    /// A 101 that nobody asked for, or to another protocol.
    pub(crate) fn unasked_switch(&self) -> Status {
        Status::bad_gateway(format!(
            "target: {} of cluster {} switched to a protocol that was not asked for",
            self.named(),
            self.cluster
        ))
        .at(Place::Target)
        .about(self.object())
    }

    fn open(&self, error: &OpenError) -> Status {
        let status = match error {
            OpenError::Stream(error) => self.stream(error),
            // Nothing has been sent: trying again is safe.
            OpenError::Draining | OpenError::StreamLimit { .. } => {
                self.tunnel(error).retry_after(self.config.retry_after)
            }
            _ => self.tunnel(error),
        };
        status.about(self.object())
    }

    /// The request may have arrived, so there is no `Retry-After`.
    fn stream(&self, error: &StreamError) -> Status {
        match error {
            StreamError::Refused(refusal) => self.refused(refusal),
            StreamError::Reset(ResetReason::TargetFailed) => Status::bad_gateway(format!(
                "target: {} of cluster {} broke the connection off",
                self.named(),
                self.cluster
            ))
            .at(Place::Target),
            StreamError::Reset(ResetReason::Cancelled | ResetReason::Protocol)
            | StreamError::Malformed(_) => Status::bad_gateway(format!(
                "agent: the agent of cluster {} gave the stream up: {error}",
                self.cluster
            ))
            .at(Place::Agent),
            StreamError::Closed(_) | StreamError::Finished | StreamError::Reset(_) | _ => {
                Status::bad_gateway(format!(
                    "tunnel: the connection to cluster {} broke: {error}",
                    self.cluster
                ))
                .at(Place::Tunnel)
            }
        }
    }

    /// The agent's own answer: nothing of the request has reached the API server.
    pub(crate) fn refused(&self, refusal: &Refusal) -> Status {
        let says = |place: Place| {
            format!(
                "{place}: the agent of cluster {} refused the stream: {}",
                self.cluster, refusal.message
            )
        };
        let later = |status: Status| status.retry_after(self.config.retry_after);
        let (place, status) = match refusal.reason {
            RefusalReason::Busy => (Place::Agent, later(Status::unavailable(says(Place::Agent)))),
            RefusalReason::Draining => {
                (Place::Agent, later(Status::unavailable(says(Place::Agent))))
            }
            // As kube-apiserver says it of a Service that it is to proxy.
            RefusalReason::DialFailed if self.is_service() => {
                (Place::Target, Status::unavailable(says(Place::Target)))
            }
            RefusalReason::NotFound if self.is_service() => {
                (Place::Target, Status::not_found(says(Place::Target)))
            }
            RefusalReason::Forbidden => (Place::Agent, Status::forbidden(says(Place::Agent))),
            RefusalReason::DialFailed | RefusalReason::NotFound => {
                (Place::Target, Status::bad_gateway(says(Place::Target)))
            }
            RefusalReason::DialTimeout => (Place::Target, Status::timeout(says(Place::Target))),
            RefusalReason::Malformed | RefusalReason::Unsupported | _ => {
                (Place::Agent, Status::bad_gateway(says(Place::Agent)))
            }
        };
        status.at(place)
    }

    pub(crate) fn no_answer(&self, after: std::time::Duration) -> Status {
        Status::timeout(format!(
            "agent: the agent of cluster {} has not answered within {after:?}",
            self.cluster
        ))
        .at(Place::Agent)
    }

    fn tunnel(&self, error: &dyn std::error::Error) -> Status {
        let message = format!("tunnel: no stream to cluster {}: {error}", self.cluster);
        Status::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::ServiceUnavailable,
            message,
        )
        .at(Place::Tunnel)
    }

    fn is_service(&self) -> bool {
        matches!(self.target, Target::Service { .. })
    }

    /// What is to be reached, in a sentence.
    fn named(&self) -> String {
        if *self.target == Target::KubeApiserver {
            "the API server".to_owned()
        } else {
            self.target.to_string()
        }
    }

    fn object(&self) -> StatusObject {
        StatusObject {
            group: GROUP.to_owned(),
            resource: RESOURCE.to_owned(),
            name: self.cluster.to_string(),
        }
    }
}

impl From<Place> for EndedBy {
    fn from(place: Place) -> Self {
        match place {
            Place::Hub => Self::Hub,
            Place::Agent | Place::Tunnel => Self::Tunnel,
            Place::Target => Self::Upstream,
        }
    }
}
