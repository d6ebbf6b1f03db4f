//! The control: this program's own relay.

use std::net::SocketAddr;

use anyhow::Result;

use super::{Kind, System};
use crate::keys::Keys;
use crate::part::Part;
use crate::place::Place;
use crate::programs::Programs;

const ENTRY_PORT: u16 = 9101;
const EXIT_PORT: u16 = 9102;

pub(super) fn start(place: &Place, programs: &Programs, keys: &Keys) -> Result<System> {
    let entry = SocketAddr::from(([127, 0, 0, 1], ENTRY_PORT));
    let exit = SocketAddr::from((place.cluster_address(), EXIT_PORT));
    let part = |name: &'static str,
                namespace: &harness::namespace::Namespace,
                listen: String,
                to: SocketAddr| {
        let (namespace, this) = (namespace.clone(), programs.this.clone());
        let keys = keys.folder().to_owned();
        Part::start(name, move || {
            let mut command = namespace.command(&this);
            command.args(["relay", name, "--listen", &listen]);
            command.args(["--to", &to.to_string(), "--keys"]).arg(&keys);
            command
        })
    };
    let mut system = System::entered_plainly(Kind::Relay, &entry.to_string());
    let anywhere = format!("0.0.0.0:{EXIT_PORT}");
    system.agent = Some(part("exit", place.cluster(), anywhere, place.target())?);
    system.hub = Some(part("entry", place.hub(), entry.to_string(), exit)?);
    Ok(system)
}
