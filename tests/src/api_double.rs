//! An API server that does what a test tells it, right or wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::namespace::Namespace;
use crate::pki::Authority;
use crate::{scratch, tls};

/// What to do with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reply {
    /// Send this and wait for the next request.
    Answer(&'static str),
    /// Send this and close the connection.
    Cut(&'static str),
    /// Send nothing, ever.
    Silence,
}

/// The server; gone when dropped.
#[derive(Debug)]
pub struct ApiDouble {
    /// A kubeconfig that leads to it.
    pub kubeconfig: PathBuf,
    heads: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl ApiDouble {
    /// Starts one; `script` says what to do with a request by its target.
    ///
    /// # Errors
    /// It cannot listen.
    pub fn start(
        namespace: &Namespace,
        address: Ipv4Addr,
        script: fn(&str) -> Reply,
    ) -> Result<Self> {
        let listener = namespace.listen(SocketAddr::from((address, 0)))?;
        let authority = Authority::unknown()?;
        let acceptor = tls::server(&authority.server(address.into())?, b"http/1.1")?;
        let kubeconfig = scratch::fresh_folder("double")?.join("kubeconfig");
        std::fs::write(&kubeconfig, render(listener.local_addr()?, authority.pem()))?;
        let heads = Arc::default();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, acceptor, script, Arc::clone(&heads)));
        Ok(Self {
            kubeconfig,
            heads,
            _serving: serving,
        })
    }

    /// The heads of the requests so far that have the text in their first line.
    pub fn heads(&self, text: &str) -> Vec<String> {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let matching = |head: &&String| head.lines().next().is_some_and(|line| line.contains(text));
        heads.iter().filter(matching).cloned().collect()
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    script: fn(&str) -> Reply,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        let (acceptor, heads) = (acceptor.clone(), Arc::clone(&heads));
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(tcp).await else {
                return;
            };
            // What a client does to its connection is the client's business.
            let _ = converse(BufReader::new(stream), script, &heads).await;
        });
    }
}

async fn converse<IO>(
    mut stream: BufReader<IO>,
    script: fn(&str) -> Reply,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()>
where
    IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(head);
        match script(&target) {
            Reply::Answer(text) => stream.write_all(text.as_bytes()).await?,
            Reply::Cut(text) => {
                stream.write_all(text.as_bytes()).await?;
                return stream.shutdown().await;
            }
            Reply::Silence => std::future::pending().await,
        }
        stream.flush().await?;
    }
}

fn render(address: SocketAddr, authority: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: double\nclusters:\n- name: double\n  cluster:\n    \
         server: https://{address}\n    certificate-authority-data: {}\nusers:\n- name: double\n  user:\n    \
         token: of-the-cluster\ncontexts:\n- name: double\n  context:\n    cluster: double\n    user: double\n",
        STANDARD.encode(authority)
    )
}
