use std::future::Future;
use std::time::Duration;

use proto::Hello;
use tokio::io::{DuplexStream, duplex};
use tokio::runtime;
use tokio::time::{Instant, timeout};
use tunnel::{Driver, HandshakeError, Incoming, Link, LinkConfig};

use crate::bytes_peer::{BytesPeer, MAX_PLAY};
use crate::input::Input;
use crate::quic_peer::{QuicPair, QuicPeer};
use crate::script::{self, MAX_SCRIPT};
use crate::streams_peer::{RogueAgent, RogueHub};
use crate::user::use_session;

/// The hub's end of a session whose peer sends any bytes.
///
/// The handshake ends within its timeout, and what comes of it within the
/// bounds of its liveness, without a panic and with nothing left over. The
/// same holds where the hub does no more than tell an agent why it is refused.
pub fn hub_session(data: &[u8]) {
    let mut input = Input::new(data);
    let rejects = input.byte() % 4 == 3;
    let peer = BytesPeer::new(input);
    on_paused_clock(MAX_PLAY, async {
        let (near, far) = duplex(PIPE);
        let ours = async {
            if rejects {
                let limit = Duration::from_secs(5);
                within(limit, tunnel::h2::reject(near, "no")).await;
            } else {
                attend(|config| tunnel::h2::hub(near, config)).await;
            }
        };
        tokio::select! { () = ours => {}, () = peer.play(far) => {} }
    });
}

/// The agent's end of a session whose peer sends any bytes; see [`hub_session`].
pub fn agent_session(data: &[u8]) {
    let peer = BytesPeer::new(Input::new(data));
    on_paused_clock(MAX_PLAY, async {
        let (near, far) = duplex(PIPE);
        let ours = attend(|config| tunnel::h2::agent(near, config));
        tokio::select! { () = ours => {}, () = peer.play(far) => {} }
    });
}

/// The hub's end of a session whose peer speaks HTTP/2 and says hello, and
/// then does anything on the session's streams; see [`hub_session`].
pub fn hub_streams(data: &[u8]) {
    play(data, tunnel::h2::hub, RogueAgent::play);
}

/// The agent's end of such a session; see [`hub_streams`].
pub fn agent_streams(data: &[u8]) {
    play(data, tunnel::h2::agent, RogueHub::play);
}

/// The hub's end of a session over QUIC whose agent says hello, and then does
/// anything on the session's streams and with the connection; see [`hub_session`].
pub fn hub_quic(data: &[u8]) {
    let (falls_silent, mut input) = manner(data);
    on_paused_clock(MAX_SCRIPT, async {
        let pair = QuicPair::connect(&config()).await;
        let peer = QuicPeer::new(pair.agent, &mut input);
        let theirs = peer.play_agent(script::steps(input));
        let theirs = end(theirs, &pair.network, falls_silent);
        beside(attend(|config| tunnel::quic::hub(pair.hub, config)), theirs).await;
    });
}

/// The agent's end of such a session; see [`hub_quic`].
pub fn agent_quic(data: &[u8]) {
    let (falls_silent, mut input) = manner(data);
    on_paused_clock(MAX_SCRIPT, async {
        let pair = QuicPair::connect(&config()).await;
        let peer = QuicPeer::new(pair.hub, &mut input);
        let theirs = peer.play_hub(script::steps(input));
        let theirs = end(theirs, &pair.network, falls_silent);
        let ours = attend(|config| tunnel::quic::agent(pair.agent, config));
        beside(ours, theirs).await;
    });
}

/// Whether the peer's last word is none, and what else is given.
fn manner(data: &[u8]) -> (bool, Input<'_>) {
    let mut input = Input::new(data);
    (input.byte() % 2 == 1, input)
}

/// Ends what a peer has done: with its farewell, or with nothing more.
async fn end(
    peer: impl Future<Output = QuicPeer>,
    network: &simnet::Network,
    falls_silent: bool,
) -> QuicPeer {
    let peer = Box::pin(peer).await;
    if falls_silent {
        network.fall_silent();
    } else {
        peer.leave();
    }
    peer
}

/// Runs this end to its end, whatever becomes of the peer.
async fn beside<T>(ours: impl Future<Output = ()>, theirs: impl Future<Output = T>) {
    let mut ours = Box::pin(ours);
    let _peer = tokio::select! {
        () = &mut ours => return,
        peer = theirs => peer,
    };
    ours.await;
}

/// What this end may need beyond its peer's part: a handshake, a silence until
/// the link is given up, the last frames, and some room.
const SLACK: Duration = Duration::from_secs(40);
/// Bytes on their way in each direction.
const PIPE: usize = 16 * 1024;

fn play<H, P, R>(
    data: &[u8],
    handshake: impl FnOnce(DuplexStream, LinkConfig) -> H,
    peer: impl FnOnce(DuplexStream, Vec<script::Step>) -> P,
) where
    H: Future<Output = Result<(Link, Incoming, Driver), HandshakeError>>,
    P: Future<Output = R>,
{
    let mut input = Input::new(data);
    let falls_silent = input.byte() % 2 == 1;
    let steps = script::steps(input);
    on_paused_clock(MAX_SCRIPT, async {
        let (near, far) = duplex(PIPE);
        let ours = attend(|config| handshake(near, config));
        let theirs = async {
            let peer = Box::pin(peer(far, steps)).await;
            if !falls_silent {
                drop(peer);
                return;
            }
            std::future::pending().await
        };
        tokio::pin!(ours);
        tokio::select! {
            () = &mut ours => return,
            () = theirs => {}
        }
        ours.await;
    });
}

/// Makes a session and uses it to its end.
async fn attend<H>(handshake: impl FnOnce(LinkConfig) -> H)
where
    H: Future<Output = Result<(Link, Incoming, Driver), HandshakeError>>,
{
    let config = config();
    let limit = config.handshake_timeout;
    if let Ok(parts) = within(limit, handshake(config)).await {
        Box::pin(use_session(parts)).await;
    }
}

/// Small limits, so that short inputs reach them.
fn config() -> LinkConfig {
    LinkConfig {
        max_streams: 8,
        max_stream_window: 4096,
        unread_budget: 16 * 1024,
        accept_backlog: 2,
        ..LinkConfig::new(Hello::new("fuzz"))
    }
}

/// Awaits what must be done by `limit`; a timer may be a millisecond late.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = Box::pin(work).await;
    let late = start.elapsed().saturating_sub(limit);
    assert!(late <= Duration::from_millis(2), "{late:?} over {limit:?}");
    result
}

/// Runs on a clock that jumps to the next timer when nothing else can happen,
/// so that what would hang is seen at once.
fn on_paused_clock(peer: Duration, work: impl Future<Output = ()>) {
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without IO needs nothing of the system");
    let limit = peer + SLACK;
    runtime.block_on(async {
        let in_time = timeout(limit, Box::pin(work)).await;
        assert!(in_time.is_ok(), "not over after {limit:?}");
    });
}
