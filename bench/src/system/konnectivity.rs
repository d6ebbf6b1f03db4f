//! Konnectivity's own server and agent, with mutual TLS on both legs.

use anyhow::Result;

use super::{Kind, System};
use crate::keys::Keys;
use crate::part::Part;
use crate::place::Place;
use crate::programs::Programs;

/// How its clients get in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Variant {
    /// With a tunnel for each connection, as kube-apiserver does.
    Grpc,
    /// With one tunnel for all connections.
    Reuse,
    /// With HTTP CONNECT.
    Connect,
}

impl Variant {
    /// The server's mode, what the load program calls it, and the first port.
    fn settings(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::Grpc => ("grpc", "grpc", 9300),
            Self::Reuse => ("grpc", "reuse", 9320),
            Self::Connect => ("http-connect", "connect", 9340),
        }
    }
}

pub(super) fn start(
    kind: Kind,
    variant: Variant,
    place: &Place,
    programs: &Programs,
    keys: &Keys,
) -> Result<System> {
    let (mode, via, first) = variant.settings();
    let file = |name: &str| keys.file(name).display().to_string();
    let server = [
        format!("--mode={mode}"),
        format!("--server-port={first}"),
        format!("--agent-port={}", first + 1),
        format!("--health-port={}", first + 2),
        format!("--admin-port={}", first + 3),
        format!("--server-ca-cert={}", file("ca.crt")),
        format!("--server-cert={}", file("server.crt")),
        format!("--server-key={}", file("server.key")),
        format!("--cluster-ca-cert={}", file("ca.crt")),
        format!("--cluster-cert={}", file("server.crt")),
        format!("--cluster-key={}", file("server.key")),
        "--v=0".to_owned(),
    ];
    let agent = [
        format!("--ca-cert={}", file("ca.crt")),
        format!("--agent-cert={}", file("agent.crt")),
        format!("--agent-key={}", file("agent.key")),
        format!("--proxy-server-host={}", place.hub_address()),
        format!("--proxy-server-port={}", first + 1),
        format!("--health-server-port={}", first + 4),
        format!("--admin-server-port={}", first + 5),
        "--v=0".to_owned(),
    ];
    let (hub, program) = (place.hub().clone(), programs.konnectivity_server.clone());
    let server = Part::start("konnectivity-server", move || {
        let mut command = hub.command(&program);
        command.args(&server);
        command
    })?;
    let (cluster, program) = (place.cluster().clone(), programs.konnectivity_agent.clone());
    let agent = Part::start("konnectivity-agent", move || {
        let mut command = cluster.command(&program);
        command.args(&agent);
        command
    })?;
    let entry = format!("127.0.0.1:{first}");
    let target = place.target().to_string();
    let mut system = System::entered_with_keys(kind, via, &entry, &target, keys.folder());
    system.hub = Some(server);
    system.agent = Some(agent);
    Ok(system)
}
