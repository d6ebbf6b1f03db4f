//! The emulated long line: what it carries and what it loses.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use tests::fixture::runtime;
use tests::namespace::Namespace;
use tests::needs;
use tests::wait::{self, GENEROUS, once};
use tests::wan::{Conditions, Wan};
use tokio::net::UdpSocket;

const NEAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

const PORT: u16 = 9000;

/// The most that fits into a packet behind the headers of IP and UDP.
const LARGEST: usize = 1500 - 28;

/// Two namespaces, a line between, and a socket in each that knows the other.
struct Pair {
    wan: Wan,
    near: UdpSocket,
    far: UdpSocket,
}

impl Pair {
    async fn new(loss: f64) -> Result<Self> {
        let (one, other) = (Namespace::create("near")?, Namespace::create("far")?);
        let conditions = Conditions {
            delay: Duration::from_millis(1),
            loss,
            seed: 1,
        };
        let wan = Wan::between((&one, NEAR), (&other, FAR), conditions)?;
        let (near, far) = (socket(&one, NEAR)?, socket(&other, FAR)?);
        near.connect(SocketAddr::from((FAR, PORT))).await?;
        far.connect(SocketAddr::from((NEAR, PORT))).await?;
        Ok(Self { wan, near, far })
    }
}

fn socket(namespace: &Namespace, address: Ipv4Addr) -> Result<UdpSocket> {
    let bound = namespace.enter(|| std::net::UdpSocket::bind((address, PORT)))?;
    bound.set_nonblocking(true)?;
    Ok(UdpSocket::from_std(bound)?)
}

/// A datagram that tells its number, and whether it is whole.
fn datagram(number: u16) -> Vec<u8> {
    let length = usize::from(number) * 37 % (LARGEST - 1) + 2;
    number
        .to_be_bytes()
        .into_iter()
        .cycle()
        .take(length)
        .collect()
}

#[test]
fn without_loss_all_packets_arrive_whole_and_in_order_both_ways() {
    if needs::find().is_none() {
        return;
    }
    runtime().block_on(async {
        let pair = Pair::new(0.0).await.unwrap();
        for (from, to) in [(&pair.near, &pair.far), (&pair.far, &pair.near)] {
            let mut buffer = [0; 2048];
            // No more at once than a socket's buffer holds.
            for first in (0..1000).step_by(50) {
                for number in first..first + 50 {
                    from.send(&datagram(number)).await.unwrap();
                }
                for number in first..first + 50 {
                    let length = to.recv(&mut buffer).await.unwrap();
                    assert_eq!(buffer[..length], datagram(number), "datagram {number}");
                }
            }
        }
        assert_eq!(pair.wan.lost(), 0);
    });
}

#[test]
fn with_all_lost_nothing_arrives() {
    if needs::find().is_none() {
        return;
    }
    runtime().block_on(async {
        let pair = Pair::new(1.0).await.unwrap();
        for number in 0..100 {
            pair.near.send(&datagram(number)).await.unwrap();
            pair.far.send(&datagram(number)).await.unwrap();
        }
        let lost = async || once(pair.wan.lost() >= 200);
        wait::until("the loss of all packets", GENEROUS, lost)
            .await
            .unwrap();
        assert_eq!(pair.wan.passed(), 0);
        let nothing = pair.far.try_recv(&mut [0; 2048]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    });
}
