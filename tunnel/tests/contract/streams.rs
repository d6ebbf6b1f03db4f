//! What a stream does, whichever end opens it.

use bytes::Bytes;
use proto::{Refusal, RefusalReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, sleep, timeout};
use tunnel::{OpenError, ReadHalf, ResetReason, Stream, StreamError};

use super::pair::End;

type Place<'a> = &'a mut Option<End>;

const CANCELLED: StreamError = StreamError::Reset(ResetReason::Cancelled);

fn ends<'a>(opener: Place<'a>, taker: Place<'a>) -> (&'a mut End, &'a mut End) {
    (opener.as_mut().unwrap(), taker.as_mut().unwrap())
}

/// Everything up to the clean end, or the error.
async fn read_all(read: &mut ReadHalf) -> Result<Vec<u8>, StreamError> {
    let mut all = Vec::new();
    while let Some(chunk) = read.chunk().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

/// Writes until the stream fails, and tells how.
async fn write_until_error(stream: &mut tunnel::WriteHalf) -> StreamError {
    loop {
        if let Err(error) = stream.write_chunk(Bytes::from_static(&[7; 1024])).await {
            return error;
        }
    }
}

pub(crate) async fn data_flows_in_both_directions_at_once(opener: Place<'_>, taker: Place<'_>) {
    let (opener, taker) = ends(opener, taker);
    let (mut near, mut far) = opener.connect(taker).await;
    for round in 0..100_u8 {
        near.write_all(&[round; 100]).await.unwrap();
        far.write_all(&[round; 50]).await.unwrap();
        let (mut there, mut back) = ([0; 100], [0; 50]);
        far.read_exact(&mut there).await.unwrap();
        near.read_exact(&mut back).await.unwrap();
        assert_eq!((there, back), ([round; 100], [round; 50]));
    }
}

pub(crate) async fn data_sent_before_the_answer_arrives(opener: Place<'_>, taker: Place<'_>) {
    let (opener, taker) = ends(opener, taker);
    let (mut near, answer) = opener.open().await.unwrap().early();
    near.write_all(b"early").await.unwrap();
    near.shutdown().await.unwrap();
    let mut far = taker.incoming.next().await.unwrap().accept().unwrap();
    let mut all = Vec::new();
    far.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"early");
    far.write_all(b"late").await.unwrap();
    far.shutdown().await.unwrap();
    let mut all = Vec::new();
    near.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"late");
    answer.await.unwrap();
}

pub(crate) async fn an_early_writer_learns_of_a_refusal(opener: Place<'_>, taker: Place<'_>) {
    let (opener, taker) = ends(opener, taker);
    let (mut near, answer) = opener.open().await.unwrap().early();
    near.write_all(b"early").await.unwrap();
    let refusal = Refusal::new(RefusalReason::NotFound, "no such host");
    taker.incoming.next().await.unwrap().refuse(refusal.clone());
    let error = near.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(
        answer.await,
        Err(OpenError::Stream(StreamError::Refused(refusal)))
    );
}

pub(crate) async fn a_refusal_is_told_with_its_reason(opener: Place<'_>, taker: Place<'_>) {
    let (opener, taker) = ends(opener, taker);
    let opening = opener.open().await.unwrap();
    let refusal = Refusal::new(RefusalReason::Forbidden, "not on the list");
    taker.incoming.next().await.unwrap().refuse(refusal.clone());
    let error = opening.opened().await.unwrap_err();
    assert_eq!(error, OpenError::Stream(StreamError::Refused(refusal)));
}

pub(crate) async fn a_stream_nobody_takes_an_interest_in_is_reset(
    opener: Place<'_>,
    taker: Place<'_>,
) {
    let (opener, taker) = ends(opener, taker);
    let opening = opener.open().await.unwrap();
    drop(taker.incoming.next().await.unwrap());
    assert_eq!(
        opening.opened().await.unwrap_err(),
        OpenError::Stream(CANCELLED)
    );
}

pub(crate) async fn a_dropped_opening_is_cancelled_at_the_far_end(
    opener: Place<'_>,
    taker: Place<'_>,
) {
    let (opener, taker) = ends(opener, taker);
    let opening = opener.open().await.unwrap();
    let (mut read, _write) = taker
        .incoming
        .next()
        .await
        .unwrap()
        .accept()
        .unwrap()
        .into_split();
    drop(opening);
    assert_eq!(read.chunk().await, Err(CANCELLED));
}

