//! What the embedded store costs on this machine's disk.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ::store::{Embedded, Options, Outcome, Range, Revision, Store, Txn};
use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Measure the embedded store: creates, lists, and leases that are renewed
///
/// Prints a line for each figure, the control first: what a write and a sync of
/// one block cost without a store.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// An empty folder on the disk to measure
    #[arg(long, value_name = "FOLDER", default_value = "target/bench/store")]
    dir: PathBuf,

    /// How long creates go on, for each number of clients
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    creates: u64,

    /// How long leases are renewed, as fast as they can be
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    renewals: u64,

    /// Only open this store, and print the bytes of memory that it takes
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["creates", "renewals", "leases"])]
    opened: Option<PathBuf>,

    /// How many leases there are
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    leases: usize,
}

/// As large as a Kubernetes object of some size, and as a Lease.
const OBJECT: usize = 4096;
const LEASE: usize = 500;
/// Objects for size and lists.
const OBJECTS: usize = 10_000;
/// Times that all leases are renewed between compactions, which is to what was
/// then as long ago: with a renewal every minute, as Kubernetes compacts.
const ROUNDS: usize = 5;

pub(crate) async fn run(args: Args) -> Result<()> {
    if let Some(folder) = args.opened {
        let before = resident()?;
        let store = open(&folder).await?;
        say(&resident()?.saturating_sub(before).to_string())?;
        store.close().await;
        return Ok(());
    }
    if args.dir.exists() {
        fs::remove_dir_all(&args.dir)?;
    }
    fs::create_dir_all(&args.dir)?;
    let syncs = control(&args.dir, Duration::from_secs(args.creates))?;
    say(&format!(
        "control: {syncs:.0} writes with fdatasync a second, one after another"
    ))?;
    for clients in [1, 64] {
        creates(&args.dir, clients, Duration::from_secs(args.creates)).await?;
    }
    objects(&args.dir).await?;
    Box::pin(renewals(&args)).await
}

/// Blocks written at a file's end and synced, in a second.
fn control(dir: &Path, time: Duration) -> Result<f64> {
    let mut file = File::create(dir.join("control"))?;
    let (began, mut syncs) = (Instant::now(), 0_u32);
    while began.elapsed() < time {
        file.write_all(&[1; OBJECT])?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / began.elapsed().as_secs_f64())
}

async fn creates(dir: &Path, clients: usize, time: Duration) -> Result<()> {
    let store = open(&dir.join(format!("creates-{clients}"))).await?;
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        let store = store.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            for n in 0_u64.. {
                if began.elapsed() >= time {
                    break;
                }
                let value = json(OBJECT, n);
                let at = Instant::now();
                store
                    .txn(Txn::create(format!("/k/{client}/{n}"), value))
                    .await?;
                times.push(at.elapsed());
            }
            Ok::<_, ::store::StoreError>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    say(&format!(
        "creates of 4 KiB, {clients} clients: {rate:.0}/s, p50 {p50:.2} ms, p99 {p99:.2} ms"
    ))?;
    store.close().await;
    Ok(())
}

async fn objects(dir: &Path) -> Result<()> {
    let folder = dir.join("objects");
    let store = open(&folder).await?;
    let mut tasks = JoinSet::new();
    for client in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            for n in (client..OBJECTS).step_by(64) {
                let txn = Txn::create(format!("/k/{n:05}"), json(OBJECT, n as u64));
                store.txn(txn).await?;
            }
            Ok::<_, ::store::StoreError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    store.compact(store.current().await?).await?;
    let at = Instant::now();
    let page = store.range(Range::prefix("/k/")).await?;
    let list = millis(at.elapsed());
    let json: usize = page.kvs.iter().map(|kv| kv.value.len()).sum();
    let count = page.kvs.len();
    drop(page);
    store.close().await;
    drop(store);
    let (store, opened) = reopen(&folder).await?;
    let size = store.stats().await?.size;
    store.close().await;
    let memory = memory_of(&folder)?;
    let ratio = |bytes: u64| bytes as f64 / json as f64;
    say(&format!(
        "{count} objects of 4 KiB: listed in {list:.2} ms; opened in {opened:.0} ms; on disk {:.2} \
         of their size, in memory {:.2}",
        ratio(size),
        ratio(memory)
    ))?;
    Ok(())
}

/// What a process of its own takes for a store, because this one has a past.
fn memory_of(folder: &Path) -> Result<u64> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.args(["store", "--opened"]).arg(folder).output()?;
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().context("the memory is no number")
}

