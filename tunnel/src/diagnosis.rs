//! How much a TCP connection has sent, and how much of it again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::Packets;
use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// Asks the kernel about sockets of this process by its socket diagnosis,
/// sock_diag(7), which needs no privilege and no unsafe code.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    netlink: OwnedFd,
    asked: AtomicU32,
}

// From linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h and linux/tcp.h.
const HEADER_LEN: usize = 16;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const REQUEST_LEN: usize = HEADER_LEN + 56;
const RESPONSE_LEN: usize = HEADER_LEN + 72;
const INET_DIAG_INFO: u16 = 2;
const TCP: u8 = 6;
const TCP_INFO_TOTAL_RETRANS: usize = 100;
const TCP_INFO_DATA_SEGS_OUT: usize = 156;

/// An answer is about 500 bytes.
const MAX_ANSWER: usize = 8192;

impl Diagnosis {
    /// This process's, unless the system has no such thing.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Diagnosis>> = OnceLock::new();
        SHARED.get_or_init(|| Self::new().ok()).as_ref()
    }

    /// Fails where the system has no such thing, or does not let this process.
    fn new() -> io::Result<Self> {
        let netlink = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(SOCK_DIAG),
        )?;
        Ok(Self {
            netlink,
            asked: AtomicU32::new(0),
        })
    }

    /// What the socket between these addresses has sent. Does not block: the
    /// kernel answers while it is asked.
    pub(crate) fn packets(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<Packets> {
        let number = self.asked.fetch_add(1, Relaxed);
        send(
            &self.netlink,
            &request(number, local, remote),
            SendFlags::empty(),
        )?;
        let mut answer = [0; MAX_ANSWER];
        loop {
            let (len, _) = recv(&self.netlink, &mut answer[..], RecvFlags::empty())?;
            let answer = &answer[..len];
            if u32_at(answer, 8) == Some(number) {
                return packets(answer)
                    .ok_or_else(|| io::Error::other("the kernel does not know the connection"));
            }
        }
    }
}

fn request(number: u32, local: SocketAddr, remote: SocketAddr) -> [u8; REQUEST_LEN] {
    let mut request = [0; REQUEST_LEN];
    let family = match local {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let len = u32::try_from(REQUEST_LEN).unwrap_or(u32::MAX);
    let mut put = |at: usize, bytes: &[u8]| request[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &len.to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &NLM_F_REQUEST.to_ne_bytes());
    put(8, &number.to_ne_bytes());
    put(16, &[u8::try_from(family.as_raw()).unwrap_or(0), TCP]);
    put(18, &[1 << (INET_DIAG_INFO - 1)]);
    // In every state.
    put(20, &u32::MAX.to_ne_bytes());
    put(24, &local.port().to_be_bytes());
    put(26, &remote.port().to_be_bytes());
    for (at, address) in [(28, local), (44, remote)] {
        match address.ip() {
            IpAddr::V4(v4) => put(at, &v4.octets()),
            IpAddr::V6(v6) => put(at, &v6.octets()),
        }
    }
    // On whichever interface, and whatever its cookie.
    put(64, &[u8::MAX; 8]);
    request
}

fn packets(answer: &[u8]) -> Option<Packets> {
    if u16_at(answer, 4)? != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let mut attributes = answer.get(RESPONSE_LEN..)?;
    loop {
        let len = usize::from(u16_at(attributes, 0)?);
        if u16_at(attributes, 2)? == INET_DIAG_INFO {
            let info = attributes.get(4..len)?;
            return Some(Packets {
                sent: u32_at(info, TCP_INFO_DATA_SEGS_OUT)?.into(),
                lost: u32_at(info, TCP_INFO_TOTAL_RETRANS)?.into(),
            });
        }
        // An attribute has at least its own header.
        attributes = attributes.get(len.max(4).next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_kernel_tells_what_a_connection_has_sent() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(any) else {
                continue;
            };
            let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut far, _) = listener.accept().unwrap();
            let diagnosis = Diagnosis::new().unwrap();
            let ask = || {
                diagnosis
                    .packets(near.local_addr().unwrap(), near.peer_addr().unwrap())
                    .unwrap()
            };
            let before = ask();
            for _ in 0..10 {
                (&near).write_all(b"segment").unwrap();
                far.read_exact(&mut [0; 7]).unwrap();
            }
            let after = ask();
            assert_eq!(after.sent - before.sent, 10);
            assert_eq!(after.lost, 0);
            near.flush().unwrap();
        }
    }

    #[test]
    fn a_connection_that_is_not_there_is_an_error() {
        let diagnosis = Diagnosis::new().unwrap();
        let (local, remote) = ("127.0.0.1:1", "192.0.2.1:1");
        diagnosis
            .packets(local.parse().unwrap(), remote.parse().unwrap())
            .unwrap_err();
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_no_answer() {
        for len in 0..200 {
            assert!(packets(&vec![0; len]).is_none());
            assert!(packets(&vec![0xff; len]).is_none());
            let mut answer = vec![0; len];
            if let Some(kind) = answer.get_mut(4..6) {
                kind.copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
            }
            assert!(packets(&answer).is_none());
        }
    }
}
