use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use proto::{Hello, Lifecycle, Message as _, Reconnect, StreamHeader, StreamLimit};
use tokio::sync::watch;

use crate::carrier::{Opener, Unwritten};
use crate::diagnosis::Diagnosis;
use crate::meter::Meter;
use crate::stream::Shared;
use crate::{Carrier, CloseReason, LinkConfig, OpenError, Opening, StreamError, StreamInfo};

mod crossing;
mod siblings;
mod unread;

pub(crate) use crossing::{Crossing, follow};
pub use siblings::Siblings;
pub(crate) use unread::UnreadTable;

/// One agent's attachment to one hub; clones are handles to the same link.
#[derive(Clone, Debug)]
pub struct Link {
    core: Arc<Core>,
}

/// A link's figures at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LinkStats {
    /// Streams open, those of both ends together.
    pub open_streams: usize,
    /// Bytes received on the connection, the tunnel's framing included.
    pub bytes_in: u64,
    /// Bytes sent on the connection, the tunnel's framing included.
    pub bytes_out: u64,
}

/// What one end of a connection has sent, in packets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Packets {
    /// All of them, those that were sent again included.
    pub sent: u64,
    /// Those that the network lost.
    pub lost: u64,
}

/// What the handles of a link, its driver and its streams share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: LinkConfig,
    pub(crate) meter: Arc<Meter>,
    pub(crate) unread: UnreadTable,
    /// Limits to tell the peer.
    grants: Mutex<Vec<StreamLimit>>,
    /// Finished streams whose last bytes are still to be written, for the driver to keep.
    lingering: Mutex<Vec<(StreamPlace, Unwritten)>>,
    /// Streams on their way here, for the driver to bring home.
    crossings: Mutex<Vec<Crossing>>,
    opener: Opener,
    peer: Hello,
    state: Mutex<State>,
    status: watch::Sender<Status>,
    /// How the hub says to come back.
    reconnect: watch::Sender<Option<Reconnect>>,
    streams: AtomicUsize,
    /// Bytes by which the streams' windows have grown.
    growth: AtomicU64,
    /// The two ends of a TCP connection's socket, this one's first.
    socket: OnceLock<(SocketAddr, SocketAddr)>,
    /// What the peer says that it has sent.
    reported: Mutex<Option<Packets>>,
}

#[derive(Debug, Default)]
struct State {
    lifecycle: Lifecycle,
    close: Option<CloseReason>,
    /// A drain of this end, of which the peer is yet to be told.
    announce: Option<Duration>,
    /// How the agent is to come back, as it was told last.
    told: Option<Reconnect>,
    /// Whether it is yet to be told so.
    tell: bool,
    /// What this end has sent, of which the peer is yet to be told: on this link,
    /// and on others of the session by their numbers.
    reports: BTreeMap<Option<NonZeroU32>, Packets>,
}

#[derive(Clone, Debug)]
enum Status {
    Closed(CloseReason),
    Draining,
    Open,
}

/// Holds a stream's place among those of its link.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    core: Arc<Core>,
}

/// What the driver has to do next; see [`Core::next_step`].
#[derive(Debug)]
pub(crate) enum Step {
    /// Tell the peer that this end drains.
    Announce(Duration),
    /// Tell the agent how to come back.
    Tell(Reconnect),
    /// Tell the peer what this end has sent, on this link or the one with this number.
    Report(Option<NonZeroU32>, Packets),
    /// End at once.
    Close(CloseReason),
    /// The drain is complete.
    Over,
    /// Look again at this time since the meter's start, or when woken.
    Wait(Option<Duration>),
}

impl Link {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Opens a stream; costs no round trip.
    ///
    /// On the agent's side of HTTP/2 it waits for one of the streams that the
    /// hub keeps ready for it, and on QUIC for the peer to take more streams
    /// than it ever has open. Cancel-safe: dropped, nothing was opened.
    pub async fn open(&self, header: StreamHeader) -> Result<Opening, OpenError> {
        let place = self.core.place()?;
        let target = header.target.clone();
        let header = header.encode();
        let sent = header.len();
        let raw = self.core.opener.open(&self.core, header).await?;
        Ok(Opening::new(place, raw, sent, target))
    }

    /// Refuses new streams from both ends, tells the peer, and ends the link
    /// when the open streams have ended, at the latest after `deadline`.
    pub fn drain(&self, deadline: Duration) {
        self.core.drain(deadline, Origin::Here);
    }

    /// Ends the link at once; its streams fail at both ends.
    pub fn close(&self, reason: CloseReason) {
        self.core.state().close.get_or_insert(reason);
        self.core.meter.wake.notify_one();
    }

    /// Waits for the link's end. Cancel-safe.
    pub async fn closed(&self) -> CloseReason {
        let mut status = self.core.status.subscribe();
        loop {
            if let Status::Closed(reason) = &*status.borrow_and_update() {
                return reason.clone();
            }
            if status.changed().await.is_err() {
                return CloseReason::Aborted;
            }
        }
    }

