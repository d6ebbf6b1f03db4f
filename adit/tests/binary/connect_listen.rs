//! Listeners of the hub that take CONNECT.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use crate::support::{Client, Identity, Process, TestHub, arg};

/// A hub that takes CONNECT, a cluster `edge-1` whose agent reaches this
/// machine, and a target there.
struct Setup {
    hub: TestHub,
    address: SocketAddr,
    socket: PathBuf,
    target: TcpListener,
    _agent: Process,
    _folder: tempfile::TempDir,
}

impl Setup {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("connect");
        let args = [
            "--connect-listen",
            "127.0.0.1:0",
            "--connect-listen",
            &format!("unix:{}", arg(&socket)),
        ];
        let hub = Box::pin(TestHub::start_with(&args)).await;
        Box::pin(hub.allow("alice", &["connect"], &["edge-1"])).await;
        let agent = Box::pin(hub.cluster_with("edge-1", "127.0.0.1:*")).await;
        Self {
            address: hub.logged_address("connect-listen:").await,
            hub,
            socket,
            target: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            _agent: agent,
            _folder: folder,
        }
    }

    /// What a CONNECT to the target says; `lines` are further header lines.
    fn request(&self, lines: &str) -> String {
        let target = self.target.local_addr().unwrap();
        format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{lines}\r\n")
    }

    /// A connection to an address of the hub.
    async fn connect(&self, address: SocketAddr, identity: Identity) -> TlsStream<TcpStream> {
        let authority = std::fs::read_to_string(self.hub.data().join("ca.crt")).unwrap();
        let client = Client::new(address, &authority, identity);
        client.connect().await.unwrap()
    }

    async fn token(&self, user: &str) -> String {
        let created = self.hub.adit(&["token", "create", "--user", user]).await;
        let credentials = format!("edge-1:{}", created.stdout.trim());
        let encoded = STANDARD.encode(credentials);
        format!("proxy-authorization: Basic {encoded}\r\n")
    }

    /// The target's end of a tunnel that is opened by this.
    async fn tunnel(
        &self,
        client: &mut (impl AsyncRead + AsyncWrite + Unpin),
        lines: &str,
    ) -> TcpStream {
        client
            .write_all(self.request(lines).as_bytes())
            .await
            .unwrap();
        let head = head(client).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        self.target.accept().await.unwrap().0
    }
}

async fn head(client: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn a_token_opens_a_tunnel_and_each_direction_ends_on_its_own() {
    let setup = Setup::start().await;
    let token = setup.token("alice").await;
    for address in [setup.address, setup.hub.address()] {
        let mut client = setup.connect(address, Identity::Nobody).await;
        let mut target = setup.tunnel(&mut client, &token).await;
        client.write_all(b"ping").await.unwrap();
        client.shutdown().await.unwrap();
        let mut received = Vec::new();
        target.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"ping");
        target.write_all(b"pong").await.unwrap();
        drop(target);
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"pong");
    }
}

#[tokio::test]
async fn a_certificate_names_its_cluster_in_a_header() {
    let setup = Setup::start().await;
    let administrator = setup.hub.administrator();
    let mut client = setup.connect(setup.address, administrator).await;
    let mut target = setup.tunnel(&mut client, "adit-cluster: edge-1\r\n").await;
    target.write_all(b"hello").await.unwrap();
    let mut received = [0; 5];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"hello");
}

#[tokio::test]
async fn a_target_that_breaks_is_no_clean_end() {
    let setup = Setup::start().await;
    let administrator = setup.hub.administrator();
    let mut client = setup.connect(setup.address, administrator).await;
    let mut target = setup.tunnel(&mut client, "adit-cluster: edge-1\r\n").await;
    target.write_all(b"half").await.unwrap();
    let mut received = [0; 4];
    client.read_exact(&mut received).await.unwrap();
    target.set_zero_linger().unwrap();
    drop(target);
    let error = client.read_to_end(&mut Vec::new()).await.unwrap_err();
    let cut = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
    assert!(cut.contains(&error.kind()), "{error:?}");
}

#[tokio::test]
async fn a_client_that_breaks_resets_the_target() {
    let setup = Setup::start().await;
    let administrator = setup.hub.administrator();
    let mut client = setup.connect(setup.address, administrator).await;
    let mut target = setup.tunnel(&mut client, "adit-cluster: edge-1\r\n").await;
    // TLS ends with a word of its own; this client says none.
    drop(client);
    let error = target.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn whom_no_role_lets_in_and_agents_get_nothing() {
    let setup = Setup::start().await;
    let agent = setup.hub.beside("edge-1-agent.yaml");
    let mallory = setup.token("mallory").await;
    for (identity, lines, code) in [
        (Identity::Nobody, mallory.as_str(), "403"),
        (Identity::Nobody, "adit-cluster: edge-1\r\n", "407"),
        (
            Identity::of_credentials(&agent),
            "adit-cluster: edge-1\r\n",
            "403",
        ),
    ] {
        let mut client = setup.connect(setup.address, identity).await;
        let request = setup.request(lines);
        client.write_all(request.as_bytes()).await.unwrap();
        let head = head(&mut client).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {code} ")), "{head}");
    }
}

#[tokio::test]
async fn the_owner_of_the_socket_is_an_administrator() {
    let setup = Setup::start().await;
    let mode = std::fs::metadata(&setup.socket)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = UnixStream::connect(&setup.socket).await.unwrap();
    let mut target = setup.tunnel(&mut client, "adit-cluster: edge-1\r\n").await;
    client.write_all(b"ping").await.unwrap();
    client.shutdown().await.unwrap();
    let mut received = Vec::new();
    target.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"ping");
}
