//! A watch as a response's body: one JSON object a line, as they happen.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::unfold;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::api::Body;
use super::namespaces::Events;
use super::table;

/// A watch that says no limit ends after this, as a real one does sometime.
const LONGEST: Duration = Duration::from_secs(3600);

/// Streams the events; ends at the limit or when the events end.
pub(super) fn body(events: Events, as_table: bool, limit: Option<Duration>) -> Body {
    let deadline = Instant::now() + limit.unwrap_or(LONGEST).min(LONGEST);
    let lines = unfold(events, move |mut events| async move {
        let event = timeout_at(deadline, events.next()).await.ok()??;
        let mut line = shown(event, as_table).to_string();
        line.push('\n');
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(line))), events))
    });
    StreamBody::new(lines).boxed_unsync()
}

fn shown(mut event: Value, as_table: bool) -> Value {
    let is_object = event["type"] != "ERROR" && event["type"] != "BOOKMARK";
    if as_table && is_object {
        event["object"] = table::of_one(&event["object"]);
    }
    event
}
