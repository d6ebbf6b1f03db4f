use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::within;

/// A target's port, whose connections a test plays by hand.
pub(crate) struct Target {
    listener: TcpListener,
}

/// The target's end of a connection.
pub(crate) struct Connection<IO = TcpStream> {
    pub(crate) io: IO,
}

impl Target {
    pub(crate) async fn new() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address().port()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Connection {
        let (io, _) = within(self.listener.accept()).await.unwrap();
        Connection { io }
    }

    /// Checks that nobody else has connected.
    pub(crate) fn assert_untouched(self) {
        let listener = self.listener.into_std().unwrap();
        let waiting = listener.accept().map_err(|error| error.kind());
        assert_eq!(waiting.map(drop), Err(io::ErrorKind::WouldBlock));
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Connection<IO> {
    /// Everything up to and with the end of a request's head.
    pub(crate) async fn read_head(&mut self) -> String {
        self.read_until("\r\n\r\n").await
    }

    /// Everything up to and with `end`.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            text.push(within(self.io.read_u8()).await.unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    pub(crate) async fn send(&mut self, text: &str) {
        within(self.io.write_all(text.as_bytes())).await.unwrap();
        within(self.io.flush()).await.unwrap();
    }

    pub(crate) async fn read_exact(&mut self, count: usize) -> Vec<u8> {
        let mut data = vec![0; count];
        within(self.io.read_exact(&mut data)).await.unwrap();
        data
    }

    /// How the connection ends: what still came, or the error.
    pub(crate) async fn rest(&mut self) -> Result<Vec<u8>, io::ErrorKind> {
        let mut rest = Vec::new();
        match within(self.io.read_to_end(&mut rest)).await {
            Ok(_) => Ok(rest),
            Err(error) => Err(error.kind()),
        }
    }
}

impl Connection {
    /// Ends the connection with a reset.
    pub(crate) fn abort(self) {
        self.io.set_zero_linger().unwrap();
    }
}
