//! The systems that are compared.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::keys::Keys;
use crate::load;
use crate::part::Part;
use crate::place::Place;
use crate::programs::Programs;
use crate::usage;

mod adit;
mod konnectivity;
mod rathole;
mod relay;

/// Which system.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Kind {
    Direct,
    Relay,
    Rathole,
    KonnectivityGrpc,
    KonnectivityReuse,
    KonnectivityConnect,
    AditH2,
    AditQuic,
    AditConnect,
}

/// A system that runs.
#[derive(Debug)]
pub(crate) struct System {
    kind: Kind,
    /// How the load program gets in.
    way: Vec<String>,
    hub: Option<Part>,
    agent: Option<Part>,
    home: Option<Home>,
}

/// What agents have to know of one of Adit's hubs.
#[derive(Debug)]
pub(crate) struct Home {
    /// Its data directory.
    pub(crate) data: PathBuf,
    /// Where agents reach it.
    pub(crate) address: String,
    /// What they are to come by.
    pub(crate) carrier: &'static str,
}

/// Which of a system's two ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Hub,
    Agent,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Direct,
        Self::Relay,
        Self::Rathole,
        Self::KonnectivityGrpc,
        Self::KonnectivityReuse,
        Self::KonnectivityConnect,
        Self::AditH2,
        Self::AditQuic,
        Self::AditConnect,
    ];

    /// As the results have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relay => "relay",
            Self::Rathole => "rathole",
            Self::KonnectivityGrpc => "konnectivity_grpc",
            Self::KonnectivityReuse => "konnectivity_reuse",
            Self::KonnectivityConnect => "konnectivity_connect",
            Self::AditH2 => "adit_h2",
            Self::AditQuic => "adit_quic",
            Self::AditConnect => "adit_connect",
        }
    }

    /// Why it cannot be measured with the programs that are there.
    ///
    /// # Errors
    /// adit cannot be run.
    pub(crate) fn lacks(self, programs: &Programs) -> Result<Option<&'static str>> {
        match self {
            Self::AditH2 => adit::Variant::H2.lacks(programs),
            Self::AditQuic => adit::Variant::Quic.lacks(programs),
            Self::AditConnect => adit::Variant::Connect.lacks(programs),
            Self::Direct
            | Self::Relay
            | Self::Rathole
            | Self::KonnectivityGrpc
            | Self::KonnectivityReuse
            | Self::KonnectivityConnect => Ok(None),
        }
    }
}

impl System {
    /// Starts one and waits until the backend is reached through it.
    ///
    /// # Errors
    /// It does not start, or leads nowhere.
    pub(crate) async fn start(
        kind: Kind,
        place: &Place,
        programs: &Programs,
        keys: &Keys,
    ) -> Result<Self> {
        let konnectivity = |variant| konnectivity::start(kind, variant, place, programs, keys);
        let adit = |variant| Box::pin(adit::start(kind, variant, place, programs));
        let started = match kind {
            Kind::Direct => Ok(Self::entered_plainly(kind, &place.backend().to_string())),
            Kind::Relay => relay::start(place, programs, keys),
            Kind::Rathole => rathole::start(place, programs, keys),
            Kind::KonnectivityGrpc => konnectivity(konnectivity::Variant::Grpc),
            Kind::KonnectivityReuse => konnectivity(konnectivity::Variant::Reuse),
            Kind::KonnectivityConnect => konnectivity(konnectivity::Variant::Connect),
            Kind::AditH2 => adit(adit::Variant::H2).await,
            Kind::AditQuic => adit(adit::Variant::Quic).await,
            Kind::AditConnect => adit(adit::Variant::Connect).await,
        };
        let system = started.with_context(|| format!("cannot start {}", kind.name()))?;
        if let Err(error) = system.serves(place, programs, START_LIMIT).await {
            return Err(error.context(system.last_words()));
        }
        Ok(system)
    }

    /// Which one it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// How the load program gets in.
    pub(crate) fn way(&self) -> &[String] {
        &self.way
    }

    /// One of its ends; `direct` has none.
    pub(crate) fn part(&mut self, end: End) -> Option<&mut Part> {
        match end {
            End::Hub => self.hub.as_mut(),
            End::Agent => self.agent.as_mut(),
        }
    }

    /// Where more agents could come to, if it is Adit's.
    pub(crate) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// CPU time of both its ends so far, in seconds.
    ///
    /// # Errors
    /// One of them has ended.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        self.parts()
            .map(|part| usage::cpu_seconds(part.process().pid()))
            .sum()
    }

    /// Waits until a connection gets through, and tells how long that took.
    ///
    /// # Errors
    /// None does within the limit.
    pub(crate) async fn serves(
        &self,
        place: &Place,
        programs: &Programs,
        limit: Duration,
    ) -> Result<f64> {
        let limit = ["--for".to_owned(), format!("{}ms", limit.as_millis())];
        let round = load::run(programs, place, "await", &self.way, &limit).await;
        let round = round.with_context(|| format!("{} does not serve", self.kind.name()))?;
        Ok(round.get("seconds").copied().unwrap_or_default())
    }

    fn entered_plainly(kind: Kind, address: &str) -> Self {
        let way = ["--via", "plain", "--addr", address];
        Self {
            kind,
            way: way.map(str::to_owned).to_vec(),
            hub: None,
            agent: None,
            home: None,
        }
    }

    fn entered_with_keys(kind: Kind, via: &str, address: &str, target: &str, keys: &Path) -> Self {
        let keys = keys.to_string_lossy();
        let way = [
            "--via", via, "--addr", address, "--target", target, "--keys", &keys,
        ];
        Self {
            way: way.map(str::to_owned).to_vec(),
            ..Self::entered_plainly(kind, address)
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.hub.iter().chain(&self.agent)
    }

    fn last_words(&self) -> String {
        let words = self.parts().map(|part| {
            let output = part.process().output();
            let lines: Vec<&str> = output.lines().collect();
            lines[lines.len().saturating_sub(10)..].join("\n")
        });
        format!(
            "its ends said at last:\n{}",
            words.collect::<Vec<_>>().join("\n")
        )
    }
}

const START_LIMIT: Duration = Duration::from_secs(30);
