//! A TLS and HTTP/1.1 client.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{GENEROUS, yaml};

/// What a client shows of itself.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    Nobody,
    /// PEM.
    Certificate {
        certificate: String,
        key: String,
    },
    Token(String),
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) struct Client {
    address: SocketAddr,
    config: ClientConfig,
    token: Option<String>,
}

/// A response whose body has not been read.
pub(crate) struct Open {
    pub(crate) body: Incoming,
    _connection: JoinSet<hyper::Result<()>>,
}

impl Identity {
    /// The certificate or token of a kubeconfig's first user.
    pub(crate) fn of_kubeconfig(path: &Path) -> Self {
        let user = &yaml(path)["users"][0]["user"];
        if let Some(token) = user["token"].as_str() {
            return Self::Token(token.to_owned());
        }
        let decoded = |field: &str| {
            String::from_utf8(STANDARD.decode(user[field].as_str().unwrap()).unwrap()).unwrap()
        };
        Self::Certificate {
            certificate: decoded("client-certificate-data"),
            key: decoded("client-key-data"),
        }
    }

    /// The certificate in an agent's credentials.
    pub(crate) fn of_credentials(path: &Path) -> Self {
        let document = yaml(path);
        let text = |field: &str| document[field].as_str().unwrap().to_owned();
        Self::Certificate {
            certificate: text("certificate"),
            key: text("privateKey"),
        }
    }
}

impl Client {
    /// Trusts these authorities, PEM.
    pub(crate) fn new(address: SocketAddr, authorities: &str, identity: Identity) -> Self {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            roots.add(authority.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let (config, token) = match identity {
            Identity::Nobody => (builder.with_no_client_auth(), None),
            Identity::Token(token) => (builder.with_no_client_auth(), Some(token)),
            Identity::Certificate { certificate, key } => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                (builder.with_client_auth_cert(chain, key).unwrap(), None)
            }
        };
        Self {
            address,
            config,
            token,
        }
    }

    /// Asks for this protocol by ALPN.
    pub(crate) fn with_alpn(mut self, protocol: &[u8]) -> Self {
        self.config.alpn_protocols = vec![protocol.to_vec()];
        self
    }

    pub(crate) async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        let name = ServerName::from(self.address.ip());
        let tcp = TcpStream::connect(self.address).await?;
        connector.connect(name, tcp).await
    }

    /// The first bytes of a TLS handshake.
    pub(crate) fn hello(&self) -> Vec<u8> {
        let name = ServerName::from(self.address.ip());
        let config = Arc::new(self.config.clone());
        let mut connection = rustls::ClientConnection::new(config, name).unwrap();
        let mut hello = Vec::new();
        connection.write_tls(&mut hello).unwrap();
        hello
    }

    pub(crate) async fn get(&self, path: &str) -> io::Result<Answer> {
        let exchange = async {
            let (head, open) = self.open(path).await?;
            let body = open
                .body
                .collect()
                .await
                .map_err(io::Error::other)?
                .to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            Ok(Answer {
                code: head.status.as_u16(),
                headers: head.headers,
                body,
            })
        };
        timeout(GENEROUS, exchange)
            .await
            .expect("the hub answers in time")
    }

    /// Asks, and leaves the body to be read as it comes.
    pub(crate) async fn open(&self, path: &str) -> io::Result<(http::response::Parts, Open)> {
        self.send(Request::get(path), Bytes::new()).await
    }

    /// As [`Client::get`], as a part of a trace; returns the answer's code.
    pub(crate) async fn get_traced(&self, path: &str, trace_parent: &str) -> u16 {
        let request = Request::get(path).header("traceparent", trace_parent);
        let (head, open) = self.send(request, Bytes::new()).await.unwrap();
        open.body.collect().await.unwrap();
        head.status.as_u16()
    }

    /// Sends an object; returns the answer's code.
    pub(crate) async fn post(&self, path: &str, object: &Value) -> u16 {
        let (head, _) = self.post_object(path, object).await;
        head.status.as_u16()
    }

    /// Sends an object; returns the answer's.
    pub(crate) async fn post_for(&self, path: &str, object: &Value) -> Value {
        let (head, open) = self.post_object(path, object).await;
        let body = open.body.collect().await.unwrap().to_bytes();
        assert!(head.status.is_success(), "{}: {body:?}", head.status);
        serde_json::from_slice(&body).unwrap()
    }

    /// Deletes what is there; returns the answer's code.
    pub(crate) async fn delete(&self, path: &str) -> u16 {
        let (head, _) = self
            .send(Request::delete(path), Bytes::new())
            .await
            .unwrap();
        head.status.as_u16()
    }

    async fn post_object(&self, path: &str, object: &Value) -> (http::response::Parts, Open) {
        let request = Request::post(path).header("content-type", "application/json");
        let body = Bytes::from(object.to_string());
        self.send(request, body).await.unwrap()
    }

    async fn send(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> io::Result<(http::response::Parts, Open)> {
        let io = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let mut request = request
            .header("host", self.address.to_string())
            .header("accept", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body)).unwrap();
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let (head, body) = response.into_parts();
        Ok((
            head,
            Open {
                body,
                _connection: tasks,
            },
        ))
    }
}
