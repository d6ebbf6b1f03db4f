//! Processes that are killed while they write.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use rand::Rng as _;
use store::{Embedded, Key, Options, Revision, Store, Txn};
use tokio::task::JoinSet;

use super::witness::{is_whole, value};

const KILLS: u32 = 50;
/// Says in which folder the child is to write.
const FOLDER: &str = "ADIT_STORE_CHILD";
const WRITERS: u32 = 8;

/// The child, which this program is when the parent starts it as one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = Embedded::open(Path::new(&folder), Options::default());
    let store = std::sync::Arc::new(store.await.unwrap());
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            let key = format!("/k/{writer}");
            for n in 0.. {
                let len = (n as usize * 997) % 5000;
                let txn = Txn::put(key.as_str(), value(&key, n, len));
                let revision = store.txn(txn).await.unwrap().revision();
                if n % 50 == 49 {
                    store.compact(Revision(revision.0 - 40)).await.unwrap();
                }
                // In one piece, which a pipe keeps together.
                let line = format!("\nack {writer} {n} {revision}\n");
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        });
    }
    writers.join_all().await;
}

#[tokio::test]
async fn a_killed_process_takes_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = Revision(1);
    let mut total = 0;
    for kill in 0..KILLS {
        let lines = rand::rng().random_range(1..150);
        let acknowledged = run_and_kill(dir.path(), lines);
        total += acknowledged.len();
        let store = Embedded::open(dir.path(), Options::default()).await;
        let store = store.unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        let current = store.current().await.unwrap();
        for (writer, n, revision) in acknowledged {
            assert!(revision > last, "revision {revision} was used twice");
            assert!(revision <= current, "revision {revision} is gone");
            let key = format!("/k/{writer}");
            let kv = store.get(&Key::from(key.as_str()), None).await.unwrap();
            let kv = kv.kv.unwrap_or_else(|| panic!("{key} is gone"));
            let text = std::str::from_utf8(&kv.value).unwrap();
            assert!(is_whole(&key, text), "half of a value at {key}");
            if kv.mod_revision == revision {
                assert!(text.starts_with(&format!("{key} {n} ")));
            } else {
                assert!(kv.mod_revision > revision, "{key} went back");
            }
        }
        last = current;
        store.close().await;
    }
    assert!(total > KILLS as usize);
}

/// Runs a child until it has told so many acknowledgements, and kills it.
fn run_and_kill(folder: &Path, lines: usize) -> Vec<(u32, u32, Revision)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "failure::kill::child", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut told = stdout.lines().map_while(Result::ok).filter_map(parse);
    let mut acknowledged: Vec<_> = told.by_ref().take(lines).collect();
    child.kill().unwrap();
    // And what it told until it was dead.
    acknowledged.extend(told);
    child.wait().unwrap();
    assert!(acknowledged.len() >= lines, "the child ended by itself");
    acknowledged
}

fn parse(line: String) -> Option<(u32, u32, Revision)> {
    let mut parts = line.strip_prefix("ack ")?.split(' ');
    let mut number = || parts.next()?.parse::<u64>().ok();
    let (writer, n, revision) = (number()?, number()?, number()?);
    Some((writer as u32, n as u32, Revision(revision)))
}
