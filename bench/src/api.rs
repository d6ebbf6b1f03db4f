//! What the hub's own API costs, beside kube-apiserver with etcd.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep};

use crate::figures::{Results, Round, summarize};
use crate::report;
use server::{Kind, Server};

pub(crate) mod client;
mod leases;
mod objects;
pub(crate) mod server;
mod watches;

/// Measure the hub's own API beside kube-apiserver with etcd
///
/// Needs the folder that tests/peers/build prints, in ADIT_PEERS. Both run all
/// the time, with every write synced to the disk that the results go to.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Also the leases that are renewed for an hour
    #[arg(long)]
    all: bool,

    /// Only this case; may be repeated
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,

    /// Only this system; may be repeated
    #[arg(long = "system", value_name = "NAME", value_enum)]
    systems: Vec<Kind>,

    /// So many rounds of each case
    #[arg(long, value_name = "NUMBER", default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Measure nothing if the folder has the cases already
    #[arg(long)]
    resume: bool,

    /// Where results.json goes, and the data of both for the time being
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    out: PathBuf,
}

/// The cases, in the order in which they are run.
pub(crate) const CASES: [&str; 10] = [
    START, IDLE, OBJECTS, CREATES_1, CREATES_64, LIST, WATCH, SELECTED, LEASES, HOUR,
];

const START: &str = "api_start";
const IDLE: &str = "api_idle_memory";
const OBJECTS: &str = "api_objects";
const CREATES_1: &str = "api_creates_1";
const CREATES_64: &str = "api_creates_64";
const LIST: &str = "api_list";
const WATCH: &str = "api_watch";
const SELECTED: &str = "api_watch_selected";
const LEASES: &str = "api_leases";
const HOUR: &str = "api_leases_hour";

/// How long creates go on in a round.
const CREATING: Duration = Duration::from_secs(3);
/// How long leases are renewed in a round, and in the long form.
const RENEWING: Duration = Duration::from_secs(10);
const AN_HOUR: Duration = Duration::from_secs(3600);
/// How long a server that has just started is left alone before its memory is
/// read, and one that has just taken objects in: allocators and garbage
/// collectors give memory back late.
const STARTED: Duration = Duration::from_secs(3);
const FILLED: Duration = Duration::from_secs(12);

pub(crate) async fn run(args: Args) -> Result<()> {
    for case in &args.cases {
        ensure!(
            CASES.contains(&case.as_str()),
            "there is no case {case}; there are: {}",
            CASES.join(" ")
        );
    }
    let mut bench = Bench::new(args)?;
    let begun = Instant::now();
    if bench.wanted.is_empty() {
        eprintln!("all cases of the API are there already");
    } else {
        Box::pin(bench.run()).await?;
    }
    bench.keep()?;
    eprintln!("the API: {:.0?}", begun.elapsed());
    report::print_results(&bench.args.out)
}

struct Bench {
    args: Args,
    data: PathBuf,
    wanted: Vec<&'static str>,
    kinds: Vec<Kind>,
    measured: BTreeMap<&'static str, BTreeMap<Kind, Vec<Round>>>,
}

impl Bench {
    fn new(args: Args) -> Result<Self> {
        let wanted = |case: &&str| {
            let chosen = if args.cases.is_empty() {
                *case != HOUR || args.all
            } else {
                args.cases.iter().any(|of| of == case)
            };
            chosen && !(args.resume && Results::has(&args.out, case))
        };
        let data = args.out.join("api");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        Ok(Self {
            data: data.canonicalize()?,
            wanted: CASES.into_iter().filter(wanted).collect(),
            kinds: Kind::ALL
                .into_iter()
                .filter(|kind| args.systems.is_empty() || args.systems.contains(kind))
                .collect(),
            measured: BTreeMap::new(),
            args,
        })
    }

    async fn run(&mut self) -> Result<()> {
        let mut servers = Box::pin(self.starts()).await?;
        for server in &servers {
            server.prepare().await?;
        }
        if self.wants(OBJECTS) || self.wants(LIST) {
            Box::pin(self.objects(&servers)).await;
        }
        for (case, clients) in [(CREATES_1, 1), (CREATES_64, 64)] {
            Box::pin(self.case(case, &mut servers, async |server| {
                objects::creates(server, clients, CREATING).await
            }))
            .await;
        }
        Box::pin(self.case(LIST, &mut servers, async |server| {
            objects::list(server).await
        }))
        .await;
        for (case, selector) in [(WATCH, ""), (SELECTED, watches::SELECTOR)] {
            Box::pin(self.case(case, &mut servers, async |server| {
                watches::delivery(server, selector).await
            }))
            .await;
        }
        if self.wants(LEASES) || self.wants(HOUR) {
            for server in &mut servers {
                server.leases = leases::make(server).await?;
            }
        }
        Box::pin(self.case(LEASES, &mut servers, async |server| {
            leases::renew(server, RENEWING).await
        }))
        .await;
        if self.wants(HOUR) {
            Box::pin(self.hour(&mut servers)).await;
        }
        Ok(())
    }

