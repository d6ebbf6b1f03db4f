//! The same requests to the hub's own API server and to a real kube-apiserver:
//! the same answers, but for the differences that `docs/api-differences.md`
//! lists.
//!
//! Some requests are written down, by verb and error; thousands are made from
//! a seed (`ADIT_SEED`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "JSON gets no further sorts of values"
)]

use std::net::SocketAddr;

use anyhow::Result;
use futures_util::{StreamExt as _, stream};
use tests::api_server;
use tests::cluster::{API_PORT, Cluster, User as KubeUser};
use tests::fixture::{Fixture, Home};
use tests::namespace::Namespace;
use tests::network::{CLUSTER, Memory, Network};
use tests::wait::{GENEROUS, once, until};
use tests::{needs, scratch, tls};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::Instant;

#[path = "differential/generate.rs"]
mod generate;
#[path = "differential/known.rs"]
mod known;
#[path = "differential/request.rs"]
mod request;
#[path = "differential/scenarios.rs"]
mod scenarios;
#[path = "differential/script.rs"]
mod script;
#[path = "differential/server.rs"]
mod server;
#[path = "differential/told.rs"]
mod told;
#[path = "differential/words.rs"]
mod words;

use generate::Generator;
use known::Known;
use request::{Request, get, post};
use script::{Outcome, Pair, Parting};
use server::Server;

struct Place {
    network: Network,
    cluster: Cluster,
    /// Whether the real server has been given the hub's own kinds.
    defined: OnceCell<()>,
}

impl Home for Place {
    fn home(&self) -> &Namespace {
        self.network.cluster()
    }
}

static PLACE: Fixture<Place> = Fixture::new(|needs| {
    Box::pin(async move {
        let network = Network::create(1, Memory::Default)?;
        let cluster = Cluster::without_nodes(needs, network.cluster(), CLUSTER).await?;
        Ok(Place {
            network,
            cluster,
            defined: OnceCell::new(),
        })
    })
});

impl Place {
    fn real(&self) -> Result<Server> {
        let authority = std::fs::read_to_string(self.cluster.authority())?;
        let tls = tls::client(&authority, None, b"http/1.1")?;
        let address = SocketAddr::from((CLUSTER, API_PORT));
        Ok(Server::new(address, Some(tls), &KubeUser::ADMIN.token()))
    }
}

/// Gives the real server the hub's own kinds.
async fn define(real: &mut Server) -> Result<()> {
    const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in api::ocm().custom_resource_definitions() {
        let answer = real.send(&post(DEFINITIONS, &definition), "").await?;
        anyhow::ensure!(answer.status == 201, "{answer:?}");
    }
    for resource in api::ocm()
        .resources
        .iter()
        .filter(|of| of.hooks.conversion.is_none())
    {
        let (group, version) = (&resource.group, &resource.version);
        let path = format!("/apis/{group}/{version}/{}", resource.names.plural);
        if resource.verbs.contains(&api::Verb::Create) {
            let served = async || {
                let answer = real.send(&get(path.as_str()), "").await;
                once(answer.is_ok_and(|answer| answer.status == 200))
            };
            until("a kind to be served", GENEROUS, served).await?;
        }
    }
    Ok(())
}

/// The hub's kinds without what Open Cluster Management's webhooks do with
/// them: the real server has no webhooks here.
fn kinds() -> api::Catalogue {
    let mut all = api::all();
    for resource in all.resources.iter_mut().filter(|of| of.custom) {
        resource.hooks.admit = None;
        resource.hooks.stamp = None;
    }
    all
}

/// The hub's API server.
struct Ours {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Ours {
    async fn start() -> Result<Self> {
        let folder = scratch::fresh_folder("differential")?;
        let (address, tasks) = api_server::listen(&folder, kinds()).await?;
        Ok(Self {
            address,
            _tasks: tasks,
        })
    }

