//! What stands behind a Service: a port that serves one metric.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::spokes::Spoke;

/// Serves `backend_info{name="…"} 1` until it is dropped.
pub(crate) struct Backend {
    pub(crate) port: u16,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Backend {
    pub(crate) fn start(spoke: &Spoke, name: &str) -> Self {
        let address = SocketAddr::from((spoke.address, 0));
        let listener = spoke.network.listen(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, name.to_owned(), Arc::clone(&asked)));
        Self {
            port,
            asked,
            _tasks: tasks,
        }
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }
}

async fn serve(listener: TcpListener, name: String, asked: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        connections.spawn(answer(socket, name.clone(), Arc::clone(&asked)));
    }
}

/// Answers one request. What becomes of the connection is the other end's affair.
async fn answer(mut socket: TcpStream, name: String, asked: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    asked.fetch_add(1, Relaxed);
    let body = format!("backend_info{{name=\"{name}\"}} 1\n");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close";
    let text = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = socket.write_all(text.as_bytes()).await;
    let _ = socket.shutdown().await;
}