    fn wants(&self, case: &str) -> bool {
        self.wanted.contains(&case)
    }

    /// Starts them over and over; those of the last round are kept.
    async fn starts(&mut self) -> Result<Vec<Server>> {
        let rounds = if self.wants(START) || self.wants(IDLE) {
            self.args.rounds
        } else {
            1
        };
        let mut servers: Vec<Server> = Vec::new();
        for _ in 0..rounds {
            servers.clear();
            for &kind in &self.kinds.clone() {
                let server = Box::pin(Server::start(kind, &self.data)).await?;
                let seconds = server.started.as_secs_f64();
                self.note(START, kind, [("seconds", seconds)]);
                servers.push(server);
            }
            sleep(STARTED).await;
            for server in &servers {
                let resident = [("bytes_resident", server.resident())];
                self.note(IDLE, server.kind, resident);
            }
            self.kinds.rotate_left(1);
        }
        Ok(servers)
    }

    /// What 10,000 objects take in memory and on disk.
    async fn objects(&mut self, servers: &[Server]) {
        let mut before = Vec::new();
        for server in servers {
            before.push((server.resident(), server.disk()));
            if let Err(error) = objects::fill(server).await {
                eprintln!("{OBJECTS}, {}: {error:#}", server.kind.name());
            }
        }
        sleep(FILLED).await;
        for (server, (resident, disk)) in servers.iter().zip(before) {
            let (resident, disk) = (server.resident() - resident, server.disk() - disk);
            match objects::json_size(server).await {
                Ok(json) => self.note(
                    OBJECTS,
                    server.kind,
                    [
                        ("disk_by_json", disk / json),
                        ("memory_by_json", resident / json),
                        ("bytes_json", json),
                    ],
                ),
                Err(error) => eprintln!("{OBJECTS}, {}: {error:#}", server.kind.name()),
            }
        }
    }

    /// Measures a case, rounds interleaved; one that fails is told and left out.
    async fn case(
        &mut self,
        case: &'static str,
        servers: &mut [Server],
        mut work: impl AsyncFnMut(&mut Server) -> Result<Round>,
    ) {
        if !self.wants(case) {
            return;
        }
        let since = Instant::now();
        for _ in 0..self.args.rounds {
            for server in servers.iter_mut() {
                match work(server).await {
                    Ok(round) => self.measured(case, server.kind).push(round),
                    Err(error) => eprintln!("{case}, {}: {error:#}", server.kind.name()),
                }
            }
            // Nobody is always first.
            servers.rotate_left(1);
        }
        eprintln!("{case}: {:.0?}", since.elapsed());
    }

    /// An hour of renewals, of all at the same time.
    async fn hour(&mut self, servers: &mut [Server]) {
        let running = servers.iter_mut().map(async |server| {
            let round = leases::renew_long(server, AN_HOUR).await;
            (server.kind, round)
        });
        for (kind, round) in futures_util::future::join_all(running).await {
            match round {
                Ok(round) => self.measured(HOUR, kind).push(round),
                Err(error) => eprintln!("{HOUR}, {}: {error:#}", kind.name()),
            }
        }
    }

    fn measured(&mut self, case: &'static str, kind: Kind) -> &mut Vec<Round> {
        let case = self.measured.entry(case).or_default();
        case.entry(kind).or_default()
    }

    fn note<const N: usize>(&mut self, case: &'static str, kind: Kind, values: [(&str, f64); N]) {
        if self.wants(case) {
            let round = values.map(|(metric, value)| (metric.to_owned(), value));
            self.measured(case, kind).push(Round::from(round));
        }
    }

    /// Writes what was measured, and takes the data away.
    fn keep(&self) -> Result<()> {
        for (case, kinds) in &self.measured {
            let figures: Vec<_> = kinds
                .iter()
                .flat_map(|(kind, rounds)| summarize(case, kind.name(), rounds))
                .collect();
            Results::keep(&self.args.out, case, &figures)?;
        }
        Ok(fs::remove_dir_all(&self.data)?)
    }
}
