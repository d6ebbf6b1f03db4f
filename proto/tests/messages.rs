//! What the codec promises for every message and every byte string.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proto::{
    Answer, Control, Credential, Decoder, Hello, HubApiServer, Message, MessageError, Reconnect,
    Refusal,
};
use proto::{RefusalReason, SessionKey, StreamHeader, StreamLimit, StreamMove};
use proto::{Target, TargetError};
use rand::SeedableRng;
use rand::rngs::SmallRng;

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        Just(Target::HubApi),
        Just(Target::KubeApiserver),
        ("[a-z0-9.:-]{1,253}", 1..=u16::MAX).prop_map(|(host, port)| Target::Tcp { host, port }),
        ("[a-z0-9-]{1,63}", "[a-z0-9-]{1,63}", "[a-z0-9-]{1,15}").prop_map(
            |(namespace, name, port)| Target::Service {
                namespace,
                name,
                port
            }
        ),
    ]
}

fn header() -> impl Strategy<Value = StreamHeader> {
    let deadline = prop::option::of((1..u32::MAX).prop_map(|ms| Duration::from_millis(ms.into())));
    let trace_parent = prop::option::of("[0-9a-f-]{1,55}");
    (target(), deadline, trace_parent).prop_map(|(target, deadline, trace_parent)| StreamHeader {
        target,
        deadline,
        trace_parent,
    })
}

fn control() -> impl Strategy<Value = Control> {
    prop_oneof![
        any::<u32>().prop_map(|ms| Control::Drain {
            deadline: Duration::from_millis(ms.into())
        }),
        "[ -~]{0,1024}".prop_map(|message| Control::Rejected { message }),
        prop::collection::vec((any::<u64>(), any::<u64>()), 0..100).prop_map(|windows| {
            let limit = |(stream, limit)| StreamLimit { stream, limit };
            Control::Windows(windows.into_iter().map(limit).collect())
        }),
        reconnect().prop_map(Control::Reconnect),
        any::<(u32, u64, u64)>().prop_map(|(link, sent, lost)| Control::Packets {
            link: NonZeroU32::new(link),
            sent,
            lost,
        }),
        (
            "[ -~]{0,64}",
            prop::collection::vec("[a-z]{1,64}", 0..64),
            prop::option::of(any::<u64>()),
            prop::option::of(reconnect()),
            any::<u32>(),
            prop::option::of("[!-~]{1,64}"),
            prop::option::of(hub_api()),
            prop::option::of("[0-9a-f]{1,64}"),
        )
            .prop_map(
                |(software_version, features, key, reconnect, link, token, hub_api, life)| {
                    Control::Hello(Hello {
                        incarnation: life.map(Arc::from),
                        hub_api: hub_api.map(Arc::new),
                        credential: token.and_then(|token| Credential::new(&token)),
                        features,
                        link: NonZeroU32::new(link),
                        session_key: key
                            .map(|seed| SessionKey::random(&mut SmallRng::seed_from_u64(seed))),
                        reconnect,
                        ..Hello::new(software_version)
                    })
                }
            ),
    ]
}

fn hub_api() -> impl Strategy<Value = HubApiServer> {
    let authority = prop::collection::vec(any::<u8>(), 0..1000);
    let authorities = prop::collection::vec(authority.prop_map(Bytes::from), 1..16);
    ("[a-z0-9.]{1,253}", authorities).prop_map(|(server_name, authorities)| HubApiServer {
        server_name,
        authorities,
    })
}

fn reconnect() -> impl Strategy<Value = Reconnect> {
    let hubs = prop::collection::vec("[a-z0-9.]{1,253}:[0-9]{1,5}", 0..16);
    (hubs, 0_u64..600_000).prop_map(|(hubs, spread)| Reconnect {
        hubs,
        spread: Duration::from_millis(spread),
    })
}

