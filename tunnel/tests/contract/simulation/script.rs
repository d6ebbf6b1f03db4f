//! What one stream's ends do, as a seed says.

use std::time::Duration;

use proto::{Refusal, RefusalReason, StreamHeader, Target};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tunnel::{Incoming, Link, ReadHalf, ResetReason, Stream, WriteHalf};

use super::ledger::{Direction, Ledger, pattern};

/// Opens stream `n` after a while and follows its script to the end.
pub(crate) async fn open(link: Link, n: u16, seed: u64, ledger: Ledger) {
    let mut rng = SmallRng::seed_from_u64(seed);
    pause(&mut rng, 10.0).await;
    let target = Target::Tcp {
        host: "10.0.0.1".to_owned(),
        port: n + 1,
    };
    let Ok(opening) = link.open(StreamHeader::new(target)).await else {
        return;
    };
    let stream = if rng.random_bool(0.5) {
        let (stream, answer) = opening.early();
        // Whoever writes early hears of a refusal by reading.
        drop(answer);
        stream
    } else {
        match opening.opened().await {
            Ok(stream) => stream,
            Err(_) => return,
        }
    };
    follow(stream, n, Direction::FromOpener, rng, ledger).await;
}

/// Takes, refuses or ignores whatever is opened, until the link is over.
pub(crate) async fn take(incoming: &mut Incoming, seed: u64, ledger: Ledger) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut streams = JoinSet::new();
    while let Some(stream) = incoming.next().await {
        let Target::Tcp { port, .. } = stream.header().target else {
            panic!("the header is another's: {:?}", stream.header());
        };
        match rng.random_range(0..10) {
            0 => stream.refuse(Refusal::new(RefusalReason::Forbidden, "as scripted")),
            1 => drop(stream),
            _ => {
                let rng = SmallRng::seed_from_u64(rng.random());
                let ledger = ledger.clone();
                if let Ok(stream) = stream.accept() {
                    streams.spawn(follow(stream, port - 1, Direction::FromTaker, rng, ledger));
                }
            }
        }
    }
    while streams.join_next().await.transpose().unwrap().is_some() {}
}

async fn follow(stream: Stream, n: u16, out: Direction, mut rng: SmallRng, ledger: Ledger) {
    let back = match out {
        Direction::FromOpener => Direction::FromTaker,
        Direction::FromTaker => Direction::FromOpener,
    };
    let (read, write) = stream.into_split();
    let writer = write_script(
        write,
        n,
        out,
        SmallRng::seed_from_u64(rng.random()),
        &ledger,
    );
    let reader = read_script(read, n, back, rng, &ledger);
    tokio::join!(writer, reader);
}

async fn write_script(
    mut write: WriteHalf,
    n: u16,
    direction: Direction,
    mut rng: SmallRng,
    ledger: &Ledger,
) {
    let mut at = 0;
    for _ in 0..rng.random_range(0..8) {
        let len = rng.random_range(0..60_000);
        let data = pattern(n, direction, at, len);
        // Some of it may go out even if the whole cannot.
        ledger.wrote(n, direction, len);
        at += len;
        if write.write_chunk(data.into()).await.is_err() {
            return;
        }
        pause(&mut rng, 1.0).await;
    }
    match rng.random_range(0..10) {
        0 => write.reset(ResetReason::TargetFailed),
        1 => drop(write),
        _ => {
            ledger.finished(n, direction);
            // The peer may have been quicker to give up.
            let _ = write.finish();
        }
    }
}

async fn read_script(
    mut read: ReadHalf,
    n: u16,
    direction: Direction,
    mut rng: SmallRng,
    ledger: &Ledger,
) {
    let patience = if rng.random_bool(0.1) {
        rng.random_range(0..6)
    } else {
        usize::MAX
    };
    for _ in 0..patience {
        match read.chunk().await {
            Ok(Some(chunk)) => ledger.read(n, direction, &chunk),
            Ok(None) => {
                ledger.ended_cleanly(n, direction);
                return;
            }
            Err(_) => return,
        }
        if rng.random_bool(0.1) {
            pause(&mut rng, 5.0).await;
        }
    }
}

async fn pause(rng: &mut SmallRng, up_to: f64) {
    sleep(Duration::from_secs_f64(rng.random_range(0.0..up_to))).await;
}
