//! A pair over HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use super::{Network, Pair, Settings, failure, start};

/// A pair over HTTP/2.
pub(crate) async fn h2(settings: Settings) -> Pair {
    let silent = Arc::new(AtomicBool::new(false));
    let (a, b) = duplex(64 * 1024);
    let a = Wire {
        io: a,
        silent: Arc::clone(&silent),
    };
    let b = Wire {
        io: b,
        silent: Arc::clone(&silent),
    };
    let hub = start(tunnel::h2::hub(a, settings.hub));
    let agent = start(tunnel::h2::agent(b, settings.agent));
    let (hub, agent) = tokio::join!(hub, agent);
    Pair {
        hub,
        agent,
        network: Network {
            silence: Box::new(move || silent.store(true, SeqCst)),
        },
    }
}

/// What the two ends of an HTTP/2 link that comes to nothing say of it.
pub(crate) async fn h2_failure(settings: Settings) -> [String; 2] {
    let (a, b) = duplex(64 * 1024);
    let hub = failure(tunnel::h2::hub(a, settings.hub));
    let agent = failure(tunnel::h2::agent(b, settings.agent));
    tokio::join!(hub, agent).into()
}

struct Wire {
    io: DuplexStream,
    silent: Arc<AtomicBool>,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut unseen = [0; 4096];
        let mut lost = ReadBuf::new(&mut unseen);
        if self.silent.load(SeqCst) {
            while Pin::new(&mut self.io).poll_read(cx, &mut lost).is_ready() {
                lost.clear();
            }
            return Poll::Pending;
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.silent.load(SeqCst) {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