async fn renewals(args: &Args) -> Result<()> {
    const CLIENTS: usize = 16;
    let folder = args.dir.join("leases");
    let store = open(&folder).await?;
    let mut known = vec![Revision::ZERO; args.leases];
    let (mut quiet, mut during) = (Vec::new(), Vec::new());
    let mut sizes = Vec::new();
    let mut compact_to = None;
    let began = Instant::now();
    let mut round = 0_usize;
    while began.elapsed() < Duration::from_secs(args.renewals) || round < 3 * ROUNDS {
        let mut tasks = JoinSet::new();
        let parts = known.chunks(args.leases.div_ceil(CLIENTS)).enumerate();
        for (client, part) in parts {
            let (store, mut part) = (store.clone(), part.to_vec());
            tasks.spawn(async move {
                let (mut quiet, mut during) = (Vec::new(), Vec::new());
                for (n, known) in part.iter_mut().enumerate() {
                    let key = format!("/leases/{client}/{n}");
                    let value = json(LEASE, known.0);
                    let removing = store.stats().await?.garbage > 0;
                    let at = Instant::now();
                    let outcome = store.txn(Txn::update(key, *known, value)).await?;
                    let times = if removing { &mut during } else { &mut quiet };
                    times.push(at.elapsed());
                    if let Outcome::Done { revision, .. } = outcome {
                        *known = revision;
                    }
                }
                Ok::<_, ::store::StoreError>((client, part, quiet, during))
            });
        }
        while let Some(done) = tasks.join_next().await {
            let (client, part, quiet_too, during_too) = done??;
            let at = client * args.leases.div_ceil(CLIENTS);
            known[at..at + part.len()].copy_from_slice(&part);
            quiet.extend(quiet_too);
            during.extend(during_too);
        }
        round += 1;
        if round.is_multiple_of(ROUNDS) {
            let now = store.current().await?;
            if let Some(to) = compact_to.replace(now) {
                store.compact(to).await?;
            }
            sizes.push(store.stats().await?.size as f64 / f64::from(1 << 20));
        }
    }
    let rate = (quiet.len() + during.len()) as f64 / began.elapsed().as_secs_f64();
    say(&format!(
        "{} leases renewed {round} times by {CLIENTS} clients: {rate:.0}/s",
        args.leases
    ))?;
    for (what, times) in [("without", &mut quiet), ("during", &mut during)] {
        say(&format!(
            "  {what} compaction: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms",
            quantile(times, 0.5),
            quantile(times, 0.99),
            quantile(times, 0.999)
        ))?;
    }
    let step = sizes.len().div_ceil(10);
    let sizes: Vec<_> = sizes
        .iter()
        .step_by(step)
        .map(|size| format!("{size:.0}"))
        .collect();
    say(&format!("  MiB on disk over the time: {}", sizes.join(" ")))?;
    let history = store.stats().await?.history;
    store.close().await;
    let (store, opened) = reopen(&folder).await?;
    say(&format!(
        "  opened again with {history} values of the past: {opened:.0} ms"
    ))?;
    store.close().await;
    Ok(())
}

async fn open(folder: &Path) -> Result<Arc<Embedded>> {
    let store = Embedded::open(folder, Options::default()).await;
    Ok(Arc::new(store.context("cannot open the store")?))
}

/// Opens it, and tells in how many milliseconds.
async fn reopen(folder: &Path) -> Result<(Arc<Embedded>, f64)> {
    let at = Instant::now();
    let store = open(folder).await?;
    Ok((store, millis(at.elapsed())))
}

/// Text of a length as Kubernetes' objects have it: neither all alike nor random.
fn json(len: usize, seed: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 64);
    let mut number = seed ^ 0x9e37_79b9_7f4a_7c15;
    while out.len() < len {
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let part = format!("{{\"name\":\"{number:x}\",\"apiGroup\":\"coordination\"}},");
        out.extend_from_slice(part.as_bytes());
    }
    out.truncate(len);
    out
}

fn quantile(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    let last = times.len().saturating_sub(1) as f64;
    times
        .get((last * part) as usize)
        .copied()
        .map_or(f64::NAN, millis)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// This process's resident memory, in bytes.
fn resident() -> Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm
        .split(' ')
        .nth(1)
        .context("statm has no second number")?;
    Ok(pages.parse::<u64>()? * 4096)
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
