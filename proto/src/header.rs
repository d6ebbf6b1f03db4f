use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;

use crate::codec::{Message, MessageError};
use crate::{Refusal, Target, wire};

/// The first message on a stream, from the side that opens it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StreamHeader {
    /// What the stream is for.
    pub target: Target,
    /// How long the opener waits for the answer; whole milliseconds, at most 49 days.
    pub deadline: Option<Duration>,
    /// W3C Trace Context of the request, as its header `traceparent` has it.
    pub trace_parent: Option<String>,
}

/// The first message on a stream, from the side that takes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The target is reached; what follows is its data.
    Opened,
    /// The target is not reached; nothing follows.
    Refused(Refusal),
}

/// The first message on a carrier's stream with which a stream of another link
/// of the session goes on, from the hub; answered as a stream is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamMove {
    /// The other link's number in the session, as the agent's hello said.
    pub link: u32,
    /// The stream's number on that link's connection.
    pub stream: u64,
}

/// Length of version 00 of the header `traceparent`; later versions may be longer.
const MAX_TRACE_PARENT_LEN: usize = 256;

impl StreamHeader {
    /// A header without deadline or trace context.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            deadline: None,
            trace_parent: None,
        }
    }
}

impl Message for StreamHeader {
    fn encode_body(&self) -> Vec<u8> {
        let deadline_ms = self.deadline.map_or(0, |deadline| {
            u32::try_from(deadline.as_millis())
                .unwrap_or(u32::MAX)
                .max(1)
        });
        let header = wire::StreamHeader {
            target: Some(self.target.to_wire()),
            deadline_ms,
            trace_parent: self.trace_parent.clone().unwrap_or_default(),
        };
        header.encode_to_vec()
    }

    fn decode_body(body: Bytes) -> Result<Self, MessageError> {
        let header = wire::StreamHeader::decode(body)?;
        let deadline = Some(header.deadline_ms).filter(|&ms| ms != 0);
        let trace_parent = Some(header.trace_parent).filter(|text| {
            // It is metadata for tracing: a strange one is dropped, the stream goes on.
            !text.is_empty()
                && text.len() <= MAX_TRACE_PARENT_LEN
                && text.bytes().all(|b| b.is_ascii_graphic())
        });
        Ok(Self {
            target: Target::from_wire(header.target)?,
            deadline: deadline.map(|ms| Duration::from_millis(u64::from(ms))),
            trace_parent,
        })
    }
}

impl Message for StreamMove {
    fn encode_body(&self) -> Vec<u8> {
        wire::StreamMove {
            link: self.link,
            stream: self.stream,
        }
        .encode_to_vec()
    }

    fn decode_body(body: Bytes) -> Result<Self, MessageError> {
        let wire::StreamMove { link, stream } = wire::StreamMove::decode(body)?;
        Ok(Self { link, stream })
    }
}

impl Message for Answer {
    fn encode_body(&self) -> Vec<u8> {
        use wire::stream_answer::{Answer as Wire, Opened};
        let answer = match self {
            Self::Opened => Wire::Opened(Opened {}),
            Self::Refused(refusal) => Wire::Refused(refusal.to_wire()),
        };
        wire::StreamAnswer {
            answer: Some(answer),
        }
        .encode_to_vec()
    }

    fn decode_body(body: Bytes) -> Result<Self, MessageError> {
        use wire::stream_answer::Answer as Wire;
        match wire::StreamAnswer::decode(body)?.answer {
            Some(Wire::Opened(_)) => Ok(Self::Opened),
            Some(Wire::Refused(refused)) => Ok(Self::Refused(Refusal::from_wire(refused))),
            None => Err(MessageError::UnknownKind("stream answer")),
        }
    }
}
