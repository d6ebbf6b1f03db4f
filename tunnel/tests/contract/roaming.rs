//! What a carrier over UDP does on a network that loses packets, and when the
//! agent's address changes.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use simnet::{Path, Rate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use tunnel::{CloseReason, Stream};

use super::pair::{Air, Pair, Settings, quic_over};

const MIB: usize = 1024 * 1024;
const MINUTE: Duration = Duration::from_secs(60);

/// A long way, on which one packet in twenty is lost.
const LOSSY: Path = Path {
    delay: Duration::from_millis(20),
    jitter: Duration::from_millis(2),
    loss: 0.05,
    rate: Some(Rate {
        bytes_per_second: 12_500_000,
        queue: Duration::from_millis(50),
    }),
};

async fn over(path: Path) -> (Air, Pair) {
    let settings = Settings::default();
    let air = Air::new(&settings);
    air.network.set_path(path);
    let pair = Box::pin(quic_over(&air, settings)).await;
    (air, pair)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

/// Sends `data` one way and checks that all of it arrives.
async fn transfer(near: Stream, far: Stream, data: Vec<u8>) {
    let (_unread, mut write) = near.into_split();
    let (mut read, _keep) = far.into_split();
    let sent = async {
        write.write_chunk(data.clone().into()).await.unwrap();
        write.finish().unwrap();
    };
    let received = async {
        let mut all = Vec::new();
        while let Some(chunk) = read.chunk().await.unwrap() {
            all.extend_from_slice(&chunk);
        }
        all
    };
    let ((), received) = timeout(10 * MINUTE, async { tokio::join!(sent, received) })
        .await
        .expect("the transfer has stopped");
    assert!(received == data, "{} bytes arrived", received.len());
}

#[tokio::test(start_paused = true)]
async fn megabytes_arrive_whole_through_heavy_loss_in_both_directions() {
    let (_air, mut pair) = over(LOSSY).await;
    let (near, far) = pair.hub.connect(&mut pair.agent).await;
    let (near_too, far_too) = pair.agent.connect(&mut pair.hub).await;
    tokio::join!(
        transfer(near, far, pattern(8 * MIB)),
        transfer(near_too, far_too, pattern(8 * MIB)),
    );
}

#[tokio::test(start_paused = true)]
async fn heavy_loss_slows_neither_sixteen_streams_in_bulk_nor_a_small_request_beside_them() {
    let (_air, mut pair) = over(LOSSY).await;
    let moved = Cell::new(0);
    let mut bulk = Vec::new();
    for _ in 0..16 {
        let (near, far) = pair.hub.connect(&mut pair.agent).await;
        bulk.push(pour(far, near, &moved));
    }
    let (mut small, mut answerer) = pair.hub.connect(&mut pair.agent).await;
    let answering = async {
        loop {
            let asked = answerer.read_u8().await.unwrap();
            answerer.write_u8(asked).await.unwrap();
        }
    };
    let asking = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (begun, before) = (Instant::now(), moved.get());
        let mut took = Vec::new();
        for round in 0..60 {
            let asked = Instant::now();
            small.write_u8(round).await.unwrap();
            assert_eq!(small.read_u8().await.unwrap(), round);
            took.push(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        took.sort();
        let seconds = begun.elapsed().as_secs_f64();
        (took[30], f64::from(moved.get() - before) / seconds)
    };
    let (median, bytes_per_second) = tokio::select! {
        measured = asking => measured,
        () = answering => unreachable!(),
        _ = join_all(bulk) => unreachable!(),
    };
    // In virtual time these are properties of the code, not of the machine.
    assert!(median <= Duration::from_millis(120), "{median:?}");
    let least = 5.0 * 1024.0 * 1024.0;
    assert!(
        bytes_per_second >= least,
        "{bytes_per_second} bytes a second"
    );
}

/// Moves bytes from one end of a stream to the other, for ever.
async fn pour(from: Stream, to: Stream, moved: &Cell<u32>) {
    let (mut read, _keep) = to.into_split();
    let (_unread, mut write) = from.into_split();
    let writing = async {
        loop {
            write.write_chunk(vec![7; 64 * 1024].into()).await.unwrap();
        }
    };
    let reading = async {
        while let Some(chunk) = read.chunk().await.unwrap() {
            moved.set(moved.get() + u32::try_from(chunk.len()).unwrap());
        }
    };
    tokio::join!(writing, reading);
}

#[tokio::test(start_paused = true)]
async fn a_stream_nobody_reads_and_a_lost_packet_stop_no_other_stream() {
    let (_air, mut pair) = over(LOSSY).await;
    let (mut stalled, _unread) = pair.hub.connect(&mut pair.agent).await;
    let filled = timeout(MINUTE, stalled.write_all(&[0; MIB])).await;
    assert!(filled.is_err(), "nobody reads it, and all of it was sent");
    let (near, far) = pair.hub.connect(&mut pair.agent).await;
    transfer(near, far, pattern(4 * MIB)).await;
}

#[tokio::test(start_paused = true)]
async fn no_stream_notices_that_the_agents_address_changes() {
    let (air, mut pair) = over(LOSSY).await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(pair.hub.connect(&mut pair.agent).await);
        streams.push(pair.agent.connect(&mut pair.hub).await);
    }
    let transfers = streams
        .into_iter()
        .map(|(near, far)| transfer(near, far, pattern(4 * MIB)));
    let moving = async {
        for port in 50_000..50_005 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            // A NAT on the way has forgotten the agent.
            let outside = ([203, 0, 113, 9], port).into();
            air.network.translate(Air::agent_address(), outside);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        // The agent itself moves to another network.
        let elsewhere = air.network.socket(([198, 51, 100, 77], 40_000).into());
        air.agent.rebind_abstract(elsewhere).unwrap();
    };
    tokio::join!(join_all(transfers), moving);
    let (near, far) = pair.hub.connect(&mut pair.agent).await;
    transfer(near, far, pattern(MIB)).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_outlives_a_forgetful_nat() {
    let (air, mut pair) = over(Path::default()).await;
    let (mut near, mut far) = pair.hub.connect(&mut pair.agent).await;
    for port in 50_000..50_020 {
        let outside = ([203, 0, 113, 9], port).into();
        air.network.translate(Air::agent_address(), outside);
        tokio::time::sleep(MINUTE).await;
    }
    far.write_all(b"event").await.unwrap();
    near.read_exact(&mut [0; 5]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_agent_learns_by_its_next_ping_that_its_hub_was_restarted() {
    let mut air = Air::new(&Settings::default());
    let pair = quic_over(&air, Settings::default()).await;
    air.network.fall_silent();
    drop(pair.hub);
    // Its last words are lost.
    tokio::time::sleep(Duration::from_millis(500)).await;
    air.restart_hub(&Settings::default());
    air.network.recover();
    let restarted = Instant::now();
    pair.agent.session.closed().await;
    let noticed = restarted.elapsed();
    assert!(noticed < Duration::from_secs(5), "after {noticed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_ends_in_time_costs_only_time() {
    let (air, mut pair) = over(LOSSY).await;
    let (near, far) = pair.hub.connect(&mut pair.agent).await;
    let cut = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        air.network.fall_silent();
        tokio::time::sleep(Duration::from_secs(4)).await;
        air.network.recover();
    };
    tokio::join!(transfer(near, far, pattern(16 * MIB)), cut);
}

#[tokio::test(start_paused = true)]
async fn the_last_bytes_of_a_drained_session_arrive_through_loss() {
    for _ in 0..10 {
        let (_air, mut pair) = over(LOSSY).await;
        let (near, far) = pair.hub.connect(&mut pair.agent).await;
        let (_unread, mut write) = near.into_split();
        let data = Bytes::from(pattern(200 * 1024));
        write.write_chunk(data.clone()).await.unwrap();
        write.finish().unwrap();
        pair.hub.session.drain(MINUTE);
        let (mut read, mut answer) = far.into_split();
        let mut all = Vec::new();
        while let Some(chunk) = read.chunk().await.unwrap() {
            all.extend_from_slice(&chunk);
        }
        assert!(all == data, "{} bytes arrived", all.len());
        answer.finish().unwrap();
        drop((_unread, write, read, answer));
        let end = timeout(MINUTE, pair.agent.session.closed()).await.unwrap();
        let ends = [CloseReason::Drained, CloseReason::PeerClosed];
        assert!(ends.contains(&end), "{end:?}");
    }
}