    /// Waits until the link takes no new streams: it drains or is over. Cancel-safe.
    pub async fn draining(&self) {
        let mut status = self.core.status.subscribe();
        // An error means that the link is gone, which is as good as over.
        let _ = status
            .wait_for(|status| !matches!(status, Status::Open))
            .await;
    }

    /// Whether a new stream can be opened, limits aside.
    pub fn takes_streams(&self) -> bool {
        let state = self.core.state();
        state.close.is_none() && state.lifecycle.takes_streams()
    }

    /// The link's figures now.
    pub fn stats(&self) -> LinkStats {
        self.core.opener.read_meter(&self.core.meter);
        LinkStats {
            open_streams: self.core.open_streams(),
            bytes_in: self.core.meter.bytes_in(),
            bytes_out: self.core.meter.bytes_out(),
        }
    }

    /// What this end has sent in packets. Over TCP the system is asked, about
    /// the socket that [`Self::set_socket`] has named; `None` if it cannot say.
    pub fn packets(&self) -> Option<Packets> {
        if let Some(packets) = self.core.opener.packets() {
            return Some(packets);
        }
        let (local, remote) = *self.core.socket.get()?;
        Diagnosis::shared()?.packets(local, remote).ok()
    }

    /// Says between which two addresses its TCP connection is, this end's first.
    pub fn set_socket(&self, local: SocketAddr, remote: SocketAddr) {
        let _ = self.core.socket.set((local, remote));
    }

    /// What the peer has sent in packets, as it has said last.
    pub fn peer_packets(&self) -> Option<Packets> {
        *self.core.reported()
    }

    /// Tells the agent by this link what the hub has sent in packets on `link`, if
    /// that is known.
    pub(crate) fn report_packets(&self, link: &Self) {
        let number = link.core.peer.link.filter(|_| !self.is(link));
        if number.is_none() && !self.is(link) {
            return;
        }
        if let Some(packets) = link.packets() {
            self.core.state().reports.insert(number, packets);
            self.core.meter.wake.notify_one();
        }
    }

    /// What carries it.
    pub fn carrier(&self) -> Carrier {
        self.core.opener.carrier()
    }

    /// How long nothing has been heard from the peer.
    pub fn silent_for(&self) -> Duration {
        let meter = &self.core.meter;
        self.core.opener.read_meter(meter);
        meter.now().saturating_sub(meter.heard())
    }

    /// The streams that are open now, at most so many, oldest first.
    pub fn streams(&self, most: usize) -> Vec<StreamInfo> {
        self.core.unread.streams(most)
    }

    /// Streams that have moved more than 16 KiB in the last second or so; at
    /// most 0.2 s old.
    pub fn bulk_streams(&self) -> usize {
        self.core.unread.bulk_streams(self.core.meter.now())
    }

    /// Takes over a stream of another link of the session, as the hub, if both
    /// can be; it goes on while it moves.
    pub(crate) fn take_over(&self, stream: &Arc<Shared>) -> bool {
        crossing::begin(stream, &self.core)
    }

    /// The streams that move much.
    pub(crate) fn in_bulk(&self) -> Vec<Arc<Shared>> {
        self.core.unread.in_bulk()
    }

    /// What the peer said of itself.
    pub fn peer(&self) -> &Hello {
        &self.core.peer
    }

    /// How the hub says to come back, now and later; `None` until it does.
    pub fn reconnect(&self) -> watch::Receiver<Option<Reconnect>> {
        self.core.reconnect.subscribe()
    }

    /// Tells the agent how to come back, unless this is what it was told last.
    pub fn tell_reconnect(&self, reconnect: Reconnect) {
        let mut state = self.core.state();
        if state.told.as_ref() == Some(&reconnect) {
            return;
        }
        state.told = Some(reconnect);
        state.tell = true;
        drop(state);
        self.core.meter.wake.notify_one();
    }

    /// Whether the two are handles to the same link.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}

/// Which end began a drain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    Here,
    Peer,
}

impl Core {
    pub(crate) fn new(
        config: LinkConfig,
        meter: Arc<Meter>,
        opener: Opener,
        peer: Hello,
    ) -> Arc<Self> {
        let reconnect = watch::Sender::new(peer.reconnect.clone());
        let state = State {
            told: config.hello.reconnect.clone(),
            ..State::default()
        };
        let core = Arc::new(Self {
            config,
            meter,
            unread: UnreadTable::default(),
            grants: Mutex::default(),
            lingering: Mutex::default(),
            crossings: Mutex::default(),
            opener,
            peer,
            state: Mutex::new(state),
            status: watch::Sender::new(Status::Open),
            reconnect,
            streams: AtomicUsize::new(0),
            growth: AtomicU64::new(0),
            socket: OnceLock::new(),
            reported: Mutex::default(),
        });
        core.config.siblings.add(&core);
        core
    }

    /// A place for one more stream, or why there is none.
    pub(crate) fn place(self: &Arc<Self>) -> Result<StreamPlace, OpenError> {
        if let Status::Closed(reason) = &*self.status.borrow() {
            return Err(StreamError::Closed(reason.clone()).into());
        }
        if !self.state().lifecycle.takes_streams() {
            return Err(OpenError::Draining);
        }
        let limit = self.config.max_streams;
        let taken = self.streams.fetch_add(1, Relaxed);
        let place = StreamPlace {
            core: Arc::clone(self),
        };
        if taken >= limit {
            self.config.counters.note_stream_limit();
            Err(OpenError::StreamLimit { limit })
        } else {
            if taken == 0 {
                self.config.siblings.note_busy();
            }
            Ok(place)
        }
    }

