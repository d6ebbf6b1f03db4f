//! The store's backup on its way, with a seal that shows whether it is whole.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{Stream, unfold};
use store::{BackupError, BackupSummary, Embedded};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Pieces that may wait to be taken; one is as long as the longest value or 1 MiB.
const QUEUE: usize = 4;
/// Who takes no piece for so long holds up nobody any more: the store keeps
/// room for what is changed meanwhile.
const STALL: Duration = Duration::from_secs(10);

/// The backup of an open store as it is now, and behind it its SHA-256.
///
/// If the backup fails, the stream ends without that, and the reason is logged.
/// Dropping it gives the backup up.
pub(crate) fn sealed(store: Arc<Embedded>) -> impl Stream<Item = Bytes> + Send + 'static {
    let (sender, pieces) = mpsc::channel(QUEUE);
    let outlet = Outlet {
        sender,
        runtime: Handle::current(),
    };
    let sealing = Sealing {
        copying: Box::pin(async move { store.backup_to(outlet).await }),
        copied: None,
        pieces,
        sum: Context::new(&SHA256),
    };
    unfold(Some(sealing), async |sealing| sealing?.next().await)
}

/// Tells the backup from its seal, whatever pieces they come in.
pub(super) struct Unsealing {
    sum: Context,
    /// The last bytes so far, which may be the seal.
    held: Vec<u8>,
}

impl Unsealing {
    pub(super) fn new() -> Self {
        Self {
            sum: Context::new(&SHA256),
            held: Vec::new(),
        }
    }

    /// Takes a piece, and gives what is certainly none of the seal.
    pub(super) fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let sure = self.held.len().saturating_sub(SHA256_OUTPUT_LEN);
        let piece: Vec<u8> = self.held.drain(..sure).collect();
        self.sum.update(&piece);
        piece
    }

    /// Whether all that was given is all there was.
    pub(super) fn is_whole(&self) -> bool {
        self.sum.clone().finish().as_ref() == self.held
    }
}

struct Sealing {
    copying: BoxFuture<'static, Result<BackupSummary, BackupError>>,
    /// Whether it went well, once it has ended.
    copied: Option<bool>,
    pieces: mpsc::Receiver<Bytes>,
    sum: Context,
}

impl Sealing {
    async fn next(mut self) -> Option<(Bytes, Option<Self>)> {
        loop {
            tokio::select! {
                biased;
                Some(piece) = self.pieces.recv() => {
                    self.sum.update(&piece);
                    return Some((piece, Some(self)));
                }
                result = &mut self.copying, if self.copied.is_none() => {
                    if let Err(error) = &result {
                        tracing::warn!(%error, "the store's backup has failed");
                    }
                    self.copied = Some(result.is_ok());
                }
                else => break,
            }
        }
        let seal = Bytes::copy_from_slice(self.sum.finish().as_ref());
        (self.copied == Some(true)).then_some((seal, None))
    }
}

/// Where the store's thread writes; it waits for the other end.
struct Outlet {
    sender: mpsc::Sender<Bytes>,
    runtime: Handle,
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        let sending = self.sender.send_timeout(piece, STALL);
        match self.runtime.block_on(sending) {
            Ok(()) => Ok(bytes.len()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(io::ErrorKind::TimedOut.into()),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt as _;
    use store::{Options, Store as _, Txn};

    use super::*;

    async fn store(folder: &std::path::Path) -> Arc<Embedded> {
        let store = Embedded::open(folder, Options::default()).await.unwrap();
        for n in 0..20_u32 {
            let txn = Txn::put(format!("/k/{n}"), vec![7; 200_000]);
            store.txn(txn).await.unwrap();
        }
        Arc::new(store)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_whole_backup_is_told_from_one_that_broke_off() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let pieces: Vec<Bytes> = sealed(store.clone()).collect().await;
        assert!(pieces.len() > 2);
        for kept in 0..=pieces.len() {
            let mut unsealing = Unsealing::new();
            let mut backup = Vec::new();
            for piece in &pieces[..kept] {
                backup.extend(unsealing.take(piece));
            }
            assert_eq!(unsealing.is_whole(), kept == pieces.len(), "{kept}");
            if kept == pieces.len() {
                let file = folder.path().join("backup");
                store.backup(&file).await.unwrap();
                assert!(std::fs::read(&file).unwrap() == backup, "other bytes");
            }
        }
        store.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_that_goes_away_ends_the_backup() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        {
            let mut stream = pin!(sealed(store.clone()));
            stream.next().await.unwrap();
        }
        // The thread that wrote has let go of the store, or this would wait for it.
        store.txn(Txn::put("/k/new", "1")).await.unwrap();
        store.close().await;
    }
}
