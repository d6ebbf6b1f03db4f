use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use h2::{Ping, PingPong};
use proto::{Liveness, LivenessAction};
use tokio::time::sleep_until;

use crate::LinkConfig;
use crate::meter::Meter;

/// Pings a silent peer.
pub(crate) struct Pulse {
    state: Liveness,
    meter: Arc<Meter>,
    ping: Option<PingPong>,
}

impl Pulse {
    pub(crate) fn new(config: &LinkConfig, meter: Arc<Meter>, ping: Option<PingPong>) -> Self {
        let state = Liveness::new(config.ping_after, config.ping_timeout, meter.heard());
        Self { state, meter, ping }
    }

    /// Returns when the peer is gone. Cancel-safe.
    pub(crate) async fn silent(&mut self) {
        while let Some(next) = self.beat() {
            sleep_until(self.meter.instant(next)).await;
        }
    }

    /// Does what is due and tells when to come again; `None`: the peer is gone.
    fn beat(&mut self) -> Option<Duration> {
        self.state.heard(self.meter.heard());
        match self.state.poll(self.meter.now()) {
            LivenessAction::GiveUp => None,
            LivenessAction::Ping(next) => {
                self.send_ping();
                Some(next)
            }
            LivenessAction::Wait(next) => Some(next),
        }
    }

    fn send_ping(&mut self) {
        let Some(ping) = &mut self.ping else { return };
        // Bytes of any kind count as an answer, so the last pong may not have been taken yet.
        let _ = std::future::poll_fn(|cx| ping.poll_pong(cx)).now_or_never();
        // It fails only when the connection has ended, which its future reports.
        let _ = ping.send_ping(Ping::opaque());
    }
}
