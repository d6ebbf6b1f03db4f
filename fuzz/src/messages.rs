use std::fmt::Debug;

use bytes::Bytes;
use proto::{Answer, Control, Decoder, Hello, Message, MessageError};
use proto::{StreamHeader, StreamMove, Target};

use crate::input::Input;

/// The longest message that any place takes, in bytes.
const LIMIT: usize = 64 * 1024;

/// Messages of the tunnel, cut anywhere.
///
/// What is decoded does not depend on the cuts, comes out the same when it is
/// encoded and decoded again, and keeps the limits that its type promises.
pub fn messages(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts = input.cuts();
    let bytes = input.rest();
    let pieces = cuts.pieces(bytes);
    check::<Answer>(bytes, &pieces).iter().for_each(answer);
    check::<Control>(bytes, &pieces).iter().for_each(control);
    check::<StreamHeader>(bytes, &pieces)
        .iter()
        .for_each(header);
    // Nothing but numbers.
    check::<StreamMove>(bytes, &pieces);
}

/// What a decoder makes of bytes.
#[derive(Debug, PartialEq)]
struct Decoded<M> {
    messages: Vec<M>,
    /// What stands behind the last message, or why there is no telling.
    rest: Result<Bytes, MessageError>,
}

fn check<M: Debug + Message + PartialEq>(bytes: &[u8], pieces: &[&[u8]]) -> Vec<M> {
    let whole = decode::<M>(&[bytes]);
    assert_eq!(whole, decode(pieces), "cuts change what is decoded");
    if let Ok(rest) = &whole.rest {
        assert!(bytes.ends_with(rest), "the rest is not what came last");
    }
    for message in &whole.messages {
        let again = decode::<M>(&[&message.encode()]);
        assert_eq!(again.rest, Ok(Bytes::new()));
        assert_eq!(again.messages, std::slice::from_ref(message));
    }
    whole.messages
}

fn decode<M: Message>(pieces: &[&[u8]]) -> Decoded<M> {
    let mut decoder = Decoder::new(LIMIT);
    let mut messages = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => {
                    let rest = Err(error);
                    return Decoded { messages, rest };
                }
            }
        }
    }
    let rest = Ok(decoder.into_rest());
    Decoded { messages, rest }
}

fn answer(answer: &Answer) {
    if let Answer::Refused(refusal) = answer {
        assert!(refusal.message.len() <= 1024);
    }
}

fn control(control: &Control) {
    match control {
        Control::Hello(hello) => {
            // Either verdict will do.
            let _ = hello.accept(&Hello::new("fuzz"));
            assert!(hello.features.len() <= 64 && hello.required_features.len() <= 64);
            let texts = hello.features.iter().chain(&hello.required_features);
            for text in texts.chain([&hello.software_version]) {
                assert!(is_printable(text) && text.chars().count() <= 64);
            }
        }
        Control::Rejected { message } => {
            assert!(is_printable(message) && message.chars().count() <= 1024);
        }
        // Nothing but numbers, and what newer versions know.
        Control::Drain { .. } | Control::Unknown | Control::Windows(_) | _ => {}
    }
}

fn header(header: &StreamHeader) {
    if let Some(parent) = &header.trace_parent {
        assert!(parent.bytes().all(|b| b.is_ascii_graphic()));
    }
    match &header.target {
        Target::Service {
            namespace,
            name,
            port,
        } => {
            for part in [namespace, name, port] {
                assert!((1..=63).contains(&part.len()));
            }
        }
        Target::Tcp { host, port } => {
            assert!((1..=253).contains(&host.len()) && *port != 0);
            assert!(host.bytes().all(|b| b.is_ascii_graphic()));
        }
        Target::HubApi | Target::KubeApiserver | _ => {}
    }
}

/// Whether a text can stand in a log line.
fn is_printable(text: &str) -> bool {
    !text.contains(char::is_control)
}