pub(crate) async fn each_half_closes_on_its_own(opener: Place<'_>, taker: Place<'_>) {
    let (opener, taker) = ends(opener, taker);
    let (mut near, mut far) = opener.connect(taker).await;
    near.write_all(b"request").await.unwrap();
    near.shutdown().await.unwrap();
    let mut request = Vec::new();
    far.read_to_end(&mut request).await.unwrap();
    assert_eq!(request, b"request");
    for piece in 0..100_u8 {
        far.write_all(&[piece; 10]).await.unwrap();
    }
    far.shutdown().await.unwrap();
    let mut response = Vec::new();
    near.read_to_end(&mut response).await.unwrap();
    assert_eq!(response.len(), 1000);
}

pub(crate) async fn a_finished_half_is_all_there_is_even_if_the_rest_is_dropped(
    opener: Place<'_>,
    taker: Place<'_>,
) {
    let (opener, taker) = ends(opener, taker);
    for opener_writes in [true, false] {
        let (near, far) = opener.connect(taker).await;
        let (writer, reader) = if opener_writes {
            (near, far)
        } else {
            (far, near)
        };
        let (unread, mut write) = writer.into_split();
        let (mut read, _keep) = reader.into_split();
        let sent = vec![42; 200 * 1024];
        write.write_chunk(sent.clone().into()).await.unwrap();
        write.finish().unwrap();
        drop((unread, write));
        assert!(
            read_all(&mut read).await == Ok(sent),
            "what was finished did not arrive"
        );
    }
}

pub(crate) async fn writing_after_a_finish_fails(opener: Place<'_>, taker: Place<'_>) {
    let (opener, taker) = ends(opener, taker);
    let (near, _far) = opener.connect(taker).await;
    let (_read, mut write) = near.into_split();
    write.finish().unwrap();
    let data = Bytes::from_static(b"more");
    assert_eq!(write.write_chunk(data).await, Err(StreamError::Finished));
    assert_eq!(write.finish(), Err(StreamError::Finished));
}

pub(crate) async fn a_dropped_write_half_is_an_error_not_an_end(
    opener: Place<'_>,
    taker: Place<'_>,
) {
    let (opener, taker) = ends(opener, taker);
    for opener_writes in [true, false] {
        let (near, far) = opener.connect(taker).await;
        let (writer, reader) = if opener_writes {
            (near, far)
        } else {
            (far, near)
        };
        let (_unread, mut write) = writer.into_split();
        let (mut read, mut other) = reader.into_split();
        write
            .write_chunk(Bytes::from_static(b"half a bo"))
            .await
            .unwrap();
        drop(write);
        assert_eq!(read_all(&mut read).await, Err(CANCELLED));
        assert_eq!(write_until_error(&mut other).await, CANCELLED);
    }
}

pub(crate) async fn a_dropped_read_half_cancels_the_peers_writes(
    opener: Place<'_>,
    taker: Place<'_>,
) {
    let (opener, taker) = ends(opener, taker);
    for opener_drops in [true, false] {
        let (near, far) = opener.connect(taker).await;
        let (dropper, writer) = if opener_drops {
            (near, far)
        } else {
            (far, near)
        };
        let (read, _keep) = dropper.into_split();
        let (_read, mut write) = writer.into_split();
        drop(read);
        assert_eq!(write_until_error(&mut write).await, CANCELLED);
    }
}

pub(crate) async fn a_dropped_stream_is_an_error_at_the_far_end(
    opener: Place<'_>,
    taker: Place<'_>,
) {
    let (opener, taker) = ends(opener, taker);
    for opener_drops in [true, false] {
        let (near, far) = opener.connect(taker).await;
        let (dropped, kept) = if opener_drops {
            (near, far)
        } else {
            (far, near)
        };
        let (mut read, mut write) = kept.into_split();
        drop(dropped);
        assert_eq!(read_all(&mut read).await, Err(CANCELLED));
        assert_eq!(write_until_error(&mut write).await, CANCELLED);
    }
}

