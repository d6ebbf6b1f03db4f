//! TCP connections into managed clusters: what all front ends for them share.

use http::StatusCode;
use proto::StreamHeader;
use proxy_server::Dialled;

mod forward;
mod places;

pub use self::forward::{Forward, ForwardEnd};
use self::places::Full;
pub(crate) use self::places::{Place, Places};
use crate::access_log::Record;
use crate::failure::Failures;
use crate::splice::SpliceLimits;
use crate::status::{Reason, Status};
use crate::{DialTarget, Gateway};

impl Gateway {
    /// A place for one more stream of this user's, or why there is none.
    fn place(&self, user: &str) -> Result<Place, Status> {
        self.places().take(user).map_err(|full| {
            let (code, reason) = match full {
                Full::InAll(_) => (StatusCode::SERVICE_UNAVAILABLE, Reason::ServiceUnavailable),
                Full::User(_) => (StatusCode::TOO_MANY_REQUESTS, Reason::TooManyRequests),
            };
            Status::new(
                code,
                reason,
                format!("hub: {full}; try again when some have ended"),
            )
            .retry_after(self.config().retry_after)
        })
    }

    /// Asks an agent of the cluster for a stream to the target; it has not
    /// answered yet.
    async fn open(
        &self,
        failures: Failures<'_>,
        target: &DialTarget,
        trace_parent: Option<String>,
        record: &mut Record,
    ) -> Result<Dialled, Status> {
        let target = target.to_stream_target();
        let name = target.to_string();
        record.set_reached(name.clone(), None);
        let mut header = StreamHeader::new(target);
        header.deadline = Some(self.config().dial_timeout);
        header.trace_parent = trace_parent;
        let dialled = self.proxy_server().open(failures.cluster, header).await;
        let dialled = dialled.map_err(|error| failures.dial(&error))?;
        record.set_reached(name, Some(dialled.agent.clone()));
        Ok(dialled)
    }

    fn tcp_limits(&self) -> SpliceLimits {
        let config = self.config();
        SpliceLimits {
            idle: config.tcp_idle,
            // A client that has said all may wait for as long as any other.
            half_closed_idle: None,
            unread: config.half_closed_idle,
            lifetime: config.tcp_lifetime,
        }
    }
}
