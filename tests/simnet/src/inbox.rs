use std::collections::BTreeMap;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::Packet;

/// The packets on their way to one socket.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By arrival, those of one moment in their order.
    packets: BTreeMap<(Instant, u64), Packet>,
    count: u64,
    reader: Option<Waker>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Inbox {
    pub(crate) fn put(&self, at: Instant, packet: Packet) {
        let mut state = self.state();
        let number = state.count;
        state.count += 1;
        state.packets.insert((at, number), packet);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Waits for the next packet.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Packet> {
        let mut state = self.state();
        loop {
            let Some(next) = state.packets.first_entry() else {
                state.reader = Some(cx.waker().clone());
                return Poll::Pending;
            };
            let at = next.key().0;
            if at <= Instant::now() {
                return Poll::Ready(next.remove());
            }
            state.reader = Some(cx.waker().clone());
            let timer = state.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if timer.deadline() != at {
                timer.as_mut().reset(at);
            }
            match timer.as_mut().poll(cx) {
                Poll::Ready(()) => state.timer = None,
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
