//! A cluster that reaches nothing but a machine with proxies, and a hub beyond.
//!
//! ```text
//! netns hub ── 198.51.100.0/30, 2001:db8:1::/64 ── netns proxy ── 10.78.0.0/24, fd78::/64 ── netns cluster
//!                                             forwards nothing
//! ```

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::fixture::Home;
use crate::hub::Hub;
use crate::namespace::Namespace;
use crate::needs::Needs;
use crate::network::link;
use crate::process::Process;
use crate::scratch;
use crate::wait::GENEROUS;

/// The namespaces, the hub and the proxies.
#[derive(Debug)]
pub struct Enclosure {
    /// The needs it was started with.
    pub needs: &'static Needs,
    /// The hub, which is also reached at [`HUB_IPV4`].
    pub hub: Hub,
    beyond: Namespace,
    proxy: Namespace,
    cluster: Namespace,
    _proxies: Vec<Process>,
}

/// The hub's IPv4 address, which only the proxies' machine reaches.
pub const HUB_IPV4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// The hub's IPv6 address, which only the proxies' machine reaches.
pub const HUB_IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2);
/// A name of the hub that only the proxies' machine knows.
pub const HUB_NAME: &str = "hub.test";
/// Another, of which there is only the IPv6 address.
pub const HUB_IPV6_NAME: &str = "hub6.test";
/// A name with sixteen addresses, at the last of which the hub answers, at the
/// others nothing; only the proxies' machine knows it.
pub const HUB_NAME_WITH_DEAD_ADDRESSES: &str = "dead.test";
/// The cluster's address.
pub const CLUSTER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);
/// The proxies' address in the cluster's network; there is `fd78::1` too.
pub const PROXY: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
/// HTTP CONNECT, for [`LOGIN`] only.
pub const HTTP_PORT: u16 = 3128;
/// The same over TLS, with a certificate of [`Enclosure::proxy_authority`].
pub const HTTPS_PORT: u16 = 3129;
/// SOCKS5, for everybody.
pub const SOCKS_PORT: u16 = 1080;
/// SOCKS5, for [`LOGIN`] only.
pub const SOCKS_LOGIN_PORT: u16 = 1081;
/// The user and password that the proxies know.
pub const LOGIN: (&str, &str) = ("anna", "open-sesame");

/// The programs that it needs besides, and the Debian packages that have them.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("tinyproxy", "tinyproxy-bin"),
    ("microsocks", "microsocks"),
    ("stunnel", "stunnel4"),
];

/// Nobody answers in these networks, and nobody says so.
const DEAD: &str = "
table inet dead {
    chain silence {
        type filter hook prerouting priority -300; policy accept;
        ip daddr 203.0.113.0/24 drop
        ip6 daddr 2001:db8:dead::/48 drop
    }
}
";

impl Enclosure {
    /// Starts everything.
    ///
    /// # Errors
    /// Something does not start; the error has its last words.
    pub async fn start(needs: &'static Needs) -> Result<Self> {
        let beyond = Namespace::create("hub")?;
        let proxy = Namespace::create("proxy")?;
        let cluster = Namespace::create("cluster")?;
        connect(&proxy, &beyond, &cluster)?;
        let rules = scratch::folder().join(format!("{}.nft", beyond.name()));
        fs::write(&rules, DEAD)?;
        beyond.run("nft", &["-f", &rules.to_string_lossy()])?;
        proxy.hosts(&hosts())?;
        let hub = Hub::start(needs, &beyond, HUB_IPV6.into()).await?;
        let mut proxies = Vec::new();
        for (command, port) in [
            (tinyproxy(&proxy)?, HTTP_PORT),
            (stunnel(&proxy)?, HTTPS_PORT),
            (microsocks(&proxy, SOCKS_PORT, &[]), SOCKS_PORT),
            (
                microsocks(&proxy, SOCKS_LOGIN_PORT, &["-u", LOGIN.0, "-P", LOGIN.1]),
                SOCKS_LOGIN_PORT,
            ),
        ] {
            let process = Process::start("proxy", command)?;
            let listens = async || cluster.connect((PROXY, port).into(), GENEROUS).ok();
            process
                .until("a proxy that listens", GENEROUS, listens)
                .await?;
            proxies.push(process);
        }
        let this = Self {
            needs,
            hub,
            beyond,
            proxy,
            cluster,
            _proxies: proxies,
        };
        this.check()?;
        Ok(this)
    }

    /// Where the cluster is, and agents that need a proxy.
    pub fn cluster(&self) -> &Namespace {
        &self.cluster
    }

