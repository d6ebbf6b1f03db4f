//! A client of a Kubernetes API: HTTP/2 over TLS with a client's certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Where a server is, and who one is there.
#[derive(Clone)]
pub(crate) struct Access {
    address: SocketAddr,
    tls: TlsConnector,
}

/// One connection; requests may run beside each other.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    /// What moves the bytes; it ends with the connection.
    _driver: JoinSet<()>,
}

/// No window is to be what is measured.
const WINDOW: u32 = 16 << 20;

impl Access {
    /// The administrator's, by the files of a [`Keys`](crate::keys::Keys).
    pub(crate) fn new(address: SocketAddr, keys: &Path) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(keys.join("ca.crt"))?)?;
        let chain = CertificateDer::pem_file_iter(keys.join("client.crt"))?;
        let key = PrivateKeyDer::from_pem_file(keys.join("client.key"))?;
        let mut tls = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_root_certificates(roots)
            .with_client_auth_cert(chain.collect::<Result<_, _>>()?, key)?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self {
            address,
            tls: Arc::new(tls).into(),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn connect(&self) -> Result<Connection> {
        Box::pin(self.handshake()).await
    }

    async fn handshake(&self) -> Result<Connection> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::from(self.address.ip());
        let stream = Box::pin(self.tls.connect(name, tcp)).await?;
        let protocol = stream.get_ref().1.alpn_protocol();
        ensure!(protocol == Some(b"h2"), "it does not speak HTTP/2");
        let handshake = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(TokioIo::new(stream));
        let (sender, connection) = Box::pin(handshake).await?;
        let mut driver = JoinSet::new();
        // A connection that fails fails its requests.
        driver.spawn(async move { drop(connection.await) });
        Ok(Connection {
            address: self.address,
            sender,
            _driver: driver,
        })
    }
}

impl Connection {
    /// Begins a request; the body of the answer may be still to come.
    pub(crate) async fn begin(
        &mut self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://{}{path}", self.address))
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(body))?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Sends a request and returns the body of its answer.
    ///
    /// # Errors
    /// Of an answer that tells of no success, with what it says.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Bytes> {
        let response = self.begin(method, path, content_type, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let said = String::from_utf8_lossy(&body);
        bail!(
            "{path}: {status}: {}",
            said.chars().take(300).collect::<String>()
        )
    }

    /// Creates or replaces by JSON, and returns the revision of what is there then.
    pub(crate) async fn write(
        &mut self,
        method: Method,
        path: &str,
        json: Bytes,
    ) -> Result<String> {
        let body = self.send(method, path, "application/json", json).await?;
        let object: Value = serde_json::from_slice(&body)?;
        let revision = object["metadata"]["resourceVersion"].as_str();
        Ok(revision.unwrap_or_default().to_owned())
    }

    /// Reads JSON.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Value> {
        let none = Bytes::new();
        let body = self.send(Method::GET, path, "application/json", none);
        Ok(serde_json::from_slice(&body.await?)?)
    }

    /// Whether a path is answered with success.
    pub(crate) async fn serves(&mut self, path: &str) -> Result<bool> {
        let response = self
            .begin(Method::GET, path, "application/json", Bytes::new())
            .await?;
        Ok(response.status() == StatusCode::OK)
    }

    /// Reads a whole answer without keeping it, and returns its length.
    pub(crate) async fn length(&mut self, path: &str) -> Result<usize> {
        let response = self
            .begin(Method::GET, path, "application/json", Bytes::new())
            .await?;
        ensure!(
            response.status().is_success(),
            "{path}: {}",
            response.status()
        );
        let mut body = response.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok(length)
    }
}
