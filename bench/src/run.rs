//! Runs the cases: rounds interleaved, so that what the machine does besides
//! falls on all systems alike.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use crate::case::{Case, Work};
use crate::cases;
use crate::cli::RunArgs;
use crate::figures::{Figure, Results, Round, summarize};
use crate::keys::Keys;
use crate::measure;
use crate::place::{Line, Place};
use crate::programs::Programs;
use crate::report;
use crate::system::{Kind, System};

/// What is there between two rounds.
struct Bench {
    programs: Programs,
    keys: Keys,
    /// The systems to measure, of those that can be.
    chosen: BTreeSet<Kind>,
    stage: Option<Stage>,
}

/// A place and the systems that run in it.
struct Stage {
    // Ended before their place is.
    running: BTreeMap<Kind, System>,
    place: Place,
}

/// A system that has not carried a connection for so long is started anew.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: RunArgs) -> Result<()> {
    let cases = chosen(&args)?;
    let mut bench = Bench::new(&args)?;
    if !args.resume && args.cases.is_empty() {
        Results::clear(&args.out)?;
    }
    let begun = Instant::now();
    for case in &cases {
        if args.resume && Results::has(&args.out, &case.name) {
            continue;
        }
        let since = Instant::now();
        let figures = Box::pin(bench.case(case, args.rounds)).await?;
        Results::keep(&args.out, &case.name, &figures)?;
        report::print_case(&case.name, &figures);
        eprintln!("{}: {:.0?}", case.name, since.elapsed());
    }
    eprintln!("all: {:.0?}", begun.elapsed());
    report::print_results(&args.out)
}

fn chosen(args: &RunArgs) -> Result<Vec<Case>> {
    let everything = cases::list(true);
    for name in &args.cases {
        ensure!(
            everything.iter().any(|case| case.name == *name),
            "there is no case {name}; there are: {}",
            everything
                .iter()
                .map(|case| case.name.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        );
    }
    if args.cases.is_empty() {
        return Ok(cases::list(args.all));
    }
    let wanted = |case: &Case| args.cases.contains(&case.name);
    Ok(everything.into_iter().filter(wanted).collect())
}

impl Bench {
    fn new(args: &RunArgs) -> Result<Self> {
        let programs = Programs::find()?;
        let mut chosen = BTreeSet::new();
        for kind in Kind::ALL {
            if !args.systems.is_empty() && !args.systems.contains(&kind) {
                continue;
            }
            match kind.lacks(&programs)? {
                Some(reason) => eprintln!("{} is left out: {reason}", kind.name()),
                None => _ = chosen.insert(kind),
            }
        }
        Ok(Self {
            programs,
            keys: Keys::create()?,
            chosen,
            stage: None,
        })
    }

    /// Measures a case; a round that fails is told and left out.
    async fn case(&mut self, case: &Case, rounds: Option<u32>) -> Result<Vec<Figure>> {
        let mut kinds: Vec<Kind> = case.systems.to_vec();
        kinds.retain(|kind| self.chosen.contains(kind));
        let mut measured: BTreeMap<Kind, Vec<Round>> = BTreeMap::new();
        for _ in 0..rounds.unwrap_or(case.rounds) {
            for &kind in &kinds {
                match Box::pin(self.round(case, kind)).await {
                    Ok(round) => measured.entry(kind).or_default().push(round),
                    Err(error) => eprintln!("{}, {}: {error:#}", case.name, kind.name()),
                }
            }
            // Nobody is always first, nor always behind the same other.
            if !kinds.is_empty() {
                kinds.rotate_left(1);
            }
        }
        Ok(measured
            .iter()
            .flat_map(|(kind, rounds)| summarize(&case.name, kind.name(), rounds))
            .collect())
    }

    async fn round(&mut self, case: &Case, kind: Kind) -> Result<Round> {
        self.set(case.line)?;
        let Self {
            programs,
            keys,
            stage: Some(stage),
            ..
        } = self
        else {
            anyhow::bail!("no place was made");
        };
        let Stage { running, place } = stage;
        let used = match running.remove(&kind) {
            Some(system) if !wants_fresh(&case.work) => {
                let serves = system.serves(place, programs, PATIENCE).await;
                serves.is_ok().then_some(system)
            }
            Some(_) | None => None,
        };
        let mut system = match used {
            Some(system) => system,
            None => Box::pin(System::start(kind, place, programs, keys)).await?,
        };
        let round = Box::pin(measure::round(case, &mut system, place, programs)).await;
        if round.is_ok() && !spoils(&case.work) {
            running.insert(kind, system);
        }
        round
    }

    /// Makes the place that has this line, unless it is there.
    fn set(&mut self, line: Line) -> Result<()> {
        if self
            .stage
            .as_ref()
            .is_none_or(|stage| stage.place.line() != line)
        {
            // The old one first: addresses are the same in both.
            self.stage = None;
            self.stage = Some(Stage {
                running: BTreeMap::new(),
                place: Place::create(line, &self.programs)?,
            });
        }
        Ok(())
    }
}

/// Whether what a system did before would be measured too.
fn wants_fresh(work: &Work) -> bool {
    matches!(
        work,
        Work::IdleAgents(..) | Work::IdleStreams(..) | Work::Storm(_)
    )
}

/// Whether a system is not to be used after it.
fn spoils(work: &Work) -> bool {
    match work {
        Work::Load(load) => load.spoils,
        Work::IdleAgents(..) | Work::IdleStreams(..) | Work::Storm(_) => true,
        Work::Recovery(_) => false,
    }
}
