//! The network of a test: hubs outside, a cluster behind a NAT.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;

use crate::namespace::Namespace;
use crate::scratch;

/// Clusters' namespaces that no route leads into: a router masquerades what
/// leaves them and forwards only TCP and UDP outwards. Each hub is on a link of
/// its own at the router, with a default route to it, so that what keeps hubs
/// out is the router alone.
#[derive(Debug)]
pub struct Network {
    hubs: Vec<Namespace>,
    router: Namespace,
    /// At least one.
    clusters: Vec<Namespace>,
}

/// How long the router remembers a silent TCP connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Memory {
    /// For this long.
    Limited(Duration),
    /// As long as the kernel does unless told: five days.
    Default,
}

/// The first cluster's address in its namespace.
pub const CLUSTER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

const RULES: &str = r#"
table inet adit {
    set cut {
        type ipv4_addr
    }
    chain cut {
        type filter hook forward priority -10; policy accept;
        ip saddr @cut drop
        ip daddr @cut drop
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname "inside*" meta l4proto { tcp, udp } accept
    }
    chain leave {
        type nat hook postrouting priority 100; policy accept;
        oifname != "inside*" masquerade
    }
}
"#;

impl Network {
    /// Makes the namespaces, links, routes and rules, for this many hubs.
    ///
    /// # Errors
    /// A tool or a right is missing; the error holds what the tool printed.
    pub fn create(hubs: u8, memory: Memory) -> Result<Self> {
        let mut this = Self {
            hubs: Vec::new(),
            router: Namespace::create("router")?,
            clusters: Vec::new(),
        };
        this.add_cluster()?;
        for index in 0..hubs {
            let hub = Namespace::create(&format!("hub{index}"))?;
            let (router_end, hub_end) = (address(index, 1), address(index, 2));
            let link = format!("hub{index}");
            connect(
                &this.router,
                &link,
                &format!("{router_end}/30"),
                &hub,
                &format!("{hub_end}/30"),
            )?;
            this.hubs.push(hub);
        }
        this.guard(memory)?;
        Ok(this)
    }

    /// Adds a place for one more cluster behind the same router; its address there.
    ///
    /// # Errors
    /// As for [`Self::create`].
    pub fn add_cluster(&mut self) -> Result<Ipv4Addr> {
        let index = u8::try_from(self.clusters.len())?;
        let cluster = Namespace::create("cluster")?;
        let [a, b, ..] = CLUSTER.octets();
        let address = |end| Ipv4Addr::new(a, b, index, end);
        connect(
            &self.router,
            &format!("inside{index}"),
            &format!("{}/24", address(1)),
            &cluster,
            &format!("{}/24", address(2)),
        )?;
        self.clusters.push(cluster);
        Ok(address(2))
    }

    /// Where the cluster and its agents run.
    pub fn cluster(&self) -> &Namespace {
        self.cluster_at(0)
    }

    /// Where the cluster of this number and its agents run; the first is 0.
    pub fn cluster_at(&self, index: usize) -> &Namespace {
        &self.clusters[index]
    }

    /// Where the hub of this number runs, and its clients.
    pub fn hub(&self, index: u8) -> &Namespace {
        &self.hubs[usize::from(index)]
    }

    /// The address of the hub of this number.
    pub fn hub_address(&self, index: u8) -> Ipv4Addr {
        address(index, 2)
    }

    /// The address that the hub of this number sees the cluster come from.
    pub fn router_address(&self, index: u8) -> Ipv4Addr {
        address(index, 1)
    }

    /// Lets nothing through between the cluster and this hub any more; neither
    /// end is told.
    ///
    /// # Errors
    /// `nft` failed.
    pub fn cut(&self, index: u8) -> Result<()> {
        self.change_cut("add", index)
    }

    /// Ends a cut.
    ///
    /// # Errors
    /// `nft` failed.
    pub fn heal(&self, index: u8) -> Result<()> {
        self.change_cut("delete", index)
    }

    fn change_cut(&self, verb: &str, index: u8) -> Result<()> {
        let element = format!("{{ {} }}", self.hub_address(index));
        self.router
            .run("nft", &[verb, "element", "inet", "adit", "cut", &element])
    }

    fn guard(&self, memory: Memory) -> Result<()> {
        let rules = scratch::folder().join(format!("{}.nft", self.router.name()));
        fs::write(&rules, RULES)?;
        self.router.run("nft", &["-f", &rules.to_string_lossy()])?;
        self.router
            .run("sysctl", &["-qw", "net.ipv4.ip_forward=1"])?;
        if let Memory::Limited(limit) = memory {
            let timeout = "net.netfilter.nf_conntrack_tcp_timeout_established";
            self.router.run(
                "sysctl",
                &["-qw", &format!("{timeout}={}", limit.as_secs())],
            )?;
        }
        Ok(())
    }
}

/// Puts a link between the router and another namespace, whose routes all lead
/// there. Connections use cubic: the machine's default may be another, and
/// a namespace may not change it but by route.
fn connect(
    router: &Namespace,
    device: &str,
    near: &str,
    other: &Namespace,
    far: &str,
) -> Result<()> {
    link(router, device, near, other, far)?;
    let gateway = near
        .split('/')
        .next()
        .expect("split gives at least one part");
    other.ip(&[
        "route", "add", "default", "via", gateway, "congctl", "cubic",
    ])
}

/// Puts a link between two namespaces, which is `device` in the one and `eth0`
/// in the other.
pub(crate) fn link(
    one: &Namespace,
    device: &str,
    near: &str,
    other: &Namespace,
    far: &str,
) -> Result<()> {
    one.ip(&[
        "link",
        "add",
        device,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        other.name(),
    ])?;
    for (namespace, name, address) in [(one, device, near), (other, "eth0", far)] {
        namespace.ip(&["address", "add", address, "dev", name])?;
        namespace.ip(&["link", "set", name, "up"])?;
    }
    Ok(())
}

/// Hub links are consecutive /30 networks.
fn address(index: u8, end: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, index * 4 + end)
}
