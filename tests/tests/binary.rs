//! The one binary, as it is shipped, and its demo.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::command::{self, Output};
use tests::fixture::runtime;
use tests::hub::{Hub, interrupt};
use tests::kubectl::Kubectl;
use tests::namespace::Namespace;
use tests::needs::{self, Needs};
use tests::process::Process;
use tests::scratch;
use tests::wait::{GENEROUS, once};
use tokio::time::Instant;

/// Runs a test in a namespace of its own that has nothing but a loopback.
fn alone(test: impl AsyncFnOnce(&'static Needs, &Namespace) + Send) {
    let Some(needs) = needs::find() else { return };
    let namespace = Namespace::create("alone").unwrap();
    namespace.enter(|| runtime().block_on(test(needs, &namespace)));
}

async fn run(needs: &Needs, args: &[&str]) -> Output {
    let mut command = Command::new(&needs.adit);
    command.args(args);
    command::run(command, Vec::new(), GENEROUS).await.unwrap()
}

#[test]
fn it_is_small_and_needs_only_the_c_library() {
    alone(async |needs, _| {
        let size = std::fs::metadata(&needs.adit).unwrap().len();
        eprintln!("binary: {size} bytes");
        assert!(size < 25 << 20, "{size} bytes");

        let mut ldd = Command::new("ldd");
        ldd.arg(&needs.adit);
        let needed = command::run(ldd, Vec::new(), GENEROUS).await.unwrap().ok();
        let library = |line: &str| line.trim().split(['.', ' ']).next().unwrap().to_owned();
        let libraries: BTreeSet<String> = needed.lines().map(library).collect();
        let allowed = [
            "linux-vdso",
            "libc",
            "libm",
            "libgcc_s",
            "/lib64/ld-linux-x86-64",
            "/lib/ld-linux-aarch64",
        ];
        assert!(
            libraries
                .iter()
                .all(|name| allowed.contains(&name.as_str())),
            "{needed}"
        );
    });
}

#[test]
fn it_says_what_it_can_do_and_what_was_wrong() {
    alone(async |needs, _| {
        let begun = Instant::now();
        let help = run(needs, &["--help"]).await.ok();
        eprintln!("binary: --help after {:?}", begun.elapsed());
        for subcommand in [
            "hub",
            "agent",
            "credentials",
            "token",
            "kubeconfig",
            "clusters",
            "demo",
        ] {
            assert!(help.contains(subcommand), "{help}");
        }
        assert!(run(needs, &["--version"]).await.ok().starts_with("adit "));
        let wrong = run(needs, &["hub", "--no-such-flag"]).await;
        assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong:?}");
        let missing = run(needs, &["agent", "--credentials", "/nowhere/at/all"]).await;
        assert_eq!(missing.code, 1, "{missing:?}");
        assert!(missing.stderr.contains("/nowhere/at/all"), "{missing:?}");
    });
}

#[test]
fn the_hub_keeps_its_keys_to_itself_and_its_authority_for_good() {
    alone(async |needs, namespace| {
        let mut hub = Hub::start(needs, namespace, [127, 0, 0, 1].into())
            .await
            .unwrap();
        hub.credentials("edge", "agent").await.unwrap();
        private_files(hub.data());
        let authority = std::fs::read(hub.data().join("ca.crt")).unwrap();
        let status = interrupt(hub.process()).await.unwrap();
        assert!(status.success(), "{status}: {}", hub.process().output());
        hub.restart().await.unwrap();
        assert_eq!(std::fs::read(hub.data().join("ca.crt")).unwrap(), authority);
        let output = hub.process().output();
        assert!(!output.contains("PRIVATE KEY"), "{output}");
    });
}

/// Every file that holds a private key or a login is readable by its owner
/// alone.
fn private_files(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            private_files(&entry.path());
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
        let secret = text.contains("PRIVATE KEY") || text.contains("client-key-data");
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert!(
            !secret || mode == 0o600,
            "{} has mode {mode:o}",
            entry.path().display()
        );
    }
}

