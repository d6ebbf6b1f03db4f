//! Clients that ask and do not read.

use serde_json::json;
use socket2::{Domain, Socket, Type};
use tests::cluster::User;
use tests::https::{Client, Connection};
use tests::process::Process;
use tests::site::{Route, Tunnel, path};
use tests::wait::{GENEROUS, once, until};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::SITE;

const UNREAD: usize = 100;
/// What a stream may hold that nobody reads.
const WINDOW: u64 = 256 * 1024;
/// What the windows of a session's streams may grow by, all together.
const GROWTH: u64 = 16 << 20;
/// For what is not in the stream's window, for each of the watches: HTTP's two
/// buffers of 128 KiB and TLS's of 64 KiB, and what the allocator adds to all of
/// it: it rounds buffers up by a quarter at most, and keeps what was freed for
/// some seconds. Measured: 1.1 to 1.25 MiB a watch on the hub, windows included.
const SLACK: u64 = 1280 * 1024;
/// Of each event; together they are many times what windows and sockets hold.
const EVENT: usize = 400 * 1024;
const EVENTS: usize = 40;

#[test]
fn unread_watches_hold_their_windows_and_slow_nobody() {
    SITE.test(async |site| {
        let kubectl = site.kubectl(User::ADMIN, Route::Direct).await.unwrap();
        kubectl
            .run(&["create", "namespace", "unread"])
            .await
            .unwrap()
            .ok();
        let tunnel = &site.tunnels[1];
        let admin = tunnel.client(User::ADMIN).await.unwrap();
        let mut read = watch(&admin, admin.connect().await.unwrap()).await;
        warm_up(&admin).await;
        let before = [tunnel.hub.process(), tunnel.agent.process()].map(Process::resident);

        let mut unread = Vec::new();
        for _ in 0..UNREAD {
            let connection = admin.over(small_window(tunnel)).await.unwrap();
            unread.push(watch(&admin, connection).await);
        }
        for number in 0..EVENTS {
            let begun = Instant::now();
            make_event(&admin, number).await;
            read.until(&format!("\"event-{number}\"")).await.unwrap();
            if number % 10 == 0 {
                eprintln!("unread: event {number} seen after {:?}", begun.elapsed());
            }
        }
        check_memory(tunnel, before);
        let other = timeout(GENEROUS, admin.get(&path("/api/v1/namespaces/unread"))).await;
        assert_eq!(other.unwrap().unwrap().status, 200);
        drop((unread, read));
        let gone = async || once(tunnel.streams(&admin).await.ok()? == 0);
        until("the end of the unread streams", GENEROUS, gone)
            .await
            .unwrap();
    });
}

async fn watch(admin: &Client, mut connection: Connection) -> Connection {
    let target = path("/api/v1/namespaces/unread/configmaps?watch=true");
    connection
        .write(admin.request("GET", &target, &[], "").as_bytes())
        .await
        .unwrap();
    assert_eq!(connection.head().await.unwrap().status, 200);
    connection
}

/// What large requests leave allocated is not the watches' doing.
async fn warm_up(admin: &Client) {
    for number in 0..4 {
        make_event(admin, EVENTS + number).await;
    }
}

async fn make_event(admin: &Client, number: usize) {
    let body = json!({"metadata": {"name": format!("event-{number}")}, "data": {"value": "x".repeat(EVENT)}});
    let target = path("/api/v1/namespaces/unread/configmaps");
    let json = ["Content-Type: application/json", "Connection: close"];
    let made = admin
        .send("POST", &target, &json, &body.to_string())
        .await
        .unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
}

fn check_memory(tunnel: &Tunnel, before: [u64; 2]) {
    let after = [tunnel.hub.process(), tunnel.agent.process()].map(Process::resident);
    let grown = [0, 1].map(|end| after[end].saturating_sub(before[end]));
    eprintln!(
        "unread: grown by {} KiB (hub) and {} KiB (agent)",
        grown[0] / 1024,
        grown[1] / 1024
    );
    let allowed = UNREAD as u64 * (WINDOW + SLACK) + GROWTH;
    assert!(
        grown.iter().all(|&bytes| bytes < allowed),
        "grown by {grown:?} bytes; {allowed} are allowed"
    );
}

/// A connection whose kernel holds next to nothing for its reader, so that what
/// is not read stays with the hub.
fn small_window(tunnel: &Tunnel) -> TcpStream {
    let connect = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_recv_buffer_size(16 * 1024)?;
        socket.connect(&tunnel.hub.address().into())?;
        socket.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(socket.into())
    };
    TcpStream::from_std(tunnel.hub.network().enter(connect).unwrap()).unwrap()
}
