use gateway::DialTarget;
use proto::{Decoder, Message as _, StreamHeader, Target};

/// What a header and its framing take at most, with room to spare.
const MAX_HEADER_LEN: usize = 64 * 1024;

/// Targets as they stand in a CONNECT, a role or on a command line.
///
/// What the hub takes reads back as it is written, and the agent takes the
/// stream that is opened for it.
pub fn dial_target(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(target) = text.parse::<DialTarget>() else {
        return;
    };
    assert_eq!(target.to_string().parse(), Ok(target.clone()));
    assert_ne!(target.port(), 0);
    let host = target.host();
    assert!(!host.is_empty() && !host.ends_with('.'));
    assert!(
        !host
            .bytes()
            .any(|b| b.is_ascii_uppercase() || b <= b' ' || b"/@[]".contains(&b))
    );
    let opened = target.to_stream_target();
    check_means(&target, &opened);
    let mut decoder = Decoder::new(MAX_HEADER_LEN);
    decoder.push(&StreamHeader::new(opened.clone()).encode());
    let header: Option<StreamHeader> = decoder.next_message().expect("the agent takes it");
    assert_eq!(header.map(|header| header.target), Some(opened));
}

/// The stream is for what was judged.
fn check_means(target: &DialTarget, opened: &Target) {
    match opened {
        Target::Tcp { host, port } => {
            assert_eq!((host.as_str(), *port), (target.host(), target.port()));
        }
        Target::Service {
            namespace,
            name,
            port,
        } => {
            assert_eq!(format!("{name}.{namespace}.svc"), target.host());
            assert_eq!(*port, target.port().to_string());
        }
        other @ (Target::HubApi | Target::KubeApiserver | _) => {
            panic!("{other} is for no TCP connection")
        }
    }
}