    fn client(&self) -> Server {
        Server::new(self.address, None, "")
    }
}

async fn pair(place: &Place) -> (Ours, Pair) {
    let ours = Ours::start().await.unwrap();
    let mut real = place.real().unwrap();
    let define = async || define(&mut real).await.unwrap();
    place.defined.get_or_init(define).await;
    let pair = Pair {
        ours: ours.client(),
        real,
    };
    (ours, pair)
}

#[test]
fn requests_are_answered_as_by_the_real_server() {
    PLACE.test(async |place| {
        let (_ours, pair) = pair(place).await;
        let only = std::env::var("ADIT_SCENARIO").ok();
        let mut told = String::new();
        let mut met = Vec::new();
        let mut wrong = 0;
        for (name, requests) in scenarios::all() {
            if only.as_ref().is_some_and(|only| only != name) {
                continue;
            }
            let mut pair = pair.another();
            let namespace = format!("s-{name}");
            pair.make_namespace(&namespace).await;
            let outcome = pair.run(&namespace, &requests, Parting::GoesOn).await;
            met.extend(outcome.known);
            wrong += outcome.count;
            if !outcome.unexpected.is_empty() {
                told.push_str(&format!("\n######## {name}\n{}", outcome.unexpected));
            }
        }
        assert!(told.is_empty(), "{wrong} answers differ\n{told}");
        let gone: Vec<&str> = Known::headings()
            .filter(|heading| only.is_none() && !met.contains(heading))
            .collect();
        assert!(gone.is_empty(), "no longer so, and listed: {gone:#?}");
    });
}

#[test]
fn requests_made_from_a_seed_are_answered_as_by_the_real_server() {
    PLACE.test(async |place| {
        let (_ours, pair) = pair(place).await;
        let seed = std::env::var("ADIT_SEED").ok();
        let seed: Option<u64> = seed.and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| if needs::soak() { 20_261_122 } else { 7 });
        let cases = std::env::var("ADIT_CASES").ok();
        let cases = cases.and_then(|cases| cases.parse().ok());
        let cases = cases.unwrap_or_else(|| if needs::soak() { 3000 } else { 300 });
        eprintln!("differential: ADIT_SEED={seed}");
        // `ADIT_CASE=3,17` tries these alone.
        let only = std::env::var("ADIT_CASE").ok();
        let only: Option<Vec<u64>> = only.map(|of| of.split(',').flat_map(str::parse).collect());
        let cases = only.unwrap_or_else(|| (0..cases).collect());
        let begun = Instant::now();
        let one = async |case| {
            let mut generator = Generator::new(seed, case);
            let script = Script {
                requests: generator.requests(),
                cleanup: generator.cleanup(),
            };
            let outcome = script.run(&pair, &format!("g{case}")).await;
            (case, script, outcome)
        };
        let all: Vec<_> = stream::iter(cases)
            .map(one)
            .buffered(AT_ONCE)
            .collect()
            .await;
        let sent: usize = all.iter().map(|(_, of, _)| of.requests.len()).sum();
        let (cases, took) = (all.len(), begun.elapsed());
        eprintln!("differential: {cases} cases, {sent} requests in {took:?}");
        let differing = all.into_iter().filter(|(.., outcome)| outcome.at.is_some());
        let mut wrong = Vec::new();
        for (case, script, outcome) in differing {
            let shown = if wrong.len() < MOST {
                smallest(&pair, &format!("g{case}"), script, outcome).await
            } else {
                outcome
            };
            wrong.push((case, shown));
        }
        let told: Vec<String> = wrong
            .iter()
            .map(|(case, outcome)| format!("######## case {case}\n{}", outcome.unexpected))
            .collect();
        assert!(
            told.is_empty(),
            "ADIT_SEED={seed}: {} cases differ\n{}",
            told.len(),
            told.join("\n")
        );
    });
}

/// The requests of a case.
#[derive(Clone)]
struct Script {
    requests: Vec<Request>,
    /// What is sent behind them, whatever is answered: other tests list what
    /// is in no namespace.
    cleanup: Vec<Request>,
}

impl Script {
    async fn run(&self, pair: &Pair, namespace: &str) -> Outcome {
        let mut pair = pair.another();
        pair.make_namespace(namespace).await;
        pair.give_pods_no_token(namespace).await;
        let outcome = pair.run(namespace, &self.requests, Parting::Ends).await;
        for request in &self.cleanup {
            pair.send(namespace, request).await;
        }
        outcome
    }
}

/// The shortest part of a script after which the answers differ.
async fn smallest(
    pair: &Pair,
    namespace: &str,
    mut script: Script,
    mut outcome: Outcome,
) -> Outcome {
    script.requests.truncate(outcome.at.map_or(0, |at| at + 1));
    let mut at = script.requests.len().saturating_sub(1);
    let mut tries = 0;
    while at > 0 {
        at -= 1;
        tries += 1;
        let mut fewer = script.clone();
        fewer.requests.remove(at);
        let namespace = format!("{namespace}-{tries}");
        let again = fewer.run(pair, &namespace).await;
        if again.at.is_some() {
            fewer.requests.truncate(again.at.map_or(0, |at| at + 1));
            at = at.min(fewer.requests.len().saturating_sub(1));
            (script, outcome) = (fewer, again);
        }
    }
    let script: Vec<String> = script.requests.iter().map(Request::shown).collect();
    outcome.unexpected = format!(
        "{}\n---- after\n{}",
        outcome.unexpected,
        script.join("\n\n")
    );
    outcome
}

#[test]
fn the_known_differences_are_those_that_are_written_down() {
    let document = include_str!("../../docs/api-differences.md");
    let written: Vec<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    assert_eq!(written, Known::headings().collect::<Vec<_>>());
    assert!(written.len() <= 25, "{} differences", written.len());
}

/// How many cases are told of at once.
const MOST: usize = 8;
/// How many cases are tried at once.
const AT_ONCE: usize = 8;
