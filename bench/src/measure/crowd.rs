//! What many agents cost their hub, and how they come back to it.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use harness::process::Process;
use harness::scratch;
use tokio::time::sleep;

use super::idle::{SETTLE, resident_of};
use super::recovery::bounce;
use crate::agents::{CONNECTED, SHARES};
use crate::figures::Round;
use crate::place::Place;
use crate::programs::Programs;
use crate::system::{End, System};

/// How long all of them may take to get their sessions.
const LIMIT: Duration = Duration::from_secs(300);

/// How long the hub is gone.
const OUTAGE: Duration = Duration::from_millis(200);

/// How long they have held their sessions when the hub is killed: for an agent
/// one that ends sooner was none.
const HELD: Duration = Duration::from_secs(5);

/// How long a hub's memory is the same once it has made all that it keeps of its
/// clusters, and how long that may take.
const QUIET: u32 = 5;
const REGISTERING: u32 = 300;

/// Resident memory of the hub for each of so many agents: for its session, and
/// for what the hub keeps of its cluster; held for long, also what it is by then
/// as a multiple.
pub(super) async fn idle(
    count: u32,
    held: Duration,
    system: &mut System,
    place: &Place,
    programs: &Programs,
) -> Result<Round> {
    let empty = resident_of(system, End::Hub)?;
    let go = scratch::fresh_folder("go")?.join("go");
    let crowd = crowd(count, Some(&go), system, place, programs)?;
    let registered = settled(system, empty * 1.1).await?;
    fs::write(&go, "")?;
    connected(&crowd, 1).await?;
    sleep(SETTLE).await;
    let after = resident_of(system, End::Hub)?;
    let each = |more: f64| more / f64::from(count);
    let mut round = Round::from([
        ("bytes_each".to_owned(), each(after - registered)),
        ("bytes_each_registered".to_owned(), each(registered - empty)),
    ]);
    if !held.is_zero() {
        sleep(held).await;
        let late = resident_of(system, End::Hub)?;
        round.insert("change_hub".to_owned(), late / after);
    }
    Ok(round)
}

/// Seconds from the start of the hub, killed a moment ago, until the last of so
/// many agents has a session again, and until shares of them do.
pub(super) async fn storm(
    count: u32,
    system: &mut System,
    place: &Place,
    programs: &Programs,
) -> Result<Round> {
    let crowd = crowd(count, None, system, place, programs)?;
    connected(&crowd, 1).await?;
    sleep(HELD).await;
    let started = bounce(system, End::Hub, OUTAGE).await?;
    let started = started
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs_f64();
    let times = connected(&crowd, 2).await?;
    let curve = SHARES.iter().zip(times).map(|(share, at)| {
        let metric = match share {
            100 => "seconds".to_owned(),
            share => format!("seconds_{share}"),
        };
        (metric, at - started)
    });
    Ok(curve.collect())
}

/// The hub's resident memory when it is more than `least` and has not grown by
/// a hundredth for some seconds.
async fn settled(system: &mut System, least: f64) -> Result<f64> {
    let (mut most, mut quiet) = (0.0, 0);
    for _ in 0..REGISTERING {
        sleep(Duration::from_secs(1)).await;
        let now = resident_of(system, End::Hub)?;
        quiet = if now > most * 1.01 { 0 } else { quiet + 1 };
        most = f64::max(most, now);
        if quiet >= QUIET && now > least {
            return Ok(now);
        }
    }
    bail!("the hub's memory grows and grows")
}

/// Agents that wait for a file, if there is one, before they come.
fn crowd(
    count: u32,
    go: Option<&Path>,
    system: &System,
    place: &Place,
    programs: &Programs,
) -> Result<Process> {
    let home = system.home();
    let home = home.context("only Adit's hubs can have a crowd")?;
    let mut command = place.cluster().command(&programs.this);
    command.args(["agents", "--count", &count.to_string()]);
    command.args(["--hub", &home.address, "--carrier", home.carrier]);
    command.arg("--data-dir").arg(&home.data);
    if let Some(go) = go {
        command.arg("--go").arg(go);
    }
    Process::start("agents", command)
}

/// Waits until all have sessions for this time, and tells when shares of them had.
async fn connected(crowd: &Process, time: usize) -> Result<Vec<f64>> {
    let seen = async || {
        let output = crowd.output();
        let mut times = output
            .lines()
            .filter_map(|line| line.strip_prefix(CONNECTED));
        let line = times.nth(time - 1)?.split_whitespace();
        line.map(|at| at.parse().ok()).collect()
    };
    crowd.until("sessions of all agents", LIMIT, seen).await
}