pub(crate) async fn a_reset_is_seen_with_its_reason_in_both_directions(
    opener: Place<'_>,
    taker: Place<'_>,
) {
    let (opener, taker) = ends(opener, taker);
    let reset = StreamError::Reset(ResetReason::TargetFailed);
    for opener_resets in [true, false] {
        let (near, far) = opener.connect(taker).await;
        let (resetter, kept) = if opener_resets {
            (near, far)
        } else {
            (far, near)
        };
        let (mut own_read, own_write) = resetter.into_split();
        let (mut read, mut write) = kept.into_split();
        own_write.reset(ResetReason::TargetFailed);
        assert_eq!(read_all(&mut read).await, Err(reset.clone()));
        assert_eq!(write_until_error(&mut write).await, reset);
        assert_eq!(own_read.chunk().await, Err(reset.clone()));
    }
}

pub(crate) async fn megabytes_arrive_whole_and_in_order(opener: Place<'_>, taker: Place<'_>) {
    const TOTAL: usize = 8 * 1024 * 1024;
    let (opener, taker) = ends(opener, taker);
    let (near, far) = opener.connect(taker).await;
    let pattern = |i: usize| u8::try_from(i % 251).unwrap();
    let (mut read, _keep) = far.into_split();
    let (_unread, mut write) = near.into_split();
    let sent = async {
        let mut at = 0;
        while at < TOTAL {
            let piece = (TOTAL - at).min(1 + at % 100_000);
            write
                .write_chunk((at..at + piece).map(pattern).collect())
                .await
                .unwrap();
            at += piece;
        }
        write.finish().unwrap();
    };
    let ((), received) = tokio::join!(sent, read_all(&mut read));
    let received = received.unwrap();
    assert_eq!(received.len(), TOTAL);
    assert!(
        received
            .iter()
            .enumerate()
            .all(|(i, &byte)| byte == pattern(i))
    );
}

pub(crate) async fn a_stalled_reader_stops_its_writer_and_no_one_else(
    opener: Place<'_>,
    taker: Place<'_>,
) {
    let (opener, taker) = ends(opener, taker);
    let mut stalled = Vec::new();
    for _ in 0..100 {
        let (mut near, far) = opener.connect(taker).await;
        let written = fill(&mut near).await;
        assert!(
            (1..=256 * 1024).contains(&written),
            "{written} bytes without a reader"
        );
        stalled.push((near, far, written));
    }
    let (mut near, mut far) = opener.connect(taker).await;
    for _ in 0..1000 {
        near.write_all(&[1; 1024]).await.unwrap();
        far.read_exact(&mut [0; 1024]).await.unwrap();
    }
    // What the stalled readers were sent is still theirs.
    for (mut near, mut far, written) in stalled {
        near.shutdown().await.unwrap();
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), written);
    }
}

pub(crate) async fn a_window_grows_for_a_reader_that_keeps_up_and_for_no_other(
    opener: Place<'_>,
    taker: Place<'_>,
) {
    const SMALL: usize = 256 * 1024;
    let (opener, taker) = ends(opener, taker);
    let (mut fast, mut fast_reader) = opener.connect(taker).await;
    let (mut slow, mut slow_reader) = opener.connect(taker).await;
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..256 {
        let (written, read) = tokio::join!(
            fast.write_all(&[1; 64 * 1024]),
            fast_reader.read_exact(&mut buffer)
        );
        written.unwrap();
        read.unwrap();
    }
    for _ in 0..256 {
        slow.write_all(&[1; 1024]).await.unwrap();
        slow_reader.read_exact(&mut buffer[..1024]).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    let fast_took = fill(&mut fast).await;
    let slow_took = fill(&mut slow).await;
    assert!((8 * SMALL..=16 * SMALL).contains(&fast_took), "{fast_took}");
    assert!((1..=SMALL).contains(&slow_took), "{slow_took}");
}

/// Writes until the stream takes no more; how much it took.
async fn fill(stream: &mut Stream) -> usize {
    let mut written = 0;
    // Virtual time passes only when nothing else can happen.
    while let Ok(more) = timeout(Duration::from_millis(10), stream.write(&[0; 4096])).await {
        written += more.unwrap();
    }
    written
}
