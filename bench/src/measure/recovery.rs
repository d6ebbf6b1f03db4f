//! How soon a system serves again when an end of it was killed.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use crate::figures::Round;
use crate::load;
use crate::place::Place;
use crate::programs::Programs;
use crate::system::{End, System};

/// Seconds from the start of the killed end to the first connection that gets
/// through, of either end.
pub(super) async fn round(
    outage: Duration,
    system: &mut System,
    place: &Place,
    programs: &Programs,
) -> Result<Round> {
    let hub = after(system, End::Hub, outage, place, programs).await?;
    let agent = after(system, End::Agent, outage, place, programs).await?;
    Ok(Round::from([
        ("seconds".to_owned(), hub.max(agent)),
        ("seconds_agent".to_owned(), agent),
        ("seconds_hub".to_owned(), hub),
    ]))
}

async fn after(
    system: &mut System,
    end: End,
    outage: Duration,
    place: &Place,
    programs: &Programs,
) -> Result<f64> {
    let since = bounce(system, end, outage).await?;
    let since = since.duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
    let flags = ["--since", &since.to_string(), "--for", "60s"].map(str::to_owned);
    let round = load::run(programs, place, "await", system.way(), &flags).await?;
    round.get("seconds").copied().context("no seconds")
}

/// Kills an end and starts it again; returns when it was started.
pub(super) async fn bounce(system: &mut System, end: End, outage: Duration) -> Result<SystemTime> {
    let part = system.part(end).context("it has no such end")?;
    part.process().kill();
    sleep(outage).await;
    let since = SystemTime::now();
    part.restart()?;
    Ok(since)
}