/// Decodes `bytes` cut into pieces of `piece` bytes.
fn decode_in_pieces<M: Message>(bytes: &[u8], piece: usize) -> Result<Option<M>, MessageError> {
    let mut decoder = Decoder::new(64 * 1024);
    for piece in bytes.chunks(piece) {
        decoder.push(piece);
        if let Some(message) = decoder.next_message()? {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

proptest! {
    #[test]
    fn a_header_survives_the_wire_however_it_is_cut(header in header(), piece in 1_usize..64) {
        prop_assert_eq!(decode_in_pieces(&header.encode(), piece), Ok(Some(header)));
    }

    #[test]
    fn a_control_message_survives_the_wire(control in control(), piece in 1_usize..64) {
        prop_assert_eq!(decode_in_pieces(&control.encode(), piece), Ok(Some(control)));
    }

    #[test]
    fn a_move_survives_the_wire(link: u32, stream: u64, piece in 1_usize..64) {
        let sent = StreamMove { link, stream };
        prop_assert_eq!(decode_in_pieces(&sent.encode(), piece), Ok(Some(sent)));
    }

    #[test]
    fn data_behind_a_message_is_given_back_whole(header in header(), data: Vec<u8>) {
        let mut decoder = Decoder::new(64 * 1024);
        decoder.push(&header.encode());
        decoder.push(&data);
        prop_assert_eq!(decoder.next_message(), Ok(Some(header)));
        prop_assert_eq!(decoder.into_rest(), data);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, piece in 1_usize..16) {
        let _ = decode_in_pieces::<StreamHeader>(&bytes, piece);
        let _ = decode_in_pieces::<Answer>(&bytes, piece);
        let _ = decode_in_pieces::<Control>(&bytes, piece);
        let _ = decode_in_pieces::<StreamMove>(&bytes, piece);
    }
}

#[test]
fn every_refusal_keeps_its_reason() {
    for reason in [
        RefusalReason::Busy,
        RefusalReason::DialFailed,
        RefusalReason::DialTimeout,
        RefusalReason::Draining,
        RefusalReason::Forbidden,
        RefusalReason::Malformed,
        RefusalReason::NotFound,
        RefusalReason::Unsupported,
    ] {
        let answer = Answer::Refused(Refusal::new(reason, "why"));
        assert_eq!(decode_in_pieces(&answer.encode(), 1), Ok(Some(answer)));
    }
}

#[test]
fn a_header_of_ten_mebibytes_is_refused_at_its_length() {
    let mut decoder = Decoder::new(64 * 1024);
    // The varint of 10 MiB; no byte of the body has come.
    decoder.push(&[0x80, 0x80, 0x80, 0x05]);
    let refused = MessageError::TooLong {
        len: 10 << 20,
        limit: 64 * 1024,
    };
    assert_eq!(decoder.next_message::<StreamHeader>(), Err(refused));
}

#[test]
fn a_length_without_end_is_malformed() {
    let mut decoder = Decoder::new(64 * 1024);
    decoder.push(&[0xff; 10]);
    assert_eq!(
        decoder.next_message::<StreamHeader>(),
        Err(MessageError::Length)
    );
}

#[test]
fn unknown_fields_of_a_newer_peer_are_ignored() {
    let header = StreamHeader::new(Target::KubeApiserver);
    let mut body = header.encode_body();
    // Field 1000, a string: "new".
    body.extend_from_slice(&[0xc2, 0x3e, 3, b'n', b'e', b'w']);
    assert_eq!(StreamHeader::decode_body(body.into()), Ok(header));
    // The same as a control message: a kind that this version does not know.
    let body = vec![0xc2, 0x3e, 3, b'n', b'e', b'w'];
    assert_eq!(Control::decode_body(body.into()), Ok(Control::Unknown));
}

#[test]
fn a_target_of_a_newer_peer_is_refused_by_name() {
    let refused = StreamHeader::decode_body(vec![0xc2, 0x3e, 0].into());
    assert_eq!(refused, Err(MessageError::Target(TargetError::Unknown)));
}

#[test]
fn a_peers_texts_bring_no_control_characters_along() {
    let refusal = Refusal::new(RefusalReason::Forbidden, "first\nsecond\u{1b}[2J");
    let answer = Answer::decode_body(Answer::Refused(refusal).encode_body().into());
    let Ok(Answer::Refused(refusal)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(refusal.message, "firstsecond[2J");
    let header = StreamHeader::new(Target::Service {
        namespace: "a\nb".to_owned(),
        name: "web".to_owned(),
        port: "80".to_owned(),
    });
    let decoded = StreamHeader::decode_body(header.encode_body().into());
    let refused = TargetError::Service("namespace");
    assert_eq!(decoded, Err(MessageError::Target(refused)));
}

#[test]
fn targets_that_no_one_could_dial_are_refused() {
    for (host, port) in [
        ("", 80),
        ("a b", 80),
        ("a/b", 80),
        ("user@host", 80),
        ("a\u{7f}", 80),
    ] {
        let header = StreamHeader::new(Target::Tcp {
            host: host.to_owned(),
            port,
        });
        let decoded = StreamHeader::decode_body(header.encode_body().into());
        assert!(
            matches!(decoded, Err(MessageError::Target(TargetError::Host(_)))),
            "{host:?}"
        );
    }
    let header = StreamHeader::new(Target::Tcp {
        host: "host".to_owned(),
        port: 0,
    });
    let decoded = StreamHeader::decode_body(header.encode_body().into());
    assert_eq!(decoded, Err(MessageError::Target(TargetError::Port(0))));
}