    /// Where the proxies are, and agents that need none.
    pub fn proxy(&self) -> &Namespace {
        &self.proxy
    }

    /// Who vouches for the proxy at [`HTTPS_PORT`], in a PEM file.
    pub fn proxy_authority(&self) -> PathBuf {
        certificate(&self.proxy)
    }

    /// The tests would show nothing if the cluster had another way to the hub.
    fn check(&self) -> Result<()> {
        let port = self.hub.address().port();
        for ip in [IpAddr::from(HUB_IPV4), HUB_IPV6.into()] {
            self.proxy.connect((ip, port).into(), GENEROUS)?;
            let direct = self
                .cluster
                .connect((ip, port).into(), Duration::from_secs(1));
            ensure!(direct.is_err(), "the cluster reaches {ip} without a proxy");
        }
        Ok(())
    }
}

impl Home for Enclosure {
    fn home(&self) -> &Namespace {
        &self.beyond
    }
}

/// Links, addresses and routes. There is a default route nowhere.
fn connect(proxy: &Namespace, beyond: &Namespace, cluster: &Namespace) -> Result<()> {
    link(
        proxy,
        "outside",
        "198.51.100.1/30",
        beyond,
        "198.51.100.2/30",
    )?;
    link(proxy, "inside", "10.78.0.1/24", cluster, "10.78.0.2/24")?;
    for (namespace, device, address) in [
        (proxy, "outside", "2001:db8:1::1/64"),
        (beyond, "eth0", "2001:db8:1::2/64"),
        (proxy, "inside", "fd78::1/64"),
        (cluster, "eth0", "fd78::2/64"),
    ] {
        // Without the wait for somebody who has the address already.
        namespace.ip(&["address", "add", address, "dev", device, "nodad"])?;
    }
    proxy.ip(&["route", "add", "203.0.113.0/24", "via", "198.51.100.2"])?;
    proxy.ip(&["route", "add", "2001:db8:dead::/48", "via", "2001:db8:1::2"])
}

fn hosts() -> String {
    let mut lines = vec![
        format!("{HUB_IPV4} {HUB_NAME}"),
        format!("{HUB_IPV6} {HUB_IPV6_NAME}"),
    ];
    for n in 1..=8 {
        lines.push(format!("2001:db8:dead::{n} {HUB_NAME_WITH_DEAD_ADDRESSES}"));
    }
    for n in 1..=7 {
        lines.push(format!("203.0.113.{n} {HUB_NAME_WITH_DEAD_ADDRESSES}"));
    }
    lines.push(format!("{HUB_IPV4} {HUB_NAME_WITH_DEAD_ADDRESSES}"));
    lines.join("\n") + "\n"
}

fn tinyproxy(namespace: &Namespace) -> Result<Command> {
    let (user, password) = LOGIN;
    let config = scratch::folder().join(format!("{}.tinyproxy", namespace.name()));
    let text = format!(
        "Port {HTTP_PORT}\nTimeout 600\nMaxClients 50\nConnectPort 8443\n\
         BasicAuth {user} {password}\n"
    );
    fs::write(&config, text)?;
    let mut command = namespace.command("tinyproxy");
    command.arg("-d").arg("-c").arg(config);
    Ok(command)
}

fn certificate(namespace: &Namespace) -> PathBuf {
    scratch::folder().join(format!("{}.crt", namespace.name()))
}

/// TLS in front of tinyproxy.
fn stunnel(namespace: &Namespace) -> Result<Command> {
    let made = rcgen::generate_simple_self_signed([PROXY.to_string()])?;
    let certificate = certificate(namespace);
    let key = certificate.with_extension("key");
    fs::write(&certificate, made.cert.pem())?;
    fs::write(&key, made.signing_key.serialize_pem())?;
    let config = certificate.with_extension("stunnel");
    let text = format!(
        "foreground = yes\npid =\n[proxy]\naccept = {HTTPS_PORT}\nconnect = {PROXY}:{HTTP_PORT}\n\
         cert = {}\nkey = {}\n",
        certificate.display(),
        key.display()
    );
    fs::write(&config, text)?;
    let mut command = namespace.command("stunnel");
    command.arg(config);
    Ok(command)
}

fn microsocks(namespace: &Namespace, port: u16, login: &[&str]) -> Command {
    let mut command = namespace.command("microsocks");
    command
        .args(["-i", "0.0.0.0", "-p", &port.to_string()])
        .args(login);
    command
}
