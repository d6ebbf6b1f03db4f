//! Adit: a hub and an agent, entered by a plain listener or by CONNECT.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use harness::command;
use harness::scratch;
use harness::wait::{self, GENEROUS, once};

use super::{Home, Kind, System};
use crate::keys::Keys;
use crate::part::Part;
use crate::place::Place;
use crate::programs::Programs;

/// The name of the cluster that every listener leads to.
const CLUSTER: &str = "bench";

/// By which carrier and which way in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Variant {
    H2,
    Quic,
    Connect,
}

impl Variant {
    /// The first of its ports.
    fn ports(self) -> u16 {
        match self {
            Self::H2 => 9500,
            Self::Quic => 9520,
            Self::Connect => 9540,
        }
    }

    /// What the agent is told to dial with, if it can be told.
    fn carrier(self) -> &'static str {
        match self {
            Self::H2 | Self::Connect => "h2",
            Self::Quic => "quic",
        }
    }

    /// What the measured binary does not know yet.
    ///
    /// # Errors
    /// It cannot be run.
    pub(super) fn lacks(self, programs: &Programs) -> Result<Option<&'static str>> {
        let needed: &[Flag] = match self {
            Self::H2 => &[FORWARD],
            Self::Quic => &[FORWARD, CARRIER],
            Self::Connect => &[CONNECT],
        };
        for (command, flag, reason) in needed {
            if !programs.adit_knows(command, flag)? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }
}

/// A flag: of which command, how it is spelt, and what is said without it.
type Flag = (&'static str, &'static str, &'static str);

const CARRIER: Flag = ("agent", "--carrier", "adit agent knows no --carrier");
const CONNECT: Flag = (
    "hub",
    "--connect-listen",
    "adit hub knows no --connect-listen",
);
const FORWARD: Flag = (
    "hub",
    "--forward-listen",
    "adit hub knows no --forward-listen",
);

pub(super) async fn start(
    kind: Kind,
    variant: Variant,
    place: &Place,
    programs: &Programs,
) -> Result<System> {
    let first = variant.ports();
    let data = scratch::fresh_folder("adit")?;
    let address = format!("{}:{first}", place.hub_address());
    let entry = format!("127.0.0.1:{}", first + 1);
    let target = place.target().to_string();
    let listener = match variant {
        Variant::Connect => format!("{}={entry}", CONNECT.1),
        Variant::H2 | Variant::Quic => format!("{}={entry}={CLUSTER}/{target}", FORWARD.1),
    };
    let (namespace, adit) = (place.hub().clone(), programs.adit.clone());
    let (listen, folder) = (format!("0.0.0.0:{first}"), data.clone());
    let advertised = address.clone();
    let hub = Part::start("adit-hub", move || {
        let mut command = namespace.command(&adit);
        command.args(["hub", "--log", "warn", "--listen", &listen, &listener]);
        command.args(["--advertise", &advertised, "--data-dir"]);
        command.arg(&folder);
        command
    })?;
    let made = async || once(data.join("ca.crt").exists());
    hub.process()
        .until("the hub's authority", GENEROUS, made)
        .await?;
    let credentials = credentials(place, programs, &data).await?;
    let carrier = programs.adit_knows(CARRIER.0, CARRIER.1)?;
    let (namespace, adit) = (place.cluster().clone(), programs.adit.clone());
    let allowed = target.clone();
    let agent = Part::start("adit-agent", move || {
        let mut command = namespace.command(&adit);
        command.args(["agent", "--log", "warn", "--allow-target", &allowed]);
        command.arg("--credentials").arg(&credentials);
        if carrier {
            command.args([CARRIER.1, variant.carrier()]);
        }
        command
    })?;
    let mut system = match variant {
        Variant::Connect => {
            let keys = Keys::of_hub(&data)?;
            let mut system =
                System::entered_with_keys(kind, "connect", &entry, &target, keys.folder());
            let header = format!("Adit-Cluster: {CLUSTER}");
            system.way.extend(["--header".to_owned(), header]);
            system
        }
        Variant::H2 | Variant::Quic => System::entered_plainly(kind, &entry),
    };
    system.home = Some(Home {
        data,
        address,
        carrier: variant.carrier(),
    });
    system.hub = Some(hub);
    system.agent = Some(agent);
    Ok(system)
}

/// Issues the agent's credentials and returns their file.
async fn credentials(place: &Place, programs: &Programs, data: &PathBuf) -> Result<PathBuf> {
    let file = data.join("agent.credentials");
    let issue = || -> Command {
        let mut command = place.hub().command(&programs.adit);
        command
            .args(["credentials", CLUSTER, "--data-dir"])
            .arg(data);
        command.arg("--output").arg(&file);
        command
    };
    // The folder is locked for a moment while the hub makes it.
    let issued = async || {
        let output = command::run(issue(), Vec::new(), GENEROUS).await.ok()?;
        once(output.code == 0)
    };
    wait::until("the agent's credentials", GENEROUS, issued).await?;
    ensure!(file.exists(), "no credentials were written");
    Ok(file)
}
