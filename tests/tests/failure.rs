//! What breaks is noticed, nobody hangs, service returns by itself, and nothing
//! is left over.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use std::time::Duration;

use tests::cluster::User;
use tests::fixture::{Fixture, Home};
use tests::https::{Client, Connection};
use tests::namespace::Namespace;
use tests::needs::soak;
use tests::network::Memory;
use tests::process::Process;
use tests::site::{Site, Tunnel, path};
use tests::wait::{GENEROUS, once, until};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

#[path = "failure/cut.rs"]
mod cut;
#[path = "failure/killed.rs"]
mod killed;
#[path = "failure/planned.rs"]
mod planned;

/// A site whose tunnels are broken, each by one test alone.
struct Ruin {
    site: Site,
    tunnels: Vec<Mutex<Tunnel>>,
}

/// The first is for killed agents, the second for killed hubs, the others are cut.
const TUNNELS: u8 = 6;

static RUIN: Fixture<Ruin> = Fixture::new(|needs| {
    Box::pin(async move {
        let memory = Memory::Limited(Duration::from_secs(20));
        let mut site = Box::pin(Site::start(needs, TUNNELS, memory)).await?;
        let tunnels = std::mem::take(&mut site.tunnels);
        Ok(Ruin {
            site,
            tunnels: tunnels.into_iter().map(Mutex::new).collect(),
        })
    })
});

impl Home for Ruin {
    fn home(&self) -> &Namespace {
        self.site.network.hub(0)
    }
}

impl Ruin {
    async fn tunnel(&self, index: usize) -> MutexGuard<'_, Tunnel> {
        self.tunnels[index].lock().await
    }
}

/// How many times each failure is made.
fn rounds() -> u32 {
    if soak() { 200 } else { 20 }
}

/// A silent link is given up after 10 s; the rest is for a busy machine.
const NOTICED: Duration = Duration::from_secs(30);
/// From the end of a failure to the first good answer.
const RETURNED: Duration = Duration::from_secs(60);

/// A watch that works when the failure comes.
struct Caught {
    watch: Connection,
}

impl Caught {
    async fn start(client: &Client) -> Self {
        let target = path("/api/v1/namespaces/default/configmaps?watch=true");
        let (mut watch, answer) = client.begin("GET", &target).await.unwrap();
        assert_eq!(answer.status, 200);
        watch.until("kube-root-ca.crt").await.unwrap();
        Self { watch }
    }

    /// Waits for the end of the watch, which must not look like a clean one.
    async fn learns(mut self) -> Duration {
        let begun = Instant::now();
        let ended = async {
            loop {
                match self.watch.part().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("a watch that was cut short ended as if it was whole"),
                    Err(_) => return,
                }
            }
        };
        timeout(NOTICED, ended)
            .await
            .expect("a watch over a broken tunnel hangs");
        begun.elapsed()
    }
}

/// Makes requests until one is answered by the API server; each of the others
/// must have failed within the bound.
async fn service_returns(client: &Client) -> Duration {
    let begun = Instant::now();
    let target = path("/readyz");
    let answered = async || {
        let answer = timeout(NOTICED, client.get(&target))
            .await
            .expect("a request hangs");
        once(answer.is_ok_and(|answer| answer.status == 200))
    };
    until("service", RETURNED, answered).await.unwrap();
    begun.elapsed()
}

/// What a process holds that a leak would add to.
fn held(process: &Process) -> usize {
    process.descriptors()
}

/// Waits until a process holds no more than before, but for less than one thing
/// a round.
async fn nothing_is_left(name: &str, process: &Process, before: usize, rounds: u32) {
    let slack = usize::try_from(rounds / 4).unwrap().max(2);
    let settled = async || once(held(process) <= before + slack);
    let outcome = until("the descriptors' return", 4 * GENEROUS, settled).await;
    let now = held(process);
    eprintln!("failure: the {name} had {before} descriptors open and has {now}");
    outcome.unwrap_or_else(|_| {
        panic!("the {name} had {before} descriptors open, and after {rounds} rounds {now}")
    });
}

/// Waits until the hub has no more tasks than before, but for a connection or
/// two that are about to end.
async fn no_task_is_left(tunnel: &Tunnel, client: &Client, before: u64) {
    const ENDING: u64 = 3;
    let none = async || once(tunnel.tasks(client).await.ok()? <= before + ENDING);
    let outcome = until("the end of all tasks", 4 * GENEROUS, none).await;
    let now = tunnel.tasks(client).await.unwrap();
    eprintln!("failure: the hub had {before} tasks and has {now}");
    outcome.unwrap();
}

/// Waits until the hub has no stream open.
async fn no_stream_is_left(tunnel: &Tunnel, client: &Client) {
    let none = async || once(tunnel.streams(client).await.ok()? == 0);
    until("the end of all streams", GENEROUS, none)
        .await
        .unwrap();
}

async fn administrator(tunnel: &Tunnel) -> Client {
    tunnel.client(User::ADMIN).await.unwrap()
}
