//! One of the two servers, and what it has shown.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use serde_json::Value;
use tests::tls;
use tests::wait::GENEROUS;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::request::Request;

/// A server, reached over one connection after the other.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    token: String,
    sender: Option<SendRequest<Full<Bytes>>>,
    connections: JoinSet<()>,
    pub(crate) memory: Memory,
}

/// What a server has shown that later requests name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    named: BTreeMap<String, String>,
}

/// An answer as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) fn new(address: SocketAddr, tls: Option<Arc<ClientConfig>>, token: &str) -> Self {
        Self {
            address,
            tls,
            token: token.to_owned(),
            sender: None,
            connections: JoinSet::new(),
            memory: Memory::default(),
        }
    }

    /// Another connection to the same, which remembers nothing.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.address, self.tls.clone(), &self.token)
    }

    /// Sends a request of the script that has this namespace.
    pub(crate) async fn send(&mut self, request: &Request, namespace: &str) -> Result<Answer> {
        let fill = |text: &str| self.memory.fill(text, namespace);
        let mut built = http::Request::builder()
            .method(&*request.method)
            .uri(fill(&request.path).replace(' ', "%20"))
            .header("host", self.address.to_string());
        if !self.token.is_empty() {
            built = built.header("authorization", format!("Bearer {}", self.token));
        }
        let named = |name: &str| request.headers.iter().any(|(of, _)| of == name);
        if !named("user-agent") {
            built = built.header("user-agent", "differential/1");
        }
        for (name, value) in &request.headers {
            built = built.header(name, http::HeaderValue::from_bytes(value.as_bytes())?);
        }
        let body = match str::from_utf8(&request.body) {
            Ok(text) if text.contains('<') && text.len() < FILLED => fill(text).into_bytes(),
            _ => request.body.clone(),
        };
        let built = built.body(Full::new(Bytes::from(body)))?;
        let answer = timeout(GENEROUS, self.exchange(built, request.lines)).await;
        let answer = answer.with_context(|| format!("no answer to {}", request.shown()))??;
        self.memory.learn(&answer.body);
        Ok(answer)
    }

    async fn exchange(
        &mut self,
        request: http::Request<Full<Bytes>>,
        lines: Option<usize>,
    ) -> Result<Answer> {
        let ready = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            self.sender = Some(self.connect().await?);
        }
        let again = request.clone();
        let sender = self.sender.as_mut().context("a connection")?;
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            // The server had closed the connection that it was sent on.
            Err(_) => {
                let mut sender = self.connect().await?;
                let response = sender.send_request(again).await?;
                self.sender = Some(sender);
                response
            }
        };
        let (head, body) = response.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let mut answer = Answer {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: Vec::new(),
        };
        match lines {
            None => answer.body = body.collect().await?.to_bytes().to_vec(),
            Some(lines) => {
                answer.body = read_lines(body, lines).await;
                self.sender = None;
            }
        }
        Ok(answer)
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        match self.tls.clone() {
            None => {
                let (sender, connection) = handshake(TokioIo::new(tcp)).await?;
                self.connections.spawn(async { drop(connection.await) });
                Ok(sender)
            }
            Some(config) => {
                let stream = tls::connect(&config, tcp, self.address).await?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await?;
                self.connections.spawn(async { drop(connection.await) });
                Ok(sender)
            }
        }
    }
}

/// So many lines, or what comes until nothing does.
async fn read_lines(mut body: Incoming, lines: usize) -> Vec<u8> {
    let mut read = Vec::new();
    let whole = |read: &[u8]| read.iter().filter(|&&byte| byte == b'\n').count() >= lines;
    while !whole(&read) {
        let Ok(Some(Ok(frame))) = timeout(SILENCE, body.frame()).await else {
            break;
        };
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data);
        }
    }
    read
}

impl Memory {
    /// The value that was remembered under that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(String::as_str)
    }

    /// Every version that an object has had.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &str> {
        let named = self.named.iter();
        named
            .filter(|(name, _)| name.starts_with("<rv"))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn set(&mut self, name: String, value: String) {
        self.named.insert(name, value);
    }

    fn fill(&self, text: &str, namespace: &str) -> String {
        let mut filled = text.replace("<ns>", namespace);
        for (name, value) in &self.named {
            if filled.contains(name.as_str()) {
                filled = filled.replace(name.as_str(), value);
            }
        }
        filled
    }

    fn learn(&mut self, body: &[u8]) {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        let metadata = &body["metadata"];
        let Some(version) = metadata["resourceVersion"].as_str() else {
            return;
        };
        self.set("<rv>".into(), version.to_owned());
        if let Some(token) = metadata["continue"].as_str() {
            self.set("<continue>".into(), token.to_owned());
        }
        if let (Some(name), Some(uid)) = (metadata["name"].as_str(), metadata["uid"].as_str()) {
            self.set(format!("<rv {name}>"), version.to_owned());
            self.set("<uid>".into(), uid.to_owned());
            self.set(format!("<uid {name}>"), uid.to_owned());
        }
    }
}

/// A body longer than this names nothing of the server's.
const FILLED: usize = 64 * 1024;
/// A stream is at its end when nothing has come for so long.
const SILENCE: Duration = Duration::from_secs(10);
