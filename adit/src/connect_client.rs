//! CONNECT to a target in a cluster, as the owner of a kubeconfig.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway::DialTarget;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, Parts};
use hyper_util::rt::TokioIo;
use proto::ClusterName;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::https_client::{HttpsClient, HttpsError};

/// Opens connections to one target through the hub.
#[derive(Debug)]
pub(crate) struct ConnectClient {
    pub(crate) https: HttpsClient,
    pub(crate) cluster: ClusterName,
    pub(crate) target: DialTarget,
}

/// A connection to the target.
pub(crate) struct Connected {
    pub(crate) stream: TlsStream<TcpStream>,
    /// What the target has said already.
    pub(crate) front: Bytes,
}

/// Why there is no connection to the target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Https(#[from] HttpsError),
    #[error("{address} broke off")]
    Http {
        address: String,
        source: hyper::Error,
    },
    #[error("{message}")]
    Refused { message: String },
    #[error("{address} gave no answer within {seconds} s")]
    Slow { address: String, seconds: u64 },
    #[error("the target or the login cannot stand in a request")]
    Request(#[from] http::Error),
}

/// The message in a Kubernetes `Status` object.
#[derive(Deserialize)]
struct Status {
    message: String,
}

type Io = TokioIo<TlsStream<TcpStream>>;

/// Connecting to the hub, and from there to the target.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest explanation that is read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

impl ConnectClient {
    /// Opens one connection, in 30 s at most.
    pub(crate) async fn open(&self) -> Result<Connected, ConnectError> {
        match timeout(LIMIT, Box::pin(self.exchange())).await {
            Ok(opened) => opened,
            Err(_) => Err(ConnectError::Slow {
                address: self.https.address(),
                seconds: LIMIT.as_secs(),
            }),
        }
    }

    async fn exchange(&self) -> Result<Connected, ConnectError> {
        let broke_off = |source| ConnectError::Http {
            address: self.https.address(),
            source,
        };
        let io = TokioIo::new(self.https.connect().await?);
        let (mut sender, connection) = http1::handshake(io).await.map_err(broke_off)?;
        // Dropped with this future, and the connection with it.
        let mut tasks = JoinSet::new();
        tasks.spawn(without_shutdown(connection));
        let response = sender.send_request(self.request()?).await;
        let response = response.map_err(broke_off)?;
        if response.status() != StatusCode::OK {
            return Err(refused(response).await);
        }
        match tasks.join_next().await {
            Some(Ok(Ok(parts))) => Ok(Connected {
                stream: parts.io.into_inner(),
                front: parts.read_buf,
            }),
            Some(Ok(Err(error))) => Err(broke_off(error)),
            Some(Err(_)) | None => Err(ConnectError::Refused {
                message: "the connection was given up".to_owned(),
            }),
        }
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, http::Error> {
        let target = self.target.to_string();
        let mut request = Request::connect(&target)
            .header(HOST, &target)
            .header("adit-cluster", self.cluster.as_str());
        if let Some(token) = self.https.token() {
            request = request.header(PROXY_AUTHORIZATION, self.basic(token)?);
        }
        request.body(Empty::new())
    }

    fn basic(&self, token: &SecretString) -> Result<HeaderValue, http::Error> {
        let credentials = format!("{}:{}", self.cluster, token.expose_secret());
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

async fn without_shutdown(connection: Connection<Io, Empty<Bytes>>) -> hyper::Result<Parts<Io>> {
    connection.without_shutdown().await
}

/// What the hub says of a CONNECT that failed.
async fn refused(response: Response<Incoming>) -> ConnectError {
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_REFUSAL)
        .collect()
        .await;
    let told = body.ok().and_then(|body| {
        let told: Status = serde_json::from_slice(&body.to_bytes()).ok()?;
        Some(told.message)
    });
    ConnectError::Refused {
        message: told.unwrap_or_else(|| format!("the hub answered {status}")),
    }
}
