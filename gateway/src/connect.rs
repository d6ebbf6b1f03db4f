//! TCP connections into managed clusters: what all front ends for them share.

use http::StatusCode;
use proto::StreamHeader;

mod credentials;
mod forward;
mod listener;
mod places;
mod request;

pub(crate) use self::credentials::Caller;
pub use self::forward::{Forward, ForwardEnd};
pub use self::listener::ConnectClient;
use self::places::Full;
pub(crate) use self::places::{Place, Places};
use crate::splice::SpliceLimits;
use crate::status::{Reason, Status};
use crate::{DialTarget, Gateway};

impl Gateway {
    /// A place for one more stream of this user's, or why there is none.
    fn place(&self, user: &str) -> Result<Place, Status> {
        self.places().take(user).map_err(|full| {
            self.counters().note_tcp_streams_full();
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

    fn stream_header(&self, target: &DialTarget, trace_parent: Option<String>) -> StreamHeader {
        StreamHeader {
            deadline: Some(self.config().dial_timeout),
            trace_parent,
            ..StreamHeader::new(target.to_stream_target())
        }
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
