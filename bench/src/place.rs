//! Where the systems run: one network namespace, or two with a line between.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use harness::namespace::Namespace;
use harness::process::Process;
use harness::wan::{Conditions, Wan};

use crate::programs::Programs;

/// What lies between the hub and the cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Line {
    /// Nothing: both are in one namespace, on its loopback.
    Loopback,
    /// A way of 40 ms there and back that loses this many packets of a hundred,
    /// in each direction.
    Far { loss: u8 },
}

/// Namespaces, and the backend that all paths lead to.
#[derive(Debug)]
pub(crate) struct Place {
    hub: Namespace,
    cluster: Namespace,
    line: Line,
    _backend: Process,
    _wan: Option<Wan>,
}

/// The hub's address where there is a line.
pub(crate) const HUB_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The cluster's address there.
const CLUSTER_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// Half of the way there and back.
const DELAY: Duration = Duration::from_millis(20);

/// Any will do; the same loses the same packets.
const SEED: u64 = 1;

/// Clients' own ports; what listens has lower ones.
const CLIENT_PORTS: &str = "net.ipv4.ip_local_port_range=15000 65535";

/// The backend's port, on every address of the cluster.
const BACKEND_PORT: u16 = 9000;

impl Place {
    /// Makes the namespaces and starts the backend.
    ///
    /// # Errors
    /// `ip` or the right to make namespaces is missing.
    pub(crate) fn create(line: Line, programs: &Programs) -> Result<Self> {
        let hub = namespace("bench")?;
        let (cluster, wan) = match line {
            Line::Loopback => (hub.clone(), None),
            Line::Far { loss } => {
                let cluster = namespace("cluster")?;
                let conditions = Conditions {
                    delay: DELAY,
                    loss: f64::from(loss) / 100.0,
                    seed: SEED,
                };
                let ends = ((&hub, HUB_ADDRESS), (&cluster, CLUSTER_ADDRESS));
                let wan = Wan::between(ends.0, ends.1, conditions)?;
                (cluster, Some(wan))
            }
        };
        let mut backend = cluster.command(&programs.load);
        backend.args(["backend", "--listen", &format!("0.0.0.0:{BACKEND_PORT}")]);
        Ok(Self {
            hub,
            cluster,
            line,
            _backend: Process::start("backend", backend)?,
            _wan: wan,
        })
    }

    /// Where clients and the hub's ends are.
    pub(crate) fn hub(&self) -> &Namespace {
        &self.hub
    }

    /// Where the backend and the agents' ends are.
    pub(crate) fn cluster(&self) -> &Namespace {
        &self.cluster
    }

    /// What lies between.
    pub(crate) fn line(&self) -> Line {
        self.line
    }

    /// The hub's address, as the cluster sees it.
    pub(crate) fn hub_address(&self) -> Ipv4Addr {
        match self.line {
            Line::Loopback => Ipv4Addr::LOCALHOST,
            Line::Far { .. } => HUB_ADDRESS,
        }
    }

    /// The cluster's address, as the hub sees it.
    pub(crate) fn cluster_address(&self) -> Ipv4Addr {
        match self.line {
            Line::Loopback => Ipv4Addr::LOCALHOST,
            Line::Far { .. } => CLUSTER_ADDRESS,
        }
    }

    /// The backend, seen from the hub.
    pub(crate) fn backend(&self) -> SocketAddr {
        (self.cluster_address(), BACKEND_PORT).into()
    }

    /// The backend, seen from beside it.
    pub(crate) fn target(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, BACKEND_PORT).into()
    }
}

/// One whose loopback uses cubic: the machine's default may be another, and a
/// namespace may not change it but by route.
fn namespace(role: &str) -> Result<Namespace> {
    let namespace = Namespace::create(role)?;
    for range in ["127.0.0.0/8", "127.0.0.1"] {
        let route = format!("local {range} dev lo table local proto kernel scope host");
        let route: Vec<&str> = route.split(' ').collect();
        let pinned = ["src", "127.0.0.1", "congctl", "cubic"];
        namespace.ip(&[&["route", "change"], route.as_slice(), &pinned].concat())?;
    }
    namespace.run("sysctl", &["-qw", CLIENT_PORTS])?;
    Ok(namespace)
}
