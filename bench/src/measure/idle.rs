//! What open and silent streams hold, and whether it grows.

use std::time::Duration;

use anyhow::{Context as _, Result};
use harness::process::Process;
use harness::wait::once;
use tokio::time::sleep;

use crate::figures::Round;
use crate::place::Place;
use crate::programs::Programs;
use crate::system::{End, System};

/// How long memory has to settle before it is read.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

/// How long the streams may take to open.
const LIMIT: Duration = Duration::from_secs(120);

/// Resident memory of each end for each of so many streams; held for long, also
/// what it is by then as a multiple.
pub(super) async fn streams(
    count: u32,
    held: Duration,
    system: &mut System,
    place: &Place,
    programs: &Programs,
) -> Result<Round> {
    let before = resident(system)?;
    let mut command = place.hub().command(&programs.load);
    command.arg("idle").args(system.way());
    command.args(["--streams", "16", "--count", &count.to_string()]);
    let holder = Process::start("idle", command)?;
    let open = async || once(holder.output().contains("open"));
    holder.until("all streams to be open", LIMIT, open).await?;
    sleep(SETTLE).await;
    let after = resident(system)?;
    let [hub, agent] = [0, 1].map(|end| (after[end] - before[end]) / f64::from(count));
    let mut round = Round::from([
        ("bytes_each".to_owned(), hub.max(agent)),
        ("bytes_each_agent".to_owned(), agent),
        ("bytes_each_hub".to_owned(), hub),
    ]);
    if !held.is_zero() {
        sleep(held).await;
        let late = resident(system)?;
        round.insert("change_hub".to_owned(), late[0] / after[0]);
        round.insert("change_agent".to_owned(), late[1] / after[1]);
    }
    Ok(round)
}

/// Of the hub's end and the agent's.
fn resident(system: &mut System) -> Result<[f64; 2]> {
    Ok([
        resident_of(system, End::Hub)?,
        resident_of(system, End::Agent)?,
    ])
}

/// Resident memory of an end, in bytes.
pub(super) fn resident_of(system: &mut System, end: End) -> Result<f64> {
    let part = system.part(end).context("it has no such end")?;
    // A process has far less than 2^52 bytes.
    #[expect(clippy::cast_precision_loss, reason = "as said above")]
    Ok(part.process().resident() as f64)
}
