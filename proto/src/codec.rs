use bytes::{Buf, Bytes, BytesMut};

use crate::TargetError;

/// A message that goes over the wire behind its length, a protobuf varint.
pub trait Message: Sized {
    /// The message without its length.
    fn encode_body(&self) -> Vec<u8>;

    /// Reads a whole message without its length.
    fn decode_body(body: Bytes) -> Result<Self, MessageError>;

    /// The message behind its length, ready to send.
    fn encode(&self) -> Bytes {
        let body = self.encode_body();
        let mut framed = BytesMut::with_capacity(body.len() + MAX_LENGTH_LEN);
        // Vec<u8> of a message of ours is far below u32::MAX.
        prost::encode_length_delimiter(body.len(), &mut framed)
            .expect("BytesMut grows as it needs");
        framed.extend_from_slice(&body);
        framed.freeze()
    }
}

/// Why bytes of a peer are no message.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MessageError {
    /// The bytes are no protobuf of this type.
    #[error("the message does not decode: {0}")]
    Decode(#[from] prost::DecodeError),
    /// The length in front of the message is no varint.
    #[error("the message's length is malformed")]
    Length,
    /// The target of a stream header cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The message is longer than its place allows.
    #[error("a message of {len} bytes; {limit} are allowed")]
    TooLong {
        /// The length that the peer announced, in bytes.
        len: u64,
        /// The most this place takes, in bytes.
        limit: usize,
    },
    /// The message holds nothing that this version knows.
    #[error("a {0} of a kind that this version does not know")]
    UnknownKind(&'static str),
}

/// Cuts a stream of bytes into messages, holding at most one message's bytes.
///
/// After the last wanted message, [`Decoder::into_rest`] gives back what has
/// already arrived behind it.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    limit: usize,
}

/// A u64 varint; longer is malformed.
const MAX_LENGTH_LEN: usize = 10;

impl Decoder {
    /// A decoder that refuses messages over `limit` bytes before it buffers them.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
        }
    }

    /// Takes bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, if all of it has arrived.
    pub fn next_message<M: Message>(&mut self) -> Result<Option<M>, MessageError> {
        let Some((len, prefix)) = self.length()? else {
            return Ok(None);
        };
        if self.buffer.len() < prefix + len {
            return Ok(None);
        }
        self.buffer.advance(prefix);
        M::decode_body(self.buffer.split_to(len).freeze()).map(Some)
    }

    /// What has arrived behind the messages taken.
    pub fn into_rest(self) -> Bytes {
        self.buffer.freeze()
    }

    /// Length of the next message and of its prefix.
    fn length(&self) -> Result<Option<(usize, usize)>, MessageError> {
        let mut len = 0_u64;
        for (i, &byte) in self.buffer.iter().take(MAX_LENGTH_LEN).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if i == MAX_LENGTH_LEN - 1 && bits > 1 {
                return Err(MessageError::Length);
            }
            len |= bits << (7 * i);
            if byte & 0x80 == 0 {
                return match usize::try_from(len) {
                    Ok(len) if len <= self.limit => Ok(Some((len, i + 1))),
                    Ok(_) | Err(_) => Err(MessageError::TooLong {
                        len,
                        limit: self.limit,
                    }),
                };
            }
        }
        if self.buffer.len() >= MAX_LENGTH_LEN {
            return Err(MessageError::Length);
        }
        Ok(None)
    }
}