#[test]
fn the_demo_serves_real_clusters_and_ends_without_a_trace() {
    alone(async |needs, namespace| {
        let peers = needs.peers.to_string_lossy();
        demo(
            needs,
            namespace,
            &["--peers", &peers],
            Duration::from_secs(120),
        )
        .await;
    });
}

#[test]
fn the_demo_works_without_any_peer() {
    alone(async |needs, namespace| demo(needs, namespace, &[], GENEROUS).await);
}

/// Somebody may look at it, and nothing more.
const SHOP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: hello}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: jane, namespace: hello}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: jane}]
";

async fn demo(needs: &Needs, namespace: &Namespace, args: &[&str], limit: Duration) {
    let folder = scratch::fresh_folder("demo").unwrap();
    let mut command = namespace.command(&needs.adit);
    command
        .arg("demo")
        .arg("--dir")
        .arg(&folder)
        .args(args)
        .env_remove("ADIT_PEERS");
    let begun = Instant::now();
    let demo = Process::start("demo", command).unwrap();
    let ready = async || once(demo.output().lines().any(|line| line == "ready"));
    demo.until("the line `ready`", limit, ready).await.unwrap();
    eprintln!("demo: ready after {:?} {args:?}", begun.elapsed());

    let kubeconfig = folder.join("kubeconfig");
    let kubectl =
        |context: &str| Kubectl::new(needs, namespace, kubeconfig.clone(), context).unwrap();
    let contexts = kubectl("")
        .run(&["config", "get-contexts", "--output=name"])
        .await
        .unwrap()
        .ok();
    assert_eq!(contexts.lines().count(), 2, "{contexts}");
    for context in contexts.lines() {
        let namespaces = kubectl(context)
            .run(&["get", "namespaces"])
            .await
            .unwrap()
            .ok();
        assert!(
            namespaces.contains("kube-system"),
            "{context}: {namespaces}"
        );
        let run = async |args: &[&str]| kubectl(context).run(args).await.unwrap().ok();
        let who = run(&["auth", "whoami"]).await;
        assert!(who.contains("system:masters"), "{context}: {who}");
        run(&["create", "namespace", "hello"]).await;
        let shop = folder.join("shop.yaml");
        std::fs::write(&shop, SHOP).unwrap();
        let shop = shop.to_string_lossy();
        for _ in 0..2 {
            run(&["apply", "--server-side", "--filename", &shop]).await;
        }
        let deployments = run(&["get", "deployments", "--namespace=hello"]).await;
        assert!(
            deployments.contains("READY") && deployments.contains("/3"),
            "{context}: {deployments}"
        );
        let may = |verb| {
            [
                "auth",
                "can-i",
                verb,
                "deployments",
                "-n=hello",
                "--as=jane",
            ]
        };
        let own = folder.join(context).join("admin.kubeconfig");
        let beside = Kubectl::new(needs, namespace, own, "hub").unwrap();
        // The role is put together, and the binding heeded, by and by.
        let listing = async || {
            let answer = beside.run(&may("list")).await.ok()?;
            once(answer.stdout.trim() == "yes")
        };
        demo.until("jane's right to list", GENEROUS, listing)
            .await
            .unwrap();
        let deleting = beside.run(&may("delete")).await.unwrap();
        assert_eq!(deleting.stdout.trim(), "no", "{context}: {deleting:?}");
        run(&["delete", "namespace", "hello"]).await;
        let gone = kubectl(context)
            .run(&["get", "namespace", "hello"])
            .await
            .unwrap();
        assert!(gone.stderr.contains("NotFound"), "{context}: {gone:?}");
    }

    let status = interrupt(&demo).await.unwrap();
    assert!(status.success(), "{status}: {}", demo.output());
    assert_eq!(
        running(namespace).await,
        Vec::<String>::new(),
        "processes outlive the demo"
    );
}

/// The processes in the namespace, but for the one that lists them.
async fn running(namespace: &Namespace) -> Vec<String> {
    let mut list = Command::new("ip");
    list.args(["netns", "pids", namespace.name()]);
    let listed = command::run(list, Vec::new(), GENEROUS).await.unwrap().ok();
    let there = |pid: &&str| Path::new("/proc").join(pid).exists();
    listed
        .split_whitespace()
        .filter(there)
        .map(str::to_owned)
        .collect()
}
