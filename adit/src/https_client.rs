//! One HTTPS request over one connection, as the owner of a kubeconfig.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::kubeconfig::{HubAccess, Login};

/// Asks the server of a kubeconfig: a hub, or an API server.
#[derive(Debug)]
pub(crate) struct HttpsClient {
    connector: Connector,
    host: String,
    port: u16,
    token: Option<SecretString>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// An answer whose body has not been read.
#[derive(Debug)]
pub(crate) struct OpenAnswer {
    pub(crate) status: StatusCode,
    address: String,
    body: Incoming,
    /// Ends with this.
    _connection: JoinSet<hyper::Result<()>>,
}

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpsError {
    #[error("the server's address {0:?} is none")]
    Address(String),
    #[error("cannot reach {address}; is it running?")]
    Connect { address: String, source: io::Error },
    #[error("the {what} in the kubeconfig is no PEM {what}")]
    Pem {
        what: &'static str,
        source: pem::Error,
    },
    #[error("{address} broke off")]
    Http {
        address: String,
        source: hyper::Error,
    },
    #[error("{address} broke off while answering, or answered too much")]
    Body {
        address: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{address} gave no answer within {seconds} s")]
    Slow { address: String, seconds: u64 },
    #[error("the certificates in the kubeconfig cannot be used")]
    Tls(#[source] rustls::Error),
    #[error("the server's name is no DNS name or address")]
    Name(#[source] InvalidDnsNameError),
    #[error("the request is malformed")]
    Request(#[source] http::Error),
}

#[derive(Clone)]
struct Connector(TlsConnector);

/// A whole question and answer.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest answer that is read.
const MAX_ANSWER: usize = 64 << 20;

impl HttpsClient {
    /// Prepares to ask; connects to nothing yet.
    pub(crate) fn new(access: &HubAccess) -> Result<Self, HttpsError> {
        let bad = || HttpsError::Address(access.server.clone());
        let uri: Uri = access.server.parse().map_err(|_| bad())?;
        let host = uri
            .host()
            .ok_or_else(bad)?
            .trim_matches(['[', ']'])
            .to_owned();
        let token = match &access.login {
            Login::Token(token) => Some(token.clone()),
            Login::Certificate { .. } => None,
        };
        let config = tls_config(access)?;
        Ok(Self {
            connector: Connector(TlsConnector::from(Arc::new(config))),
            host,
            port: uri.port_u16().unwrap_or(443),
            token,
        })
    }

    /// Asks for one path; waits at most 30 s for the whole answer.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, HttpsError> {
        let whole = async { self.exchange(path).await?.whole().await };
        within_limit(&self.address(), Box::pin(whole)).await
    }

    /// Asks for one path, and leaves the answer's body to be read; waits at
    /// most 30 s for its head.
    pub(crate) async fn open(&self, path: &str) -> Result<OpenAnswer, HttpsError> {
        within_limit(&self.address(), Box::pin(self.exchange(path))).await
    }

    async fn exchange(&self, path: &str) -> Result<OpenAnswer, HttpsError> {
        let http = |source| HttpsError::Http {
            address: self.address(),
            source,
        };
        let io = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = http1::handshake(io).await.map_err(http)?;
        // Dropped with this future, and the connection with it.
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let response = sender
            .send_request(self.request(path)?)
            .await
            .map_err(http)?;
        Ok(OpenAnswer {
            status: response.status(),
            address: self.address(),
            body: response.into_body(),
            _connection: tasks,
        })
    }

    /// A TLS connection to the server.
    pub(crate) async fn connect(&self) -> Result<TlsStream<TcpStream>, HttpsError> {
        let connect = |source| HttpsError::Connect {
            address: self.address(),
            source,
        };
        let name = ServerName::try_from(self.host.clone()).map_err(HttpsError::Name)?;
        let tcp = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(connect)?;
        self.connector.0.connect(name, tcp).await.map_err(connect)
    }

    fn request(&self, path: &str) -> Result<Request<Empty<Bytes>>, HttpsError> {
        let mut request = Request::get(path)
            .header(header::HOST, self.address())
            .header(header::ACCEPT, "application/json");
        if let Some(token) = &self.token {
            let value = format!("Bearer {}", token.expose_secret());
            request = request.header(header::AUTHORIZATION, value);
        }
        request.body(Empty::new()).map_err(HttpsError::Request)
    }

    /// The bearer token of the kubeconfig, if it has one.
    pub(crate) fn token(&self) -> Option<&SecretString> {
        self.token.as_ref()
    }

    /// The server's `host:port`.
    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl OpenAnswer {
    /// Reads all of the body.
    pub(crate) async fn whole(self) -> Result<Answer, HttpsError> {
        let Self {
            status,
            address,
            body,
            _connection,
        } = self;
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|source| HttpsError::Body { address, source })?;
        let body = body.to_bytes();
        Ok(Answer { status, body })
    }

    /// The body as it comes; an error if nothing comes for 30 s.
    pub(crate) fn pieces(self) -> impl Stream<Item = Result<Bytes, HttpsError>> {
        try_unfold(self, async |mut this| {
            let next = async { Ok(this.body.frame().await) };
            let Some(frame) = within_limit(&this.address, next).await? else {
                return Ok(None);
            };
            let frame = frame.map_err(|source| HttpsError::Http {
                address: this.address.clone(),
                source,
            })?;
            // What is no data are trailers.
            Ok(Some((frame.into_data().unwrap_or_default(), this)))
        })
    }
}

async fn within_limit<T>(
    address: &str,
    answer: impl Future<Output = Result<T, HttpsError>>,
) -> Result<T, HttpsError> {
    match tokio::time::timeout(LIMIT, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(HttpsError::Slow {
            address: address.to_owned(),
            seconds: LIMIT.as_secs(),
        }),
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

fn tls_config(access: &HubAccess) -> Result<ClientConfig, HttpsError> {
    let mut roots = rustls::RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(access.authority_pem.as_bytes()) {
        let authority = authority.map_err(|source| HttpsError::Pem {
            what: "certificate authority",
            source,
        })?;
        roots.add(authority).map_err(HttpsError::Tls)?;
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let Login::Certificate {
        certificate_pem,
        key_pem,
    } = &access.login
    else {
        return Ok(builder.with_no_client_auth());
    };
    let certificate =
        CertificateDer::from_pem_slice(certificate_pem.as_bytes()).map_err(|source| {
            HttpsError::Pem {
                what: "client certificate",
                source,
            }
        })?;
    let key =
        PrivateKeyDer::from_pem_slice(key_pem.expose_secret().as_bytes()).map_err(|source| {
            HttpsError::Pem {
                what: "client key",
                source,
            }
        })?;
    builder
        .with_client_auth_cert(vec![certificate], key)
        .map_err(HttpsError::Tls)
}
