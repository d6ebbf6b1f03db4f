//! One round of a case, of one system.

use anyhow::{Context as _, Result};

use crate::case::{Case, Load, Work};
use crate::figures::Round;
use crate::load;
use crate::place::Place;
use crate::programs::Programs;
use crate::system::{Kind, System};

mod crowd;
mod idle;
mod recovery;

/// Measures a system that serves.
///
/// # Errors
/// It fails under the load, or what is to be read cannot be.
pub(crate) async fn round(
    case: &Case,
    system: &mut System,
    place: &Place,
    programs: &Programs,
) -> Result<Round> {
    match &case.work {
        Work::Load(load) => under_load(load, system, place, programs).await,
        Work::IdleAgents(count, held) => crowd::idle(*count, *held, system, place, programs).await,
        Work::Storm(count) => crowd::storm(*count, system, place, programs).await,
        Work::IdleStreams(count, held) => {
            idle::streams(*count, *held, system, place, programs).await
        }
        Work::Recovery(outage) => recovery::round(*outage, system, place, programs).await,
    }
}

async fn under_load(
    load: &Load,
    system: &System,
    place: &Place,
    programs: &Programs,
) -> Result<Round> {
    let control = ["--control".to_owned(), place.backend().to_string()];
    let flags = [load.flags.as_slice(), &control].concat();
    let before = system.cpu_seconds()?;
    let mut round = load::run(programs, place, load.mode, system.way(), &flags).await?;
    let used = system.cpu_seconds().context("an end of it has died")? - before;
    if let Some(bytes) = round.remove("bytes")
        && system.kind() != Kind::Direct
    {
        round.insert("cpu_s_per_gib".to_owned(), used / (bytes / GIB));
    }
    Ok(round)
}

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
