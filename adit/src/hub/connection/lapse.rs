//! The end of a client's certificate while its connection stands.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use gateway::Issuer;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::sleep;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::hub::trust::ClientTrust;

/// Knows when a certificate that was shown is no longer good: its time is
/// over, or its authority is trusted no more.
pub(super) struct Lapse {
    /// The client's own certificate first.
    chain: Vec<CertificateDer<'static>>,
    /// What it was trusted for when it was shown.
    issuer: Issuer,
    trust: Arc<ClientTrust>,
    changes: watch::Receiver<u64>,
}

/// A connection that breaks, in both directions and for good, at a moment that
/// a future decides.
pub(super) struct Until<IO> {
    io: IO,
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    ended: bool,
}

/// A clock that is set while one waits is noticed within that time.
const LOOK: Duration = Duration::from_secs(60);

impl Lapse {
    /// For a certificate that was verified after `changes` began to be followed.
    pub(super) fn new(
        (chain, issuer): (Vec<CertificateDer<'static>>, Issuer),
        trust: Arc<ClientTrust>,
        changes: watch::Receiver<u64>,
    ) -> Self {
        Self {
            chain,
            issuer,
            trust,
            changes,
        }
    }

    /// Waits until the certificate is no longer good.
    pub(super) async fn over(mut self) {
        while let Some(left) = self.chain.first().and_then(time_left) {
            tokio::select! {
                () = sleep(left.min(LOOK)) => {}
                changed = self.changes.changed() => {
                    // Trusted for something else, it begins anew.
                    if changed.is_err() || self.trust.issuer(&self.chain) != Some(self.issuer) {
                        return;
                    }
                }
            }
        }
    }
}

/// How long the certificate is still good; `None` if it is not.
fn time_left(certificate: &CertificateDer<'_>) -> Option<Duration> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let not_after = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    // It is good to the end of that second.
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(not_after.checked_add(1)?);
    let left = end.duration_since(SystemTime::now()).ok()?;
    (!left.is_zero()).then_some(left)
}

impl<IO> Until<IO> {
    /// Without an end it goes on as it is.
    pub(super) fn new(io: IO, end: Option<impl Future<Output = ()> + Send + 'static>) -> Self {
        let end = end.map(|end| Box::pin(end) as Pin<Box<dyn Future<Output = ()> + Send>>);
        Self {
            io,
            end,
            ended: false,
        }
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(end) = &mut self.end
            && end.as_mut().poll(context).is_ready()
        {
            self.end = None;
            self.ended = true;
        }
        if self.ended {
            let message = "the client's certificate is no longer good";
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, message));
        }
        Ok(())
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Until<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Until<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.io).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
