//! Real Kubernetes clusters out of Kubernetes' own programs.
//!
//! `tests/peers/README.md` says how they are built and started.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::child::Program;
use super::{ready, unless_ended};
use crate::ca::hex;
use crate::data_dir::{self, Secrecy};
use crate::https_client::HttpsClient;
use crate::kubeconfig::{HubAccess, Login};

mod flags;

/// The folder with the programs.
#[derive(Clone, Debug)]
pub(super) struct Peers {
    folder: PathBuf,
}

/// A cluster that is being started in its folder.
struct Starting<'a> {
    peers: &'a Peers,
    folder: &'a Path,
    ports: Ports,
    tasks: &'a mut JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
}

struct Ports {
    api: u16,
    kubelet: u16,
    kwok: u16,
}

/// Without these there is no cluster.
const NEEDED: [&str; 2] = ["etcd", "kube-apiserver"];
/// With these its pods run.
const FOR_PODS: [&str; 7] = [
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kwok",
    "kwok-kubelet",
    "kwok.yaml",
    "node.yaml",
];
/// The start of an API server on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(50);

impl Peers {
    /// Looks for the programs in the folder.
    pub(super) fn find(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.canonicalize();
        let this = Self {
            folder: folder.context("cannot open the folder of --peers")?,
        };
        for program in NEEDED {
            anyhow::ensure!(
                this.has(program),
                "there is no {program} in {}; build it with `make peers`",
                this.folder.display()
            );
        }
        Ok(this)
    }

    /// Starts a cluster in the folder and waits until its API server is ready;
    /// returns an administrator's kubeconfig.
    pub(super) async fn start(
        &self,
        folder: PathBuf,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        stop: CancellationToken,
    ) -> anyhow::Result<PathBuf> {
        let ports = Ports::free()?;
        let token = SecretString::from(hex(&rand::random::<[u8; 32]>()));
        write_files(&folder, &token)?;
        let mut starting = Starting {
            peers: self,
            folder: &folder,
            ports,
            tasks,
            stop,
        };
        starting.launch_pair("etcd", "kube-apiserver")?;
        let access = starting.api_server(&token).await?;
        let kubeconfig = folder.join("admin.kubeconfig");
        save(&kubeconfig, &access.for_hub()?)?;
        if FOR_PODS.iter().all(|program| self.has(program)) {
            for program in [
                "kwok-kubelet",
                "kube-controller-manager",
                "kube-scheduler",
                "kwok",
            ] {
                starting.launch(program)?;
            }
            let applied = starting.program("kubectl").run(LIMIT);
            applied.await.context("cannot make the cluster's node")?;
        }
        Ok(kubeconfig)
    }

    fn has(&self, program: &str) -> bool {
        self.folder.join(program).is_file()
    }
}

impl Starting<'_> {
    fn program(&self, name: &str) -> Program {
        Program {
            path: self.peers.folder.join(name),
            args: flags::of(name, &self.ports, &self.peers.folder),
            folder: self.folder.to_owned(),
        }
    }

    /// Launches two programs of which the first ends when the second has: it
    /// would wait for the second's connections, and the second for its answers.
    fn launch_pair(&mut self, first: &str, second: &str) -> anyhow::Result<()> {
        let second_ended = CancellationToken::new();
        let running = self.program(first).start(second_ended.clone())?;
        self.tasks.spawn(running);
        let running = self.program(second).start(self.stop.clone())?;
        self.tasks.spawn(async move {
            let _ended = second_ended.drop_guard();
            running.await
        });
        Ok(())
    }

    fn launch(&mut self, name: &str) -> anyhow::Result<()> {
        let running = self.program(name).start(self.stop.clone())?;
        self.tasks.spawn(running);
        Ok(())
    }

    /// Waits for the API server, which first makes itself a certificate.
    async fn api_server(&mut self, token: &SecretString) -> anyhow::Result<HubAccess> {
        let certificate = self.folder.join("apiserver-certs/apiserver.crt");
        let server = format!("https://{}:{}", Ipv4Addr::LOCALHOST, self.ports.api);
        let ready = async {
            let deadline = Instant::now() + LIMIT;
            let authority_pem = loop {
                match data_dir::read_if_present(&certificate)? {
                    Some(pem) if pem.trim_end().ends_with("-----END CERTIFICATE-----") => {
                        break pem;
                    }
                    _ if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                    _ => anyhow::bail!("kube-apiserver has made no certificate"),
                }
            };
            let login = Login::Token(token.clone());
            let access = HubAccess {
                server,
                authority_pem,
                user: "admin".to_owned(),
                login,
            };
            ready::until_ok(&HttpsClient::new(&access)?, "/readyz", LIMIT).await?;
            Ok(access)
        };
        unless_ended(self.tasks, ready)
            .await
            .context("the API server does not get ready")
    }
}

impl Ports {
    /// Three ports that were free a moment ago.
    fn free() -> anyhow::Result<Self> {
        let listen = || TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        // All are held until all are known, so they differ.
        let held = [listen()?, listen()?, listen()?];
        let [api, kubelet, kwok] = &held;
        Ok(Self {
            api: api.local_addr()?.port(),
            kubelet: kubelet.local_addr()?.port(),
            kwok: kwok.local_addr()?.port(),
        })
    }
}

/// What the programs want to find: the service accounts' key, kept for the
/// tokens it has signed, and the administrator's token.
fn write_files(folder: &Path, token: &SecretString) -> anyhow::Result<()> {
    let key = folder.join("sa.key");
    let pair = match data_dir::read_if_present(&key)? {
        Some(pem) => KeyPair::from_pem(&pem).with_context(|| format!("in {}", key.display()))?,
        None => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
    };
    save(&key, &pair.serialize_pem())?;
    save(&folder.join("sa.pub"), &pair.public_key_pem())?;
    let user = format!("{},admin,admin,\"system:masters\"\n", token.expose_secret());
    save(&folder.join("tokens.csv"), &user)
}

fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    data_dir::write(path, text.as_bytes(), Secrecy::Private)
        .with_context(|| format!("cannot write {}", path.display()))
}
