//! Reading and writing HTTP/1.1 by hand.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::within;

/// One end of a byte pipe, with what has been read and not yet looked at.
pub(crate) struct Wire<IO> {
    pub(crate) io: IO,
    buffer: BytesMut,
}

/// How a pipe ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Broken,
    Clean,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Wire<IO> {
    pub(crate) fn new(io: IO) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(async {
            self.io.write_all(bytes.as_ref()).await.expect("a write");
            self.io.flush().await.expect("a flush");
        })
        .await;
    }

    /// Says that nothing more comes from here.
    pub(crate) async fn finish(&mut self) {
        within(self.io.shutdown()).await.expect("a shutdown");
    }

    /// The next head, up to and with its empty line, in lower case but for its first line.
    pub(crate) async fn head(&mut self) -> String {
        let head = self.until(b"\r\n\r\n").await;
        let (first, rest) = head.split_once("\r\n").expect("a line");
        format!("{first}\r\n{}", rest.to_ascii_lowercase())
    }

    /// Everything up to and with the mark.
    pub(crate) async fn until(&mut self, mark: &[u8]) -> String {
        loop {
            let found = self.buffer.windows(mark.len()).position(|w| w == mark);
            if let Some(at) = found {
                let taken = self.buffer.split_to(at + mark.len());
                return String::from_utf8(taken.to_vec()).expect("text");
            }
            let so_far = String::from_utf8_lossy(&self.buffer).into_owned();
            let end = self.fill().await;
            assert!(end.is_none(), "ended with {end:?} after {so_far:?}");
        }
    }

    /// Exactly this many bytes.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            let end = self.fill().await;
            assert!(end.is_none(), "{end:?} after {} bytes", self.buffer.len());
        }
        self.buffer.copy_to_bytes(count).to_vec()
    }

    /// Everything up to the end, and how it ended.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Some(end) = self.fill().await {
                return (self.buffer.split().to_vec(), end);
            }
        }
    }

    /// Says how the pipe ended, if it has.
    async fn fill(&mut self) -> Option<End> {
        match within(self.io.read_buf(&mut self.buffer)).await {
            Ok(0) => Some(End::Clean),
            Ok(_) => None,
            Err(_) => Some(End::Broken),
        }
    }
}
