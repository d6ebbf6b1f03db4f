//! An API server that can be killed, also by the programs that use it.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Result, ensure};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use store::{Embedded, Key, Options, Store as _, Txn};
use tests::pki::Authority;
use tests::process::Process;
use tests::scratch;
use tests::wait::GENEROUS;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use crate::Place;

/// The process, its store, and where programs have it killed.
pub(crate) struct Server {
    parts: Arc<Parts>,
    /// Where `POST /crash` and `POST /forget` are taken.
    pub(crate) control: String,
    _tasks: JoinSet<()>,
}

struct Parts {
    place: &'static Place,
    sort: Sort,
    address: SocketAddr,
    folder: PathBuf,
    process: Mutex<Process>,
}

/// What serves the API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sort {
    /// The API server alone; whoever comes without a token may do anything.
    Alone,
    /// `adit hub`; its folder is the data directory.
    Hub,
}

impl Server {
    /// Starts one on an address of its own.
    pub(crate) async fn start(place: &'static Place) -> Result<Self> {
        let address = next_address();
        let folder = scratch::fresh_folder("api-server")?;
        fs::create_dir(folder.join("store"))?;
        let authority = Authority::unknown()?;
        let (certificate, key) = authority.server_pem(address.ip())?;
        for (file, text) in [
            ("ca.crt", authority.pem()),
            (CERTIFICATE, &certificate),
            (KEY, &key),
        ] {
            fs::write(folder.join(file), text)?;
        }
        Self::controlled(place, Sort::Alone, address, folder).await
    }

    /// Starts a whole hub, whose kubeconfig is its administrator's.
    pub(crate) async fn hub(place: &'static Place) -> Result<Self> {
        let folder = scratch::fresh_folder("hub")?;
        Self::controlled(place, Sort::Hub, next_address(), folder).await
    }

    async fn controlled(
        place: &'static Place,
        sort: Sort,
        address: SocketAddr,
        folder: PathBuf,
    ) -> Result<Self> {
        let process = start(place, sort, address, &folder).await?;
        let parts = Arc::new(Parts {
            place,
            sort,
            address,
            folder,
            process: Mutex::new(process),
        });
        let listener = TcpListener::bind((address.ip(), 0)).await?;
        let control = format!("http://{}", listener.local_addr()?);
        let mut tasks = JoinSet::new();
        tasks.spawn(take_orders(listener, parts.clone()));
        Ok(Self {
            parts,
            control,
            _tasks: tasks,
        })
    }

    /// kube-rs' client of it, with all rights.
    pub(crate) async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        Client::try_from(config.unwrap()).unwrap()
    }

    /// A kubeconfig of it.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        if self.parts.sort == Sort::Hub {
            return self.parts.folder.join(HUB_KUBECONFIG);
        }
        let file = self.parts.folder.join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: it\nclusters:\n- name: it\n  cluster: {{server: \"{}\", certificate-authority: {}}}\nusers:\n- name: it\n  user: {{}}\ncontexts:\n- name: it\n  context: {{cluster: it, user: it}}\n",
            format_args!("https://{}", self.parts.address),
            self.parts.folder.join("ca.crt").display()
        );
        fs::write(&file, text).unwrap();
        file
    }

    /// Kills it and starts it again; it is ready when this returns.
    pub(crate) async fn crash(&self) {
        self.parts.crash().await.unwrap();
    }

    /// The same, and its history is gone when it comes back.
    pub(crate) async fn forget(&self) {
        self.parts.forget().await.unwrap();
    }
}

/// The API server alone and a whole hub, one of each.
pub(crate) async fn each(place: &'static Place) -> [Server; 2] {
    let alone = Server::start(place).await.unwrap();
    [alone, Server::hub(place).await.unwrap()]
}

impl Parts {
    async fn crash(&self) -> Result<()> {
        let mut process = self.process.lock().await;
        process.kill();
        *process = start(self.place, self.sort, self.address, &self.folder).await?;
        Ok(())
    }

    async fn forget(&self) -> Result<()> {
        let mut process = self.process.lock().await;
        process.kill();
        let store = Embedded::open(&self.folder.join("store"), Options::default()).await?;
        change(&store).await?;
        store.compact(store.current().await?).await?;
        store.close().await;
        *process = start(self.place, self.sort, self.address, &self.folder).await?;
        Ok(())
    }
}

/// Deletes each ConfigMap `gone` and makes a `late` where there is a `stays`;
/// whatever there is, nobody has seen the last revision when this is done.
async fn change(store: &Embedded) -> Result<()> {
    let all = store::Range::prefix(Key::from("/registry/configmaps/"));
    for kv in &store.range(all).await?.kvs {
        let key = String::from_utf8_lossy(kv.key.as_bytes()).into_owned();
        if key.ends_with("/gone") {
            let delete = Txn::delete(kv.key.clone(), kv.mod_revision);
            ensure!(store.txn(delete).await?.is_done());
        } else if let Some(folder) = key.strip_suffix("/stays") {
            let object = String::from_utf8(kv.value.to_vec())?;
            let object = object.replace("\"name\":\"stays\"", "\"name\":\"late\"");
            // Done before, it stays.
            let create = Txn::create(format!("{folder}/late"), object);
            store.txn(create).await?;
        }
    }
    for _ in 0..2 {
        let passing = Key::from("/registry/leases/nowhere/passing");
        let made = store.txn(Txn::put(passing.clone(), "{}")).await?;
        store.txn(Txn::delete(passing, made.revision())).await?;
    }
    Ok(())
}

const HUB_KUBECONFIG: &str = "admin.kubeconfig";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

async fn start(
    place: &'static Place,
    sort: Sort,
    address: SocketAddr,
    folder: &Path,
) -> Result<Process> {
    let command = match sort {
        Sort::Alone => {
            let mut command = place.network.command(env!("CARGO_BIN_EXE_api-server"));
            command.arg(address.to_string()).arg(folder.join("store"));
            command.args([folder.join(CERTIFICATE), folder.join(KEY)]);
            command
        }
        Sort::Hub => {
            let mut command = place.network.command(&place.needs.adit);
            let address = address.to_string();
            command.args(["hub", "--listen", &address, "--advertise", &address]);
            command.arg("--data-dir").arg(folder);
            command
        }
    };
    let process = Process::start("api-server", command)?;
    let begun = Instant::now();
    // A hub writes it when it is started for the first time.
    let written = || sort == Sort::Alone || folder.join(HUB_KUBECONFIG).exists();
    while TcpStream::connect(address).await.is_err() || !written() {
        let waits = process.ended().is_none() && begun.elapsed() < 2 * GENEROUS;
        ensure!(waits, "the API server says {}", process.output());
        sleep(Duration::from_millis(20)).await;
    }
    Ok(process)
}

/// Of loopback, one for each server.
fn next_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(2);
    let last = NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from(([127, 0, 0, last], 6443))
}

async fn take_orders(listener: TcpListener, parts: Arc<Parts>) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let parts = parts.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let parts = parts.clone();
                async move { obey(&parts, &request).await }
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}

async fn obey(parts: &Parts, request: &Request<Incoming>) -> Result<Response<String>, Infallible> {
    let done = match request.uri().path() {
        "/crash" => parts.crash().await,
        "/forget" => parts.forget().await,
        other => Err(anyhow::anyhow!("no such order: {other}")),
    };
    let mut response = Response::new(String::new());
    if let Err(error) = done {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        *response.body_mut() = format!("{error:#}");
    }
    Ok(response)
}
