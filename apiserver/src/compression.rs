//! Long answers go compressed to who takes that.

use std::collections::VecDeque;
use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};

use crate::Body;

/// Compresses an answer that is longer than 128 KiB, if the client takes gzip.
///
/// It is compressed as it is sent, piece by piece: neither the whole answer
/// nor a long time is spent on it at once.
pub(crate) fn compress(head: &Parts, response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let fits = head.method == Method::GET
        && parts.status == StatusCode::OK
        && !parts.headers.contains_key(CONTENT_ENCODING);
    let body = match body {
        Body::Pieces(pieces) if fits && is_long(&pieces) && takes_gzip(head) => {
            let gzip = HeaderValue::from_static("gzip");
            parts.headers.insert(CONTENT_ENCODING, gzip);
            let by = HeaderValue::from_static("Accept-Encoding");
            parts.headers.append(VARY, by);
            Body::stream(stream::iter(Gzip {
                pieces,
                encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())),
            }))
        }
        body @ (Body::Pieces(_) | Body::Stream(_)) => body,
    };
    Response::from_parts(parts, body)
}

fn is_long(pieces: &VecDeque<Bytes>) -> bool {
    let mut length = 0;
    pieces.iter().any(|piece| {
        length += piece.len();
        length > LONG
    })
}

fn takes_gzip(head: &Parts) -> bool {
    let value = head.headers.get(ACCEPT_ENCODING);
    let value = value.and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.split(',').any(|token| token.trim() == "gzip"))
}

/// What is still to be compressed.
struct Gzip {
    pieces: VecDeque<Bytes>,
    /// `None` once all has been.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Iterator for Gzip {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let encoder = self.encoder.as_mut()?;
        let mut taken = 0;
        while taken < STEP {
            let Some(piece) = self.pieces.front_mut() else {
                // Writing to memory does not fail.
                let rest = self.encoder.take()?.finish().unwrap_or_default();
                return Some(rest.into());
            };
            let part = piece.split_to(piece.len().min(STEP - taken));
            if piece.is_empty() {
                self.pieces.pop_front();
            }
            taken += part.len();
            let _ = encoder.write_all(&part);
        }
        Some(std::mem::take(encoder.get_mut()).into())
    }
}

/// An answer is compressed that is longer than this, as by the real server.
const LONG: usize = 128 * 1024;
/// So many bytes are compressed at once: about a millisecond.
const STEP: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use futures_util::{FutureExt as _, StreamExt as _};
    use http::Request;

    use super::*;

    fn answer(accepted: &str, length: usize) -> Response<Body> {
        let request = Request::get("/").header(ACCEPT_ENCODING, accepted);
        let (head, ()) = request.body(()).unwrap().into_parts();
        let pieces = (0..length).map(|at| Bytes::from(vec![at as u8; 1000]));
        compress(&head, Response::new(Body::Pieces(pieces.collect())))
    }

    #[test]
    fn a_long_answer_is_the_same_behind_its_compression() {
        let response = answer("deflate, gzip", 1000);
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let Body::Stream(pieces) = response.into_body() else {
            panic!("not compressed");
        };
        let pieces: Vec<Bytes> = pieces.collect().now_or_never().unwrap();
        let mut read = Vec::new();
        let mut decoder = GzDecoder::new(std::io::Cursor::new(pieces.concat()));
        decoder.read_to_end(&mut read).unwrap();
        let sent: Vec<u8> = (0..1000).flat_map(|at| vec![at as u8; 1000]).collect();
        assert_eq!(read, sent);
    }

    #[test]
    fn short_answers_and_those_for_others_stay_as_they_are() {
        for (accepted, length) in [("gzip", 131), ("br", 1000), ("gzip;q=0", 1000)] {
            let response = answer(accepted, length);
            assert!(!response.headers().contains_key(CONTENT_ENCODING));
        }
    }
}
