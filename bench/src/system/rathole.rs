//! rathole with its TLS transport: a connection of its own for each stream.

use std::fs;

use anyhow::Result;
use harness::scratch;

use super::{Kind, System};
use crate::keys::{Keys, PKCS12_PASSWORD, SERVER};
use crate::part::Part;
use crate::place::Place;
use crate::programs::Programs;

const CONTROL_PORT: u16 = 9201;
const SERVICE_PORT: u16 = 9202;

pub(super) fn start(place: &Place, programs: &Programs, keys: &Keys) -> Result<System> {
    let entry = format!("127.0.0.1:{SERVICE_PORT}");
    let folder = scratch::fresh_folder("rathole")?;
    let server = format!(
        r#"[server]
bind_addr = "0.0.0.0:{CONTROL_PORT}"
default_token = "bench"
[server.transport]
type = "tls"
[server.transport.tls]
pkcs12 = "{}"
pkcs12_password = "{PKCS12_PASSWORD}"
[server.services.backend]
bind_addr = "{entry}"
"#,
        keys.file("server.p12").display()
    );
    let client = format!(
        r#"[client]
remote_addr = "{}:{CONTROL_PORT}"
default_token = "bench"
[client.transport]
type = "tls"
[client.transport.tls]
trusted_root = "{}"
hostname = "{SERVER}"
[client.services.backend]
local_addr = "{}"
"#,
        place.hub_address(),
        keys.file("ca.crt").display(),
        place.target()
    );
    let part = |name: &'static str, namespace: &harness::namespace::Namespace, text: &str| {
        let file = folder.join(format!("{name}.toml"));
        fs::write(&file, text)?;
        let (namespace, program) = (namespace.clone(), programs.rathole.clone());
        Part::start(name, move || {
            let mut command = namespace.command(&program);
            command.arg(format!("--{name}")).arg(&file);
            command.env("RUST_LOG", "warn");
            command
        })
    };
    let mut system = System::entered_plainly(Kind::Rathole, &entry);
    system.hub = Some(part("server", place.hub(), &server)?);
    system.agent = Some(part("client", place.cluster(), &client)?);
    Ok(system)
}
