use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use proto::Control;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::RawStream;
use super::control::{ControlError, ControlStream};
use crate::budget::Share;
use crate::h2::Pulse;
use crate::incoming::{IncomingStream, enqueue, read_header};
use crate::link::{Core, Origin, Step, follow};
use crate::{CloseReason, Packets};

/// What a driver does at either end besides moving its connection's bytes.
pub(crate) struct Duties {
    pub(crate) core: Arc<Core>,
    control: ControlStream,
    /// For a carrier that does not notice a silent peer by itself.
    pulse: Option<Pulse>,
    headers: FuturesUnordered<HeaderRead>,
    lingering: FuturesUnordered<Lingering>,
    arrivals: FuturesUnordered<Arrival>,
    incoming: mpsc::Sender<Box<IncomingStream>>,
    share: Share,
    looks: Looks,
}

/// When to look at the bytes of a carrier that counts them itself: what comes
/// in the meantime may exceed the budget.
#[derive(Debug, Default)]
struct Looks {
    next: Duration,
    pause: Duration,
    seen: u64,
}

/// How a link's end came.
#[derive(Debug)]
pub(crate) enum End {
    /// At once, for this reason.
    Abrupt(CloseReason),
    /// The drain is complete: the last frames may still go out.
    Drained,
}

/// A finished stream on its way out; it keeps its place meanwhile.
type Lingering = Pin<Box<dyn Future<Output = ()> + Send>>;
/// A stream on its way from another link.
type Arrival = Pin<Box<dyn Future<Output = ()> + Send>>;
type HeaderRead = Pin<Box<dyn Future<Output = Option<IncomingStream>> + Send>>;

/// The longest that a draining peer can keep a link.
const MAX_PEER_DRAIN: Duration = Duration::from_secs(600);

/// A link with unread bytes counts them this often even if none come.
const RECOUNT: Duration = Duration::from_secs(1);

/// The pauses between looks at the bytes that have come; with [`FEW`] or less
/// since the last look the next pause is twice as long.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Bytes.
const FEW: u64 = 16 * 1024;

/// Limits in one control message, which stays below half of what may be sent.
const MAX_GRANTS: usize = 1000;

impl Duties {
    pub(crate) fn new(
        core: Arc<Core>,
        control: ControlStream,
        pulse: Option<Pulse>,
        incoming: mpsc::Sender<Box<IncomingStream>>,
    ) -> Self {
        let share = Share::new(Arc::clone(&core.config.process_budget));
        core.meter
            .set_alarm(share.step().min(core.config.unread_budget as u64));
        let (headers, lingering) = (FuturesUnordered::new(), FuturesUnordered::new());
        let arrivals = FuturesUnordered::new();
        Self {
            core,
            control,
            pulse,
            headers,
            lingering,
            arrivals,
            incoming,
            share,
            looks: Looks::default(),
        }
    }

    /// Begins to read the header of a stream that the peer has opened.
    pub(crate) fn take_stream(&mut self, raw: RawStream) {
        self.headers
            .push(Box::pin(read_header(Arc::clone(&self.core), raw)));
    }

    /// Begins to take up a stream of another link that the hub has moved here.
    pub(crate) fn take_move(&mut self, raw: RawStream) {
        let core = Arc::clone(&self.core);
        self.arrivals.push(Box::pin(follow(core, raw)));
    }

    /// Works until the link's end. Cancel-safe.
    pub(crate) async fn run(&mut self) -> End {
        loop {
            let until = match self.core.next_step() {
                Step::Announce(deadline) => {
                    // If it cannot be sent, the connection's own end follows.
                    let _ = self.control.send(&Control::Drain { deadline });
                    continue;
                }
                Step::Tell(reconnect) => {
                    let _ = self.control.send(&Control::Reconnect(reconnect));
                    continue;
                }
                Step::Report(link, Packets { sent, lost }) => {
                    let _ = self.control.send(&Control::Packets { link, sent, lost });
                    continue;
                }
                Step::Close(reason) => return End::Abrupt(reason),
                Step::Over => return End::Drained,
                Step::Wait(until) => until,
            };
            self.keep_lingering();
            self.keep_crossings();
            self.announce_grants();
            let look = self.look();
            if self.core.meter.alarmed() {
                self.enforce_budgets();
            }
            let recount = self.core.meter.now() + RECOUNT;
            tokio::select! {
                () = silent(&mut self.pulse) => return End::Abrupt(CloseReason::Silent),
                message = self.control.next() => {
                    if let Some(reason) = self.hear(message) {
                        return End::Abrupt(reason);
                    }
                }
                Some(stream) = self.headers.next() => {
                    if let Some(stream) = stream {
                        enqueue(&self.incoming, stream);
                    }
                }
                Some(()) = self.lingering.next() => {}
                Some(()) = self.arrivals.next() => {}
                () = self.core.meter.wake.notified() => {}
                () = sleep_until(self.core.meter.instant(until.unwrap_or_default())),
                    if until.is_some() => {}
                () = sleep_until(self.core.meter.instant(look.unwrap_or_default())),
                    if look.is_some() => {}
                () = sleep_until(self.core.meter.instant(recount)), if self.share.is_used() => {
                    self.enforce_budgets();
                }
            }
        }
    }

