use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;

use crate::codec::{Message, MessageError};
use crate::{Hello, Reconnect, wire};

/// A message on a session's control stream.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Control {
    /// The sender opens and takes no more streams, and ends those left after the deadline.
    Drain {
        /// How long what is open may still run; whole milliseconds, at most 49 days.
        deadline: Duration,
    },
    /// First message of a session, in each direction.
    Hello(Hello),
    /// What the sender has sent in packets on a link's connection since its begin.
    Packets {
        /// The link's number in the agent's hello; `None` for the one that the
        /// message comes by.
        link: Option<NonZeroU32>,
        /// All of them, those that were sent again included.
        sent: u64,
        /// Those that the network lost.
        lost: u64,
    },
    /// How an agent is to come back, from now on.
    Reconnect(Reconnect),
    /// The hub does not let the agent in, and says why; nothing follows.
    Rejected {
        /// For people.
        message: String,
    },
    /// A newer peer's message; it is ignored.
    Unknown,
    /// How far the receiver of the message may send on streams.
    Windows(Vec<StreamLimit>),
}

/// How far a sender may go on one stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamLimit {
    /// The carrier's number of the stream.
    pub stream: u64,
    /// Bytes since the stream's begin, header and answer included.
    pub limit: u64,
}

impl StreamLimit {
    fn from_wire(window: wire::windows::Window) -> Self {
        Self {
            stream: window.stream,
            limit: window.limit,
        }
    }

    fn to_wire(self) -> wire::windows::Window {
        wire::windows::Window {
            stream: self.stream,
            limit: self.limit,
        }
    }
}

const MAX_MESSAGE_CHARS: usize = 1024;

impl Message for Control {
    fn encode_body(&self) -> Vec<u8> {
        use wire::control::Message as Wire;
        let message = match self {
            Self::Drain { deadline } => Some(Wire::Drain(wire::Drain {
                deadline_ms: u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX),
            })),
            Self::Hello(hello) => Some(Wire::Hello(hello.to_wire())),
            &Self::Packets { link, sent, lost } => Some(Wire::Packets(wire::Packets {
                sent,
                lost,
                link: link.map_or(0, NonZeroU32::get),
            })),
            Self::Reconnect(reconnect) => Some(Wire::Reconnect(reconnect.to_wire())),
            Self::Rejected { message } => Some(Wire::Rejected(wire::Rejected {
                message: message.clone(),
            })),
            Self::Unknown => None,
            Self::Windows(windows) => Some(Wire::Windows(wire::Windows {
                windows: windows.iter().map(|limit| limit.to_wire()).collect(),
            })),
        };
        wire::Control { message }.encode_to_vec()
    }

    fn decode_body(body: Bytes) -> Result<Self, MessageError> {
        use wire::control::Message as Wire;
        Ok(match wire::Control::decode(body)?.message {
            Some(Wire::Drain(drain)) => Self::Drain {
                deadline: Duration::from_millis(u64::from(drain.deadline_ms)),
            },
            Some(Wire::Hello(hello)) => Self::Hello(Hello::from_wire(hello)),
            Some(Wire::Packets(wire::Packets { sent, lost, link })) => Self::Packets {
                link: NonZeroU32::new(link),
                sent,
                lost,
            },
            Some(Wire::Reconnect(reconnect)) => Self::Reconnect(Reconnect::from_wire(reconnect)),
            Some(Wire::Rejected(rejected)) => {
                let printable = rejected.message.chars().filter(|c| !c.is_control());
                Self::Rejected {
                    message: printable.take(MAX_MESSAGE_CHARS).collect(),
                }
            }
            Some(Wire::Windows(windows)) => Self::Windows(
                windows
                    .windows
                    .into_iter()
                    .map(StreamLimit::from_wire)
                    .collect(),
            ),
            None => Self::Unknown,
        })
    }
}
