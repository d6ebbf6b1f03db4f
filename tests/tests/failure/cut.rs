//! A link that carries nothing any more, and says nothing of it.

use std::time::Duration;

use futures_util::future::join_all;
use tests::site::path;
use tokio::time::{Instant, timeout};

use crate::{
    Caught, NOTICED, RUIN, Ruin, TUNNELS, administrator, held, no_stream_is_left, no_task_is_left,
    nothing_is_left, rounds, service_returns,
};

/// The tunnels that are cut at the same time.
const CUT: std::ops::Range<usize> = 2..TUNNELS as usize;

#[test]
fn a_silent_link_is_given_up_and_made_again() {
    RUIN.test(async |ruin| {
        let each = rounds().div_ceil(u32::try_from(CUT.len()).unwrap());
        join_all(CUT.map(|index| Box::pin(cut_and_heal(ruin, index, each)))).await;
    });
}

async fn cut_and_heal(ruin: &Ruin, index: usize, times: u32) {
    let tunnel = ruin.tunnel(index).await;
    let network = &ruin.site.network;
    let client = administrator(&tunnel).await;
    service_returns(&client).await;
    let before = [tunnel.hub.process(), tunnel.agent.process()].map(held);
    let tasks = tunnel.tasks(&client).await.unwrap();
    let (mut told, mut back) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..times {
        let caught = Caught::start(&client).await;
        network.cut(tunnel.index).unwrap();
        let begun = Instant::now();
        // A request that is sent into the void.
        let target = path("/version");
        let request = timeout(NOTICED, client.get(&target));
        let (request, _) = tokio::join!(request, caught.learns());
        let answer = request.expect("a request hangs").unwrap();
        assert!(
            [502, 503, 504].contains(&answer.status),
            "{}",
            answer.text()
        );
        answer.status_message();
        told = told.max(begun.elapsed());
        network.heal(tunnel.index).unwrap();
        back = back.max(service_returns(&client).await);
    }
    eprintln!(
        "failure: with link {index} cut clients know after {told:?}, service is back after {back:?}"
    );
    no_stream_is_left(&tunnel, &client).await;
    no_task_is_left(&tunnel, &client, tasks).await;
    nothing_is_left("hub", tunnel.hub.process(), before[0], times).await;
    nothing_is_left("agent", tunnel.agent.process(), before[1], times).await;
}
