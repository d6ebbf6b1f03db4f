use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use crate::Network;
use crate::inbox::Inbox;

/// One end of the network, for `quinn::Endpoint::new_with_abstract_socket`.
#[derive(Debug)]
pub struct Socket {
    network: Network,
    address: SocketAddr,
    inbox: Arc<Inbox>,
}

#[derive(Debug)]
struct AlwaysWritable;

impl Socket {
    pub(crate) fn new(network: Network, address: SocketAddr, inbox: Arc<Inbox>) -> Self {
        Self {
            network,
            address,
            inbox,
        }
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let Transmit {
            destination,
            ecn,
            contents,
            ..
        } = *transmit;
        self.network.send(self.address, destination, ecn, contents);
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut count = 0;
        for (buf, meta) in bufs.iter_mut().zip(meta) {
            let Poll::Ready(packet) = self.inbox.poll_take(cx) else {
                break;
            };
            let len = packet.data.len().min(buf.len());
            buf[..len].copy_from_slice(&packet.data[..len]);
            *meta = RecvMeta::default();
            meta.addr = packet.from;
            meta.len = len;
            meta.stride = len;
            meta.ecn = packet.ecn;
            count += 1;
        }
        if count == 0 {
            Poll::Pending
        } else {
            Poll::Ready(Ok(count))
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
