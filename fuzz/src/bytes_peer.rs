use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::sleep;

use crate::input::{Cuts, Input};

/// A peer that knows nothing of the protocol: it sends what it was given.
#[derive(Debug)]
pub(crate) struct BytesPeer<'a> {
    /// Closes the connection behind its bytes, or falls silent.
    closes: bool,
    /// Takes what it is sent, or lets it pile up.
    reads: bool,
    /// Waits behind each of the first pieces.
    pause: Duration,
    cuts: Cuts<'a>,
    bytes: &'a [u8],
}

/// Pieces behind which the peer waits; the others come at once.
const MAX_PAUSES: usize = 16;
/// As long as [`BytesPeer::play`] may be busy.
pub(crate) const MAX_PLAY: Duration = Duration::from_secs(4 * MAX_PAUSES as u64);

impl<'a> BytesPeer<'a> {
    pub(crate) fn new(mut input: Input<'a>) -> Self {
        let manner = input.byte();
        Self {
            closes: manner & 1 == 0,
            reads: manner & 2 == 0,
            pause: Duration::from_secs(u64::from(manner >> 2 & 3) * 4 / 3),
            cuts: input.cuts(),
            bytes: input.rest(),
        }
    }

    /// Plays its part on the far end of a connection; goes on until it is dropped.
    pub(crate) async fn play(self, far: DuplexStream) {
        let (mut read, mut write) = tokio::io::split(far);
        let reading = async {
            let mut sink = [0; 4096];
            while self.reads && read.read(&mut sink).await.is_ok_and(|len| len > 0) {}
        };
        let writing = async {
            for (i, piece) in self.cuts.pieces(self.bytes).into_iter().enumerate() {
                if write.write_all(piece).await.is_err() {
                    return;
                }
                if i < MAX_PAUSES && !self.pause.is_zero() {
                    sleep(self.pause).await;
                }
            }
            if self.closes {
                // An error means that the other end was quicker.
                let _ = write.shutdown().await;
            }
        };
        tokio::join!(reading, writing);
        std::future::pending().await
    }
}
