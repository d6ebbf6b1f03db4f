use std::time::Duration;

/// The receiving end of a stream's flow control: how far its sender may go.
///
/// It starts small and grows only while the reader keeps up with a sender that
/// uses all it is given; a reader that falls behind gets less again. What a
/// stream can hold unread is never more than [`Self::size`].
#[derive(Clone, Debug)]
pub struct ReceiveWindow {
    max: u64,
    size: u64,
    read: u64,
    limit: u64,
    granted: Duration,
}

/// The sending end of a stream's flow control.
#[derive(Clone, Copy, Debug)]
pub struct SendWindow {
    sent: u64,
    limit: u64,
}

/// What every stream may carry before its receiver has granted more, in bytes.
pub const INITIAL_WINDOW: u32 = 256 * 1024;

/// Half a window read in less than this means that the window, not the sender,
/// set the pace, on any path with a round trip up to it.
const IN_DEMAND: Duration = Duration::from_millis(400);

impl ReceiveWindow {
    /// A window that starts with [`INITIAL_WINDOW`] and grows up to `max` bytes.
    pub fn new(max: u32, now: Duration) -> Self {
        let min = u64::from(INITIAL_WINDOW);
        let max = min.max(max.into());
        Self {
            max,
            size: min,
            read: 0,
            limit: min,
            granted: now,
        }
    }

    /// Bytes that may wait to be read.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes by which it has grown.
    pub fn growth(&self) -> u64 {
        self.size - u64::from(INITIAL_WINDOW)
    }

    /// How much the sender may send, in bytes since the stream's begin.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The reader has taken `bytes`, and `unread` more have arrived already.
    ///
    /// It grows by at most `room`. Gives the new limit when the sender is to
    /// be told: bytes since the stream's begin.
    pub fn read(&mut self, bytes: usize, unread: usize, room: u64, now: Duration) -> Option<u64> {
        self.read += bytes as u64;
        if self.limit.saturating_sub(self.read) > self.size / 2 {
            return None;
        }
        let in_demand = now.saturating_sub(self.granted) < IN_DEMAND;
        self.granted = now;
        self.size = match unread as u64 {
            unread if unread > self.size / 2 => (self.size / 2).max(INITIAL_WINDOW.into()),
            unread if unread <= self.size / 4 && in_demand => {
                (self.size * 2).min(self.max).min(self.size + room)
            }
            _ => self.size,
        };
        let limit = self.read + self.size;
        // A window that shrinks takes nothing back.
        (limit > self.limit).then(|| {
            self.limit = limit;
            limit
        })
    }
}

impl SendWindow {
    /// The window of a stream on which `sent` bytes have been sent.
    pub fn new(sent: usize) -> Self {
        Self {
            sent: sent as u64,
            limit: u64::from(INITIAL_WINDOW),
        }
    }

    /// Bytes that may be sent now.
    pub fn available(&self) -> usize {
        usize::try_from(self.limit.saturating_sub(self.sent)).unwrap_or(usize::MAX)
    }

    /// `bytes` have been sent.
    pub fn send(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// The receiver's limit has come; whether more may be sent than before.
    pub fn grant(&mut self, limit: u64) -> bool {
        let more = limit > self.limit;
        self.limit = self.limit.max(limit);
        more
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIN: u32 = INITIAL_WINDOW;
    const MAX: u32 = 16 * MIN;
    const ROOM: u64 = u64::MAX / 2;

    #[test]
    fn a_reader_that_keeps_up_with_a_fast_sender_gets_the_largest_window() {
        let mut window = ReceiveWindow::new(MAX, Duration::ZERO);
        for step in 0..1000 {
            window.read(64 * 1024, 0, ROOM, Duration::from_millis(step));
        }
        assert_eq!(window.size(), u64::from(MAX));
    }

    #[test]
    fn no_window_grows_beyond_the_room_there_is() {
        let mut window = ReceiveWindow::new(MAX, Duration::ZERO);
        for step in 0..1000 {
            let room = u64::from(MIN / 2).saturating_sub(window.growth());
            window.read(64 * 1024, 0, room, Duration::from_millis(step));
        }
        assert_eq!(window.growth(), u64::from(MIN / 2));
    }

    #[test]
    fn a_trickle_keeps_the_smallest_window() {
        let mut window = ReceiveWindow::new(MAX, Duration::ZERO);
        for second in 0..1000 {
            window.read(1024, 0, ROOM, Duration::from_secs(second));
        }
        assert_eq!(window.size(), u64::from(MIN));
    }

    #[test]
    fn a_reader_that_falls_behind_loses_what_it_gained() {
        let mut window = ReceiveWindow::new(MAX, Duration::ZERO);
        for step in 0..1000 {
            window.read(64 * 1024, 0, ROOM, Duration::from_millis(step));
        }
        for _ in 0..1000 {
            let unread = usize::try_from(window.size()).unwrap();
            window.read(64 * 1024, unread, ROOM, Duration::from_secs(5));
        }
        assert_eq!(window.size(), u64::from(MIN));
    }

    proptest! {
        /// However the two are scheduled: the sender never holds more in
        /// flight than the largest window, and never stops for good.
        #[test]
        fn a_sender_is_bounded_and_never_stuck(
            steps in prop::collection::vec((0_usize..300_000, 0_usize..300_000, 0_u64..500), 1..300)
        ) {
            let mut sender = SendWindow::new(0);
            let mut receiver = ReceiveWindow::new(MAX, Duration::ZERO);
            let (mut unread, mut now) = (0, Duration::ZERO);
            for (send, read, millis) in steps {
                let send = send.min(sender.available());
                sender.send(send);
                unread += send;
                prop_assert!(unread <= MAX as usize);
                now += Duration::from_millis(millis);
                let read = read.min(unread);
                unread -= read;
                if let Some(limit) = receiver.read(read, unread, ROOM, now) {
                    prop_assert!(sender.grant(limit));
                }
            }
            if let Some(limit) = receiver.read(unread, 0, ROOM, now) {
                sender.grant(limit);
            }
            prop_assert!(sender.available() > 0, "nothing is in flight, and nothing may be sent");
        }
    }
}
