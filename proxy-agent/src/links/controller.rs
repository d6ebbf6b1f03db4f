//! Decides which links a session should have.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tunnel::{Carrier, Packets};

/// What is known of a session's links, and what follows from it.
///
/// It is asked once a second. A stream stays on the link where it began, so
/// that what it decides is for the streams to come.
#[derive(Debug)]
pub(crate) struct Controller {
    /// Whether it may go over to QUIC.
    may_switch: bool,
    known: HashMap<u64, Known>,
    /// What was sent on all TCP links in each of the last seconds.
    sent: VecDeque<Packets>,
    /// Since when loss has been measured without a break.
    lossy_since: Option<Duration>,
    lossy_last: Option<Duration>,
    switch_tried: Option<Duration>,
    opens: bool,
    not_before: Duration,
}

/// One link as it is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// No two of a session have the same; older links have lower ones.
    pub(crate) id: u64,
    pub(crate) carrier: Carrier,
    pub(crate) takes_streams: bool,
    pub(crate) streams: usize,
    /// Those of them that move much.
    pub(crate) bulk: usize,
    /// What this end has sent; `None` if that cannot be known.
    pub(crate) packets: Option<Packets>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// Let the link's streams end, and it with them.
    Drain(u64),
    /// Make a further link, and tell what became of it.
    Open(Carrier),
}

#[derive(Debug, Default)]
struct Known {
    packets: Option<Packets>,
    idle_since: Option<Duration>,
}

/// Links over TCP at once while loss is measured.
const MAX_LOSSY: usize = 16;
/// Links over TCP at once otherwise.
const MAX_CLEAN: usize = 4;
/// The seconds over which loss is measured.
const WINDOW: usize = 10;
/// Fewer packets than this in the window say nothing.
const MIN_SENT: u64 = 500;
/// Loss is measured where more than one packet in so many was sent again.
const ONE_IN: u64 = 200;
/// Loss for so long makes QUIC the better carrier.
const LOSSY_FOR: Duration = Duration::from_secs(30);
/// Between two attempts to go over to QUIC.
const SWITCH_PAUSE: Duration = Duration::from_secs(300);
/// How long further links are kept after the last loss.
const KEEP_AFTER_LOSS: Duration = Duration::from_secs(300);
/// How long a further link without streams is kept otherwise.
const KEEP_IDLE: Duration = Duration::from_secs(60);
/// After a link that could not be made.
const RETRY: Duration = Duration::from_secs(30);

impl Controller {
    pub(crate) fn new(may_switch: bool) -> Self {
        Self {
            may_switch,
            known: HashMap::new(),
            sent: VecDeque::new(),
            lossy_since: None,
            lossy_last: None,
            switch_tried: None,
            opens: false,
            not_before: Duration::ZERO,
        }
    }

    /// What to do at `now`, a time since any fixed moment.
    pub(crate) fn tick(&mut self, now: Duration, links: &[Sample]) -> Vec<Action> {
        self.measure(now, links);
        let live: Vec<&Sample> = links.iter().filter(|link| link.takes_streams).collect();
        let tcp: Vec<&Sample> = live
            .iter()
            .copied()
            .filter(|link| link.carrier == Carrier::H2)
            .collect();
        if tcp.len() < live.len() {
            // Over QUIC no stream is in another's way. The hub opens none on the
            // others any more, and those on them finish there.
            let surplus = tcp.iter().filter(|link| link.streams == 0);
            return surplus.map(|link| Action::Drain(link.id)).collect();
        }
        if self.opens || now < self.not_before {
            return Vec::new();
        }
        if self.should_switch(now) && !tcp.is_empty() {
            self.switch_tried = Some(now);
            self.opens = true;
            return vec![Action::Open(Carrier::Quic)];
        }
        let wanted = self.wanted(&tcp);
        if !tcp.is_empty() && tcp.len() < wanted {
            self.opens = true;
            return vec![Action::Open(Carrier::H2)];
        }
        let surplus = tcp.len().saturating_sub(wanted);
        let oldest = tcp.iter().map(|link| link.id).min();
        tcp.iter()
            .filter(|link| Some(link.id) != oldest && self.has_no_use(now, link.id))
            .take(surplus)
            .map(|link| Action::Drain(link.id))
            .collect()
    }

    /// The link that was to be made is there.
    pub(crate) fn opened(&mut self) {
        self.opens = false;
    }

    /// The link that was to be made could not be.
    pub(crate) fn failed(&mut self, now: Duration) {
        self.opens = false;
        self.not_before = now + RETRY;
    }

    fn measure(&mut self, now: Duration, links: &[Sample]) {
        self.known
            .retain(|id, _| links.iter().any(|link| link.id == *id));
        let mut sent = Packets::default();
        for link in links {
            let known = self.known.entry(link.id).or_default();
            known.idle_since = (link.streams == 0).then(|| known.idle_since.unwrap_or(now));
            if let (Carrier::H2, Some(before), Some(packets)) =
                (link.carrier, known.packets, link.packets)
            {
                sent.sent += packets.sent.saturating_sub(before.sent);
                sent.lost += packets.lost.saturating_sub(before.lost);
            }
            known.packets = link.packets;
        }
        self.sent.push_back(sent);
        if self.sent.len() > WINDOW {
            self.sent.pop_front();
        }
        if self.is_lossy() {
            self.lossy_since.get_or_insert(now);
            self.lossy_last = Some(now);
        } else {
            self.lossy_since = None;
        }
    }

    fn is_lossy(&self) -> bool {
        let sent: u64 = self.sent.iter().map(|second| second.sent).sum();
        let lost: u64 = self.sent.iter().map(|second| second.lost).sum();
        sent >= MIN_SENT && lost * ONE_IN > sent
    }

    fn should_switch(&self, now: Duration) -> bool {
        let lossy = self
            .lossy_since
            .is_some_and(|since| now.saturating_sub(since) >= LOSSY_FOR);
        let paused = self
            .switch_tried
            .is_some_and(|tried| now.saturating_sub(tried) < SWITCH_PAUSE);
        self.may_switch && lossy && !paused
    }

    /// How many links over TCP would be good to have.
    fn wanted(&self, tcp: &[&Sample]) -> usize {
        let bulk: usize = tcp.iter().map(|link| link.bulk).sum();
        if bulk == 0 {
            return 1;
        }
        if self.is_lossy() {
            // A loss halves what one connection may send: each stream in bulk
            // is to have its own.
            return (bulk + 1).min(MAX_LOSSY);
        }
        // One is to be free of bulk, for what is small and in a hurry.
        let busy = tcp.iter().filter(|link| link.bulk > 0).count();
        (busy + 1).min(MAX_CLEAN)
    }

    fn has_no_use(&self, now: Duration, id: u64) -> bool {
        let after_loss = self
            .lossy_last
            .is_none_or(|last| now.saturating_sub(last) >= KEEP_AFTER_LOSS);
        let idle = self.known.get(&id).and_then(|known| known.idle_since);
        after_loss && idle.is_some_and(|since| now.saturating_sub(since) >= KEEP_IDLE)
    }
}

#[cfg(test)]
mod tests;
