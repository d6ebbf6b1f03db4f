//! A client of HTTP/1.1 that shows what is on the wire: it sends any bytes and
//! tells a clean end of a body from a cut one.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use rustls::ClientConfig;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::namespace::Namespace;
use crate::tls;
use crate::wait::GENEROUS;

/// A server, from where it is reached, and who one is there.
#[derive(Clone, Debug)]
pub struct Client {
    network: Namespace,
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    token: Option<String>,
}

/// One connection, whose requests are sent and answered in turn.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TlsStream<TcpStream>>,
    body: Body,
}

/// An answer; its body may be still to come.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, as far as it has been read.
    pub body: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Body {
    Chunked,
    Length(usize),
    UntilClosed,
    Ended,
}

impl Client {
    /// A client with this configuration and bearer token.
    pub fn new(
        network: &Namespace,
        address: SocketAddr,
        tls: Arc<ClientConfig>,
        token: Option<String>,
    ) -> Self {
        Self {
            network: network.clone(),
            address,
            tls,
            token,
        }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// The server cannot be reached or refuses the handshake.
    pub async fn connect(&self) -> Result<Connection> {
        self.over(self.network.connect(self.address, GENEROUS)?)
            .await
    }

    /// Opens one over a socket that is connected already.
    ///
    /// # Errors
    /// The server refuses the handshake.
    pub async fn over(&self, tcp: TcpStream) -> Result<Connection> {
        let stream = timeout(GENEROUS, tls::connect(&self.tls, tcp, self.address)).await??;
        Ok(Connection::new(stream))
    }

    /// Where the server is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request as it goes over the wire; `headers` are whole lines.
    pub fn request(&self, method: &str, target: &str, headers: &[&str], body: &str) -> String {
        let mut text = format!("{method} {target} HTTP/1.1\r\n");
        if !headers
            .iter()
            .any(|line| line.to_ascii_lowercase().starts_with("host:"))
        {
            let _ = write!(text, "Host: {}\r\n", self.address);
        }
        if let Some(token) = &self.token {
            let _ = write!(text, "Authorization: Bearer {token}\r\n");
        }
        for line in headers {
            let _ = write!(text, "{line}\r\n");
        }
        if !body.is_empty() {
            let _ = write!(text, "Content-Length: {}\r\n", body.len());
        }
        text + "\r\n" + body
    }

    /// Sends one request on a connection of its own and reads the whole answer.
    ///
    /// # Errors
    /// There is no whole answer within the limit of [`Connection::exchange`].
    pub async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[&str],
        body: &str,
    ) -> Result<Answer> {
        let request = self.request(method, target, headers, body);
        self.connect().await?.exchange(&request).await
    }

    /// Gets a target.
    ///
    /// # Errors
    /// There is no whole answer within the limit of [`Connection::exchange`].
    pub async fn get(&self, target: &str) -> Result<Answer> {
        self.send("GET", target, &[], "").await
    }

    /// Starts a request and leaves the body of its answer to be read.
    ///
    /// # Errors
    /// The answer does not begin within a minute.
    pub async fn begin(&self, method: &str, target: &str) -> Result<(Connection, Answer)> {
        let mut connection = self.connect().await?;
        connection
            .write(self.request(method, target, &[], "").as_bytes())
            .await?;
        let answer = timeout(GENEROUS, connection.head()).await??;
        Ok((connection, answer))
    }
}

impl Connection {
    fn new(stream: TlsStream<TcpStream>) -> Self {
        Self {
            stream: BufReader::new(stream),
            body: Body::Ended,
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// There is no whole answer within three minutes.
    pub async fn exchange(&mut self, request: &str) -> Result<Answer> {
        let both = async {
            self.write(request.as_bytes()).await?;
            let mut answer = self.head().await?;
            while let Some(part) = self.part().await? {
                answer.body.extend(part);
            }
            Ok(answer)
        };
        timeout(3 * GENEROUS, both).await.context("no answer")?
    }

    /// Reads the head of an answer.
    ///
    /// # Errors
    /// The connection ends before, or what comes is no answer.
    pub async fn head(&mut self) -> Result<Answer> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut answer = Answer {
            status: status.context("no status line")?,
            ..Answer::default()
        };
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            answer
                .headers
                .push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        self.body = match (
            answer.status,
            answer.header("transfer-encoding"),
            answer.header("content-length"),
        ) {
            (101 | 204 | 304, ..) => Body::Ended,
            (_, Some("chunked"), _) => Body::Chunked,
            (_, _, Some(length)) => Body::Length(length.parse()?),
            _ => Body::UntilClosed,
        };
        Ok(answer)
    }

    /// Reads the next part of a body; `None` at its clean end.
    ///
    /// # Errors
    /// The body is cut short.
    pub async fn part(&mut self) -> Result<Option<Vec<u8>>> {
        let length = match self.body {
            Body::Ended | Body::Length(0) => return Ok(None),
            Body::Length(length) => length.min(64 * 1024),
            Body::UntilClosed => {
                let mut rest = Vec::new();
                self.stream.read_to_end(&mut rest).await?;
                self.body = Body::Ended;
                return Ok(Some(rest));
            }
            Body::Chunked => {
                usize::from_str_radix(self.line().await?.split(';').next().unwrap_or_default(), 16)?
            }
        };
        let mut part = vec![0; length];
        self.stream.read_exact(&mut part).await?;
        match &mut self.body {
            Body::Length(left) => *left -= length,
            Body::Chunked => {
                self.line().await?;
                if length == 0 {
                    self.body = Body::Ended;
                    return Ok(None);
                }
            }
            Body::UntilClosed | Body::Ended => {}
        }
        Ok(Some(part))
    }

    /// Reads a body until the text has been in it.
    ///
    /// # Errors
    /// The body ends before, or a minute passes.
    pub async fn until(&mut self, text: &str) -> Result<()> {
        let mut seen = String::new();
        let reading = async {
            while !seen.contains(text) {
                let Some(part) = self.part().await? else {
                    bail!("the body ends without {text:?}")
                };
                seen.push_str(&String::from_utf8_lossy(&part));
            }
            Ok(())
        };
        timeout(GENEROUS, reading)
            .await
            .with_context(|| format!("no sign of {text:?}"))?
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let Some(line) = line.strip_suffix("\r\n") else {
            bail!("the connection ends in {line:?}")
        };
        Ok(line.to_owned())
    }
}

impl Answer {
    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The message of the Kubernetes `Status` object that an error must be.
    ///
    /// # Panics
    /// It is none, or its code is not the answer's.
    pub fn status_message(&self) -> String {
        let status: Value = serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text()));
        assert_eq!(status["kind"], "Status", "{status}");
        assert_eq!(status["code"], self.status, "{status}");
        status["message"].as_str().unwrap_or_default().to_owned()
    }
}
