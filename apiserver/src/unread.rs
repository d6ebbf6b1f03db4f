//! What of a body is still unread when its request has been refused.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Version;
use http::header::EXPECT;
use http::request::Parts;
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::request_body::BODY_MAX;

/// Reads on and forgets what it reads: no more than a body may have, and not
/// for long.
///
/// A connection over HTTP/1.1 is closed behind the answer to a body that is
/// still coming. Its client's next bytes are then answered by a reset, which
/// may take the answer away before it is read. Who waits to be told to go on
/// sends nothing, and HTTP/2 ends streams one by one.
pub(crate) async fn read_on<B: Body<Data = Bytes>>(head: &Parts, mut body: Pin<&mut B>) {
    if head.version > Version::HTTP_11 || head.headers.contains_key(EXPECT) {
        return;
    }
    let reading = async {
        let mut left = BODY_MAX;
        while !body.is_end_stream()
            && let Ok(Some(Ok(frame))) = timeout(SILENCE, body.frame()).await
            && let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len))
        {
            left = rest;
        }
    };
    // Who is slower may lose his answer.
    let _ = timeout(PATIENCE, reading).await;
}

/// How long the next bytes of a body are waited for.
const SILENCE: Duration = Duration::from_secs(3);
/// How long all of them are.
const PATIENCE: Duration = Duration::from_secs(30);