    /// The link's end when its connection has ended with `reason`, unless
    /// the peer's last message says more.
    pub(crate) fn last_word(&mut self, reason: CloseReason) -> CloseReason {
        match self.run().now_or_never() {
            Some(End::Abrupt(CloseReason::PeerClosed)) | None => reason,
            Some(End::Abrupt(said)) => said,
            Some(End::Drained) => CloseReason::Drained,
        }
    }

    /// Tells the peer that it is not let in after all; nothing follows.
    pub(crate) fn reject(&mut self, message: &str) {
        let message = message.to_owned();
        // A peer that has gone away needs no answer.
        let _ = self
            .control
            .send(&Control::Rejected { message })
            .and_then(|()| self.control.finish());
    }

    /// Waits until the peer has every message that was sent.
    pub(crate) async fn last_messages(self) {
        self.control.last().await;
    }

    fn keep_lingering(&self) {
        for (place, unwritten) in self.core.take_lingering() {
            self.lingering.push(Box::pin(async move {
                // The peer's window was granted, so only a blocked link delays it, and
                // a link that stays blocked is given up.
                unwritten.await;
                drop(place);
            }));
        }
    }

    fn keep_crossings(&self) {
        for crossing in self.core.take_crossings() {
            self.arrivals.push(Box::pin(crossing.come_home()));
        }
    }

    fn hear(&self, message: Result<Control, ControlError>) -> Option<CloseReason> {
        match message {
            Ok(Control::Drain { deadline }) => {
                self.core.drain(deadline.min(MAX_PEER_DRAIN), Origin::Peer);
                None
            }
            Ok(Control::Windows(limits)) => {
                for limit in limits {
                    self.core.unread.grant(limit);
                }
                None
            }
            Ok(Control::Reconnect(reconnect)) => {
                self.core.set_reconnect(reconnect);
                None
            }
            Ok(Control::Packets { link, sent, lost }) => {
                let packets = Packets { sent, lost };
                match link {
                    None => self.core.set_reported(packets),
                    Some(link) => {
                        if let Some(link) = self.core.config.siblings.find(link.get()) {
                            link.set_reported(packets);
                        }
                    }
                }
                None
            }
            Ok(Control::Rejected { message }) => Some(CloseReason::Rejected(message.into())),
            // A second hello changes nothing, and newer peers may say more.
            Ok(_) => None,
            Err(ControlError::Ended) => Some(CloseReason::PeerClosed),
            Err(ControlError::Malformed(error)) => {
                Some(CloseReason::LinkLost(error.to_string().into()))
            }
        }
    }

    /// Tells the peer the new limits of its streams.
    fn announce_grants(&mut self) {
        let grants = self.core.take_grants();
        for grants in grants.chunks(MAX_GRANTS) {
            // If it cannot be sent, the connection's own end follows.
            let _ = self.control.send(&Control::Windows(grants.to_vec()));
        }
    }

    /// Has the meter read when it is time; tells when that is next.
    fn look(&mut self) -> Option<Duration> {
        let core = &self.core;
        if core.opener().keeps_meter() || core.open_streams() == 0 {
            return None;
        }
        let now = core.meter.now();
        let looks = &mut self.looks;
        if now >= looks.next {
            core.opener().read_meter(&core.meter);
            let seen = core.meter.bytes_in();
            looks.pause = if seen - looks.seen > FEW {
                LOOKS.0
            } else {
                (looks.pause * 2).clamp(LOOKS.0, LOOKS.1)
            };
            looks.seen = seen;
            looks.next = now + looks.pause;
        }
        Some(looks.next)
    }

    /// Counts what is unread, and resets the longest-stalled streams while it
    /// exceeds the link's budget or the process's.
    fn enforce_budgets(&mut self) {
        let budget = self.core.config.unread_budget;
        let mut unread = self.core.unread.enforce(budget);
        let excess = self.share.count(unread.bytes as u64);
        if excess > 0 {
            let left = (unread.bytes as u64).saturating_sub(excess);
            let reset = unread.reset;
            unread = self
                .core
                .unread
                .enforce(usize::try_from(left).unwrap_or(usize::MAX));
            unread.reset += reset;
            self.share.count(unread.bytes as u64);
        }
        if unread.reset > 0 {
            tracing::warn!(
                streams = unread.reset,
                "reset stalled streams: too much is unread"
            );
        }
        let room = budget.saturating_sub(unread.bytes).max(budget / 64) as u64;
        self.core.meter.set_alarm(room.min(self.share.step()));
    }
}

/// Returns when a link with a pulse has none any more.
async fn silent(pulse: &mut Option<Pulse>) {
    match pulse {
        Some(pulse) => pulse.silent().await,
        None => std::future::pending().await,
    }
}
