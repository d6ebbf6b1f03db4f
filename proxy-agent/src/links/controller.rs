//! Decides which links a session should have.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tunnel::{Carrier, Packets};

/// What is known of a session's links, and what follows from it.
///
/// It is asked at least once a second. The hub has a new stream begin on the link
/// with the least bulk, and moves bulk to links that are made later.
#[derive(Debug)]
pub(crate) struct Controller {
    /// Whether it may go over to QUIC.
    may_switch: bool,
    known: HashMap<u64, Known>,
    /// What was sent on all TCP links, by both ends, from each of the last looks to the next.
    sent: VecDeque<(Duration, Packets)>,
    /// Since when loss has been measured without a break.
    lossy_since: Option<Duration>,
    lossy_last: Option<Duration>,
    no_switch_before: Duration,
    /// Links under way.
    opening: usize,
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
    /// What this end has sent, and the hub; `None` if that is not known.
    pub(crate) packets: [Option<Packets>; 2],
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
    packets: [Option<Packets>; 2],
    idle_since: Option<Duration>,
}

/// Links over TCP at once while loss is measured.
const MAX_LOSSY: usize = 16;
/// Links over TCP at once otherwise.
const MAX_CLEAN: usize = 4;
/// The time over which loss is measured.
const WINDOW: Duration = Duration::from_secs(10);
/// Fewer packets than this in the window say nothing.
const MIN_SENT: u64 = 200;
/// Nor does what is lost at once: a connection that begins loses some when it
/// has found out how much the path takes.
const MIN_LOSSES: usize = 2;
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
    /// `since_switch` is how long ago the agent last tried to go over to QUIC, in
    /// whichever session.
    pub(crate) fn new(may_switch: bool, since_switch: Option<Duration>) -> Self {
        let pause = since_switch.map(|since| SWITCH_PAUSE.saturating_sub(since));
        Self {
            may_switch,
            known: HashMap::new(),
            sent: VecDeque::new(),
            lossy_since: None,
            lossy_last: None,
            no_switch_before: pause.unwrap_or_default(),
            opening: 0,
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
        if now < self.not_before || tcp.is_empty() {
            return Vec::new();
        }
        if self.opening == 0 && self.should_switch(now) {
            self.no_switch_before = now + SWITCH_PAUSE;
            self.opening = 1;
            return vec![Action::Open(Carrier::Quic)];
        }
        let wanted = self.wanted(&tcp);
        let missing = wanted.saturating_sub(tcp.len() + self.opening);
        if missing > 0 {
            self.opening += missing;
            return vec![Action::Open(Carrier::H2); missing];
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
        self.opening = self.opening.saturating_sub(1);
    }

    /// The link that was to be made could not be.
    pub(crate) fn failed(&mut self, now: Duration) {
        self.opening = self.opening.saturating_sub(1);
        self.not_before = now + RETRY;
    }

    fn measure(&mut self, now: Duration, links: &[Sample]) {
        self.known
            .retain(|id, _| links.iter().any(|link| link.id == *id));
        let mut sent = Packets::default();
        for link in links {
            let known = self.known.entry(link.id).or_default();
            known.idle_since = (link.streams == 0).then(|| known.idle_since.unwrap_or(now));
            for (before, now) in known.packets.iter().zip(&link.packets) {
                if let (Carrier::H2, Some(before), Some(now)) = (link.carrier, before, now) {
                    sent.sent += now.sent.saturating_sub(before.sent);
                    sent.lost += now.lost.saturating_sub(before.lost);
                }
            }
            known.packets = link.packets;
        }
        self.sent.push_back((now, sent));
        let since = now.saturating_sub(WINDOW);
        self.sent.retain(|(at, _)| *at > since || since.is_zero());
        if self.is_lossy() {
            self.lossy_since.get_or_insert(now);
            self.lossy_last = Some(now);
        } else {
            self.lossy_since = None;
        }
    }

    fn is_lossy(&self) -> bool {
        let looks = self.sent.iter().map(|(_, packets)| packets);
        let sent: u64 = looks.clone().map(|look| look.sent).sum();
        let lost: u64 = looks.clone().map(|look| look.lost).sum();
        let losses = looks.filter(|look| look.lost > 0).count();
        sent >= MIN_SENT && losses >= MIN_LOSSES && lost * ONE_IN > sent
    }

    fn should_switch(&self, now: Duration) -> bool {
        let lossy = self
            .lossy_since
            .is_some_and(|since| now.saturating_sub(since) >= LOSSY_FOR);
        self.may_switch && lossy && now >= self.no_switch_before
    }

    /// How many links over TCP would be good to have.
    fn wanted(&self, tcp: &[&Sample]) -> usize {
        let bulk: usize = tcp.iter().map(|link| link.bulk).sum();
        if bulk == 0 {
            return 1;
        }
        if self.is_lossy() {
            // A loss takes a third of what one connection may send: each stream in
            // bulk is to have its own.
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
