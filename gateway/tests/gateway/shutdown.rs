//! Connections of a gateway that stops.

use std::time::Duration;

use gateway::{GatewayConfig, HttpVersion};

use crate::harness::{End, Hub, within};

#[tokio::test]
async fn requests_in_flight_are_answered_and_then_the_connection_ends() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut idle = hub.client();
    let mut client = hub.client();
    client.get("/clusters/edge-7/a", "alice").await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    hub.shutdown.cancel();
    assert_eq!(idle.rest().await, (Vec::new(), End::Clean));
    upstream.respond("last").await;
    assert_eq!(client.answer().await.body, b"last");
    assert_eq!(client.rest().await, (Vec::new(), End::Clean));
}

#[tokio::test(start_paused = true)]
async fn clients_that_say_nothing_are_let_go() {
    let mut hub = Hub::with(GatewayConfig {
        head_timeout: Duration::from_secs(5),
        ..GatewayConfig::default()
    });
    let mut half = hub.client();
    half.send("GET /clusters/edge-7/a HTTP/1.1\r\nhost:").await;
    let mut silent = hub.client();
    let _http2 = hub.connect(HttpVersion::Two, None);
    half.rest().await;
    silent.rest().await;
    // The agent's session is none of these; all tasks are connections.
    within(async { while hub.tasks.join_next().await.is_some() {} }).await;
}