    pub(crate) fn drain(&self, deadline: Duration, origin: Origin) {
        {
            let mut state = self.state();
            state.lifecycle.drain(self.meter.now(), deadline);
            if origin == Origin::Here {
                state.announce = Some(deadline);
            }
        }
        self.status.send_if_modified(|status| {
            let open = matches!(status, Status::Open);
            if open {
                *status = Status::Draining;
            }
            open
        });
        self.meter.wake.notify_one();
    }

    /// Advances the link's life cycle.
    pub(crate) fn next_step(&self) -> Step {
        let mut state = self.state();
        if let Some(reason) = state.close.clone() {
            return Step::Close(reason);
        }
        if let Some(deadline) = state.announce.take() {
            return Step::Announce(deadline);
        }
        if std::mem::take(&mut state.tell)
            && let Some(reconnect) = state.told.clone()
        {
            return Step::Tell(reconnect);
        }
        if let Some((link, packets)) = state.reports.pop_first() {
            return Step::Report(link, packets);
        }
        if state.lifecycle.poll(self.meter.now(), self.open_streams()) {
            return Step::Over;
        }
        match state.lifecycle.phase() {
            proto::Phase::Draining(until) => Step::Wait(Some(until)),
            proto::Phase::Open | proto::Phase::Over => Step::Wait(None),
        }
    }

    /// The hub has said how to come back.
    pub(crate) fn set_reconnect(&self, reconnect: Reconnect) {
        self.reconnect.send_replace(Some(reconnect));
    }

    /// The peer has said what it has sent.
    pub(crate) fn set_reported(&self, packets: Packets) {
        *self.reported() = Some(packets);
    }

    fn reported(&self) -> MutexGuard<'_, Option<Packets>> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the link's end, unless one is known; returns the one that counts.
    pub(crate) fn set_closed(&self, reason: CloseReason) -> CloseReason {
        let mut result = reason.clone();
        self.status.send_if_modified(|status| match status {
            Status::Closed(known) => {
                result = known.clone();
                false
            }
            Status::Draining | Status::Open => {
                *status = Status::Closed(reason);
                true
            }
        });
        self.opener.close(&result);
        drop(self.take_lingering());
        drop(self.take_crossings());
        result
    }

    /// Why streams of this link fail, as far as it is known now.
    pub(crate) fn close_reason(&self, otherwise: impl FnOnce() -> CloseReason) -> CloseReason {
        match &*self.status.borrow() {
            Status::Closed(reason) => reason.clone(),
            Status::Draining | Status::Open => self.state().close.clone().unwrap_or_else(otherwise),
        }
    }

    /// Keeps a finished stream, and its place, until its last bytes are written.
    pub(crate) fn linger(self: &Arc<Self>, unwritten: Unwritten) {
        self.streams.fetch_add(1, Relaxed);
        let place = StreamPlace {
            core: Arc::clone(self),
        };
        self.lingering
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((place, unwritten));
        if let Status::Closed(_) = &*self.status.borrow() {
            // No driver will come for it.
            drop(self.take_lingering());
        }
        self.meter.wake.notify_one();
    }

    /// Bytes by which windows may still grow. Streams that ask at the same
    /// moment may together exceed it by one step each.
    pub(crate) fn growth_room(&self) -> u64 {
        self.config
            .window_growth
            .saturating_sub(self.growth.load(Relaxed))
    }

    /// A stream's window has grown from `before` to `after` above the initial one.
    pub(crate) fn note_growth(&self, before: u64, after: u64) {
        if after >= before {
            self.growth.fetch_add(after - before, Relaxed);
        } else {
            self.growth.fetch_sub(before - after, Relaxed);
        }
    }

    /// Has the driver tell the peer how far it may send on a stream.
    pub(crate) fn grant(&self, limit: StreamLimit) {
        self.grants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(limit);
        self.meter.wake.notify_one();
    }

    /// The limits to tell, for the driver.
    pub(crate) fn take_grants(&self) -> Vec<StreamLimit> {
        std::mem::take(&mut *self.grants.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The streams to keep, for the driver.
    pub(crate) fn take_lingering(&self) -> Vec<(StreamPlace, Unwritten)> {
        std::mem::take(
            &mut *self
                .lingering
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Whether the link has ended.
    pub(crate) fn is_over(&self) -> bool {
        matches!(&*self.status.borrow(), Status::Closed(_))
    }

    pub(crate) fn opener(&self) -> &Opener {
        &self.opener
    }

    pub(crate) fn open_streams(&self) -> usize {
        self.streams.load(Relaxed)
    }

    /// No code panics while it holds this lock, and each leaves a whole state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamPlace {
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let left = self.core.streams.fetch_sub(1, Relaxed) - 1;
        if left == 0 {
            self.core.meter.wake.notify_one();
        }
    }
}
