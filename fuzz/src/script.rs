use std::time::Duration;

use bytes::Bytes;
use proto::{
    Answer, Control, Hello, Message, Refusal, RefusalReason, StreamHeader, StreamLimit, StreamMove,
    Target,
};

use crate::input::Input;

/// One thing that a peer does that speaks HTTP/2 and need not keep to the
/// tunnel's protocol.
#[derive(Debug)]
pub(crate) enum Step {
    /// Does something on a stream, counted among those that the peer knows of.
    Act(usize, Act),
    /// Announces that it goes away.
    GoAway,
    /// Opens a stream with this path, if it is the side that can.
    Open { path: &'static str },
    /// Lets time pass.
    Wait(Duration),
}

/// What a peer does on a stream.
#[derive(Debug)]
pub(crate) enum Act {
    /// Lets go of its handles.
    Drop,
    /// Takes what has come.
    Read,
    /// Resets it with this code.
    Reset(u32),
    /// Sends, and ends its direction if this is the last.
    Say { bytes: Bytes, last: bool },
    /// Ends its direction with trailers, which the tunnel does not use.
    Trailers,
}

/// More steps find little that these do not.
const MAX_STEPS: usize = 48;
/// Longest wait of one step; a silent peer is given up after 10 s.
const MAX_WAIT_SECS: u8 = 8;
/// As long as a whole script may take.
pub(crate) const MAX_SCRIPT: Duration =
    Duration::from_secs(MAX_STEPS as u64 * (MAX_WAIT_SECS as u64 + 1));

/// Reads a script to the input's end.
pub(crate) fn steps(mut input: Input<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    while !input.is_empty() && steps.len() < MAX_STEPS {
        steps.push(step(&mut input));
    }
    steps
}

fn step(input: &mut Input<'_>) -> Step {
    let kind = input.byte();
    let number = input.byte();
    let act = match kind % 16 {
        0 => return Step::GoAway,
        1 => return Step::Wait(Duration::from_secs((number % (MAX_WAIT_SECS + 1)).into())),
        2 => Act::Drop,
        3 | 4 => Act::Read,
        5 => Act::Reset(input.u32()),
        6 => Act::Trailers,
        7..=9 => {
            let path = ["/stream", "/spare", "/control", "/new", "/move"][usize::from(number % 5)];
            return Step::Open { path };
        }
        _ => Act::Say {
            bytes: said(input),
            last: kind >= 128,
        },
    };
    Step::Act(number.into(), act)
}

/// Something to say: sound messages as well as bytes.
fn said(input: &mut Input<'_>) -> Bytes {
    match input.byte() % 16 {
        0 => hello(input),
        1 => Control::Drain {
            deadline: Duration::from_millis(input.u32().into()),
        }
        .encode(),
        2 => Control::Rejected {
            message: text(input),
        }
        .encode(),
        3 => StreamHeader::new(target(input)).encode(),
        4 => Answer::Opened.encode(),
        5 => Answer::Refused(Refusal::new(RefusalReason::Busy, text(input))).encode(),
        6 => {
            // More than a stream's window, now and then.
            let len = usize::from(input.byte()) << 6;
            Bytes::from(vec![input.byte(); len])
        }
        8 => Control::Windows(limits(input)).encode(),
        // An agent's first link is its own number 1.
        9 => StreamMove {
            link: u32::from(input.byte() % 3),
            stream: input.byte().into(),
        }
        .encode(),
        _ => Bytes::copy_from_slice(input.short()),
    }
}

/// Limits of streams that exist and of others, most of them too large.
fn limits(input: &mut Input<'_>) -> Vec<StreamLimit> {
    let count = input.byte() % 8;
    let limits = (0..count).map(|_| StreamLimit {
        stream: input.byte().into(),
        limit: u64::from(input.u32()) << (input.byte() % 33),
    });
    limits.collect()
}

fn hello(input: &mut Input<'_>) -> Bytes {
    let mut hello = Hello::new("peer");
    let oddity = input.byte();
    if oddity & 1 != 0 {
        hello.protocol_version = input.byte().into();
    }
    if oddity & 2 != 0 {
        hello.min_protocol_version = input.byte().into();
    }
    if oddity & 4 != 0 {
        hello.required_features = vec![text(input)];
    }
    Control::Hello(hello).encode()
}

fn target(input: &mut Input<'_>) -> Target {
    match input.byte() % 4 {
        0 => Target::KubeApiserver,
        1 => Target::HubApi,
        2 => Target::Service {
            namespace: text(input),
            name: text(input),
            port: text(input),
        },
        _ => Target::Tcp {
            host: text(input),
            port: u16::from(input.byte()),
        },
    }
}

fn text(input: &mut Input<'_>) -> String {
    String::from_utf8_lossy(input.short()).into_owned()
}
