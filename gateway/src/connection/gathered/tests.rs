use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::*;

/// What a connection does in one turn, before it sleeps.
#[derive(Clone, Debug)]
struct Turn {
    /// The lengths of its writes, each of which it flushes.
    writes: Vec<usize>,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let length = prop_oneof![1..700_usize, 1..20_000_usize, 1..3 * HELD];
    let turn = prop::collection::vec(length, 1..12).prop_map(|writes| Turn { writes });
    prop::collection::vec(turn, 1..8)
}

/// A clock that stands while anything can go on: whoever stalls is out of time at
/// once.
fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

/// Polls a writing task as a connection's is polled.
async fn driven<W: AsyncWrite + Unpin>(writer: &Gathered<W>, task: impl Future<Output = ()>) {
    let mut task = pin!(task);
    poll_fn(|cx| {
        let ended = task.as_mut().poll(cx);
        assert!(!matches!(writer.poll_out(cx), Poll::Ready(Err(_))));
        ended
    })
    .await;
}

fn bytes(from: usize, length: usize) -> Vec<u8> {
    (from..from + length).map(|at| (at % 251) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_written_in_a_turn_arrives_whole_and_in_order_before_the_next(
        turns in turns(),
        pipe in 1..100_000_usize,
        steps in prop::collection::vec(1..50_000_usize, 1..8),
    ) {
        runtime().block_on(async {
            let (near, mut far) = duplex(pipe);
            let writer = Gathered::new(near);
            let (tell, mut told) = tokio::sync::mpsc::channel::<()>(1);
            let script = turns.clone();
            let mut to = writer.clone();
            let writing = async move {
                let mut at = 0;
                for turn in script {
                    for (index, length) in turn.writes.into_iter().enumerate() {
                        let part = bytes(at, length);
                        // As HTTP/2 does it: a head and what is behind it.
                        let (head, tail) = part.split_at(length.min(9));
                        if index % 2 == 0 {
                            to.write_all(&part).await.unwrap();
                        } else {
                            let slices = [IoSlice::new(head), IoSlice::new(tail)];
                            let written = to.write_vectored(&slices).await.unwrap();
                            to.write_all(&part[written..]).await.unwrap();
                        }
                        to.flush().await.unwrap();
                        at += length;
                    }
                    // It sleeps until everything has been read.
                    told.recv().await.unwrap();
                }
            };
            let reading = async {
                let mut at = 0;
                for turn in &turns {
                    let mut left: usize = turn.writes.iter().sum();
                    let mut step = steps.iter().cycle();
                    while left > 0 {
                        let mut part = vec![0; left.min(*step.next().unwrap())];
                        let read = timeout(Duration::from_secs(1), far.read_exact(&mut part));
                        read.await.expect("it stalls").unwrap();
                        assert_eq!(part, bytes(at, part.len()));
                        at += part.len();
                        left -= part.len();
                    }
                    tell.send(()).await.unwrap();
                }
            };
            tokio::join!(driven(&writer, writing), reading);
        });
    }
}

/// Counts writes and flushes.
#[derive(Debug, Default)]
struct Counting {
    bytes: usize,
    writes: Arc<AtomicUsize>,
    flushes: Arc<AtomicUsize>,
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.bytes += bytes.len();
        self.writes.fetch_add(1, Relaxed);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushes.fetch_add(1, Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn fifty_events_of_one_turn_are_one_write_and_one_flush() {
    runtime().block_on(async {
        let counting = Counting::default();
        let (writes, flushes) = (counting.writes.clone(), counting.flushes.clone());
        let writer = Gathered::new(counting);
        let mut to = writer.clone();
        driven(&writer, async move {
            for _ in 0..50 {
                to.write_all(&[7; 700]).await.unwrap();
                to.flush().await.unwrap();
            }
        })
        .await;
        assert_eq!((writes.load(Relaxed), flushes.load(Relaxed)), (1, 1));
        assert_eq!(writer.writer().to.bytes, 50 * 700);
        assert_eq!(writer.writer().held.capacity(), 0, "memory stays behind");
    });
}

#[test]
fn nobody_writes_more_than_the_bound_ahead_of_a_stalled_reader() {
    runtime().block_on(async {
        let (near, far) = duplex(10);
        let writer = Gathered::new(near);
        let mut to = writer.clone();
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = taken.clone();
        let writing = driven(&writer, async move {
            loop {
                let written = to.write(&[7; 1000]).await.unwrap();
                counter.fetch_add(written, Relaxed);
            }
        });
        assert!(timeout(Duration::from_secs(60), writing).await.is_err());
        assert_eq!(taken.load(Relaxed), HELD);
        drop(far);
    });
}

#[test]
fn what_is_held_goes_out_before_the_end() {
    runtime().block_on(async {
        let (near, mut far) = duplex(100);
        let mut writer = Gathered::new(near);
        let writing = async {
            writer.write_all(&[7; 5000]).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut read = Vec::new();
        let (_, count) = tokio::join!(writing, far.read_to_end(&mut read));
        assert_eq!(count.unwrap(), 5000);
    });
}

#[test]
fn a_lost_connection_is_told() {
    runtime().block_on(async {
        let (near, far) = duplex(100);
        drop(far);
        let mut writer = Gathered::new(near);
        writer.write_all(&[7; 5000]).await.unwrap();
        let out = poll_fn(|cx| writer.poll_out(cx)).await;
        assert_eq!(out.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    });
}
