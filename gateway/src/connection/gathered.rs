//! The writes of one turn of a connection, gathered into few.
//!
//! HTTP/2 writes and flushes each frame by itself. Over TLS that is a record and a
//! system call for each event of each watch, where one event of many watches is
//! ready at once.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

#[cfg(test)]
mod tests;

/// Bytes that are held at most, which is what TLS takes at once; at the bound a
/// write waits as it would for the connection itself.
const HELD: usize = 64 * 1024;
/// Bytes of memory that stay with a connection which has nothing to write.
const KEPT: usize = 4 * 1024;

/// A writer that holds what it is given, also over a flush, until
/// [`poll_out`](Self::poll_out) is called, the bound is met or it is shut down.
///
/// Clones are the same writer: one is for who writes, another for who sees to it
/// that everything is out before the task sleeps.
#[derive(Debug)]
pub(super) struct Gathered<W>(Arc<Mutex<Writer<W>>>);

#[derive(Debug)]
struct Writer<W> {
    to: W,
    held: Vec<u8>,
    /// How many of the held bytes are out.
    out: usize,
    unflushed: bool,
}

impl<W> Gathered<W> {
    pub(super) fn new(to: W) -> Self {
        Self(Arc::new(Mutex::new(Writer {
            to,
            held: Vec::new(),
            out: 0,
            unflushed: false,
        })))
    }

    fn writer(&self) -> MutexGuard<'_, Writer<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: AsyncWrite + Unpin> Gathered<W> {
    /// Writes and flushes what is held. Whoever polls the writing task calls this
    /// behind each poll; when it is pending, the task is woken as soon as more
    /// goes out.
    pub(super) fn poll_out(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_out(cx)
    }
}

impl<W> Clone for Gathered<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.held.len() >= HELD {
            ready!(self.poll_written(cx))?;
        }
        Poll::Ready(Ok(HELD - self.held.len()))
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.held.get(self.out..) {
            let written = ready!(Pin::new(&mut self.to).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out += written;
            self.unflushed = true;
        }
        self.out = 0;
        if self.held.capacity() > KEPT {
            self.held = Vec::new();
        } else {
            self.held.clear();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_written(cx))?;
        if self.unflushed {
            ready!(Pin::new(&mut self.to).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Gathered<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut writer = self.writer();
        let room = ready!(writer.poll_room(cx))?;
        let mut left = room;
        for slice in slices {
            let part = &slice[..slice.len().min(left)];
            writer.held.extend_from_slice(part);
            left -= part.len();
        }
        Poll::Ready(Ok(room - left))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut writer = self.writer();
        ready!(writer.poll_out(cx))?;
        Pin::new(&mut writer.to).poll_shutdown(cx)
    }
}
