//! A long line between two namespaces, which delays packets and loses some.
//!
//! Not every kernel has an emulator of its own (`sch_netem`). This one is a
//! TUN device at each end, and a thread that carries whole IP packets of at
//! most 1,500 bytes from the one to the other. There is no limit of rate.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tun_rs::{AsyncDevice, DeviceBuilder, SyncDevice};

use crate::namespace::Namespace;

mod dice;

use dice::Dice;

/// What a line does to each packet, in either direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// How long it takes; half of a round trip. Up to 1 ms more is added.
    pub delay: Duration,
    /// The share that is lost, each on its own: 0 none, 1 all.
    pub loss: f64,
    /// With the same seed the same packets are lost, by number.
    pub seed: u64,
}

/// A line, which is there until this is dropped.
#[derive(Debug)]
pub struct Wan {
    counts: Arc<Counts>,
    // Its end is the thread's.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Packets of both directions since the line is there.
#[derive(Debug, Default)]
struct Counts {
    passed: AtomicU64,
    lost: AtomicU64,
}

/// Packets on their way in one direction; with more, the newest is lost.
const QUEUE: usize = 16 * 1024;

/// The largest packet.
const MTU: u16 = 1500;

const DEVICE: &str = "wan0";

/// An end of the line: a namespace, and the address it has there.
pub type End<'a> = (&'a Namespace, Ipv4Addr);

impl Wan {
    /// Lays a line. Connections over it use cubic, whatever the default is.
    ///
    /// # Errors
    /// There is no `/dev/net/tun`, or no right to use it.
    pub fn between(one: End<'_>, other: End<'_>, conditions: Conditions) -> Result<Self> {
        let near = device(one, other.1)?;
        let far = device(other, one.1)?;
        let counts = Arc::<Counts>::default();
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&counts);
        let thread = std::thread::Builder::new()
            .name("wan".to_owned())
            .spawn(move || {
                let work = carry_both(near, far, conditions, &shared);
                runtime.block_on(async {
                    tokio::select! {
                        ended = work => eprintln!("a line ended: {ended:?}"),
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            counts,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// How many packets have arrived, of both directions.
    pub fn passed(&self) -> u64 {
        self.counts.passed.load(Ordering::Relaxed)
    }

    /// How many were lost.
    pub fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Wan {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A device in the namespace, with a route to the other end.
fn device((namespace, address): End<'_>, other: Ipv4Addr) -> Result<SyncDevice> {
    let device = namespace
        .enter(|| DeviceBuilder::new().name(DEVICE).mtu(MTU).build_sync())
        .context("cannot make a TUN device (is there a /dev/net/tun?)")?;
    namespace.ip(&["address", "add", &address.to_string(), "dev", DEVICE])?;
    namespace.ip(&["link", "set", DEVICE, "up"])?;
    let route = ["route", "add", &other.to_string(), "dev", DEVICE];
    let pinned = ["src", &address.to_string(), "congctl", "cubic"];
    namespace.ip(&[route.as_slice(), &pinned].concat())?;
    Ok(device)
}

async fn carry_both(
    near: SyncDevice,
    far: SyncDevice,
    conditions: Conditions,
    counts: &Counts,
) -> Result<()> {
    let (near, far) = (AsyncDevice::new(near)?, AsyncDevice::new(far)?);
    let there = carry(&near, &far, conditions, conditions.seed, counts);
    let back = carry(
        &far,
        &near,
        conditions,
        conditions.seed.wrapping_add(1),
        counts,
    );
    tokio::try_join!(there, back)?;
    Ok(())
}

/// Carries one direction, until a device fails.
async fn carry(
    from: &AsyncDevice,
    to: &AsyncDevice,
    conditions: Conditions,
    seed: u64,
    counts: &Counts,
) -> io::Result<()> {
    let mut dice = Dice::new(conditions.loss, StdRng::seed_from_u64(seed));
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(QUEUE);
    let take = async {
        let mut buffer = vec![0; usize::from(MTU)];
        loop {
            let length = from.recv(&mut buffer).await?;
            let due = Instant::now() + conditions.delay;
            let packet = (due, buffer[..length].to_vec());
            if dice.loses() || sender.try_send(packet).is_err() {
                counts.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let give = async {
        while let Some((due, packet)) = receiver.recv().await {
            if due > Instant::now() {
                sleep_until(due).await;
            }
            to.send(&packet).await?;
            counts.passed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    tokio::select! {
        failed = take => failed,
        failed = give => failed,
    }
}
