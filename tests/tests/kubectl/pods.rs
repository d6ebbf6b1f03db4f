//! What streams from and to a pod.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use tests::cluster::User;
use tests::kubectl::Call;
use tests::namespace::Namespace;
use tests::routes::Routes;
use tests::site::Site;
use tests::wait::{GENEROUS, once};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::SITE;

const POD: &str = r"
apiVersion: v1
kind: Pod
metadata:
  name: box
spec:
  nodeName: kwok
  containers:
  - name: main
    image: none
";

/// The two ways in which kubectl upgrades a connection, and what makes it use
/// them.
const WAYS: [(&str, &str); 2] = [("websocket", "true"), ("spdy", "false")];
const EXEC: &str = "KUBECTL_REMOTE_COMMAND_WEBSOCKETS";
const FORWARD: &str = "KUBECTL_PORT_FORWARD_WEBSOCKETS";

/// Routes with a running pod `box` in each namespace.
async fn with_pods(site: &Site, name: &str) -> Routes {
    let routes = Routes::create(site, User::ALICE, name).await.unwrap();
    routes.fine_with(POD, &["create", "-f", "-"]).await;
    routes
        .fine(&["wait", "--for=condition=Ready", "pod/box", "--timeout=60s"])
        .await;
    routes
}

#[test]
fn logs_are_the_same_and_are_followed_as_they_come() {
    SITE.test(async |site| {
        let routes = with_pods(site, "logs").await;
        routes.fine(&["logs", "box"]).await;
        for (route, kubectl) in routes.iter() {
            let follow = kubectl
                .start(&Call::new(&["logs", "--follow", "box"]))
                .unwrap();
            for line in ["one", "two", "three"] {
                let attach = Call::new(&["attach", "--stdin", "--quiet", "box"]).stdin(line);
                kubectl.call(&attach).await.unwrap().ok();
                let shown = async || once(follow.output().contains(line));
                follow
                    .until(line, GENEROUS, shown)
                    .await
                    .unwrap_or_else(|e| panic!("{route:?}: {e:#}"));
            }
        }
        let logs = routes.fine(&["logs", "box", "--tail=2"]).await;
        assert_eq!(logs, "two\nthree\n");
        assert_ne!(routes.same(&["logs", "box", "--previous"]).await.code, 0);
    });
}

#[test]
fn exec_gives_the_same_output_and_exit_code() {
    SITE.test(async |site| {
        let routes = with_pods(site, "exec").await;
        for (way, value) in WAYS {
            let script = "echo out; echo err >&2; exit 7";
            let call = Call::new(&["exec", "box", "--", "sh", "-c", script]).env(EXEC, value);
            let done = routes.same_call(&call).await;
            assert_eq!(
                (done.code, done.stdout.as_str()),
                (7, "out\n"),
                "{way}: {done:?}"
            );
            assert!(done.stderr.contains("err"), "{way}: {done:?}");
            let call = Call::new(&["exec", "-i", "box", "--", "cat"])
                .env(EXEC, value)
                .stdin("to and fro\n");
            assert_eq!(routes.fine_call(&call).await, "to and fro\n", "{way}");
        }
    });
}

#[test]
fn sixty_four_mebibytes_of_stdin_arrive_whole() {
    SITE.test(async |site| {
        let routes = with_pods(site, "stdin").await;
        let file = tests::scratch::fresh_folder("stdin").unwrap().join("data");
        let mut random = std::io::Read::take(fs::File::open("/dev/urandom").unwrap(), 64 << 20);
        std::io::copy(&mut random, &mut fs::File::create(&file).unwrap()).unwrap();
        let hash = |mut command: Command| {
            command
                .stdin(fs::File::open(&file).unwrap())
                .stdout(Stdio::piped());
            let output = command.output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let expected = hash(Command::new("sha256sum"));
        for (route, kubectl) in routes.iter() {
            for (way, value) in WAYS {
                let begun = tokio::time::Instant::now();
                let call = Call::new(&["exec", "-i", "box", "--", "sha256sum"]).env(EXEC, value);
                assert_eq!(hash(kubectl.command(&call)), expected, "{route:?} {way}");
                eprintln!(
                    "exec: 64 MiB {} by {way} in {:?}",
                    route.name(),
                    begun.elapsed()
                );
            }
        }
    });
}

#[test]
fn files_are_copied_in_and_out() {
    SITE.test(async |site| {
        let routes = with_pods(site, "copy").await;
        for (way, value) in WAYS {
            for (route, kubectl) in routes.iter() {
                let text = "line\n".repeat(100_000);
                fs::write(kubectl.home().join("out.txt"), &text).unwrap();
                for args in [
                    ["cp", "out.txt", "box:kept.txt"],
                    ["cp", "box:kept.txt", "back.txt"],
                ] {
                    kubectl
                        .call(&Call::new(&args).env(EXEC, value))
                        .await
                        .unwrap()
                        .ok();
                }
                let back = fs::read_to_string(kubectl.home().join("back.txt")).unwrap();
                assert!(
                    back == text,
                    "{route:?} {way}: {} of {} bytes",
                    back.len(),
                    text.len()
                );
            }
        }
    });
}

#[test]
fn attach_carries_both_directions() {
    SITE.test(async |site| {
        let routes = with_pods(site, "attach").await;
        for (way, value) in WAYS {
            let call = Call::new(&["attach", "--stdin", "--quiet", "box"])
                .env(EXEC, value)
                .stdin("hello\nagain\n");
            assert_eq!(routes.fine_call(&call).await, "hello\nagain\n", "{way}");
        }
    });
}

#[test]
fn forwarded_ports_carry_many_connections() {
    SITE.test(async |site| {
        let routes = with_pods(site, "forward").await;
        for (way, value) in WAYS {
            for (route, kubectl) in routes.iter() {
                let network = kubectl.network();
                let call = Call::new(&["port-forward", "pod/box", ":80", ":7"]).env(FORWARD, value);
                let forward = kubectl.start(&call).unwrap();
                let ports = async || local_ports(&forward.output());
                let what = format!("forwarded ports {route:?} {way}");
                let (http, echo) = forward.until(&what, GENEROUS, ports).await.unwrap();
                for _ in 0..3 {
                    let name = format!("{}/box\n", kubectl.namespace().unwrap());
                    assert!(get(network, http).await.ends_with(&name), "{what}");
                    echoes(network, echo).await;
                }
            }
        }
    });
}

/// The local ports that kubectl says it forwards, once it has said both.
fn local_ports(output: &str) -> Option<(u16, u16)> {
    let port = |remote: &str| {
        let lines = output
            .lines()
            .filter_map(|line| line.strip_prefix("Forwarding from 127.0.0.1:"));
        lines
            .filter_map(|line| line.split_once(" -> "))
            .find(|(_, to)| *to == remote)?
            .0
            .parse()
            .ok()
    };
    Some((port("80")?, port("7")?))
}

async fn get(network: &Namespace, port: u16) -> String {
    let mut stream = connect(network, port);
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn echoes(network: &Namespace, port: u16) {
    let (mut read, mut write) = connect(network, port).into_split();
    let sent: Vec<u8> = (0..1_000_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    let mut back = vec![0; sent.len()];
    let (written, received) = tokio::join!(write.write_all(&sent), read.read_exact(&mut back));
    written.unwrap();
    received.unwrap();
    assert!(back == sent, "the echo differs");
}

fn connect(network: &Namespace, port: u16) -> TcpStream {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    network.connect(address, GENEROUS).unwrap()
}
