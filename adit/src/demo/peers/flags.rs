//! The command lines of a cluster's programs; paths are in the cluster's folder.

use std::path::Path;

use super::Ports;

/// The flags of a program; `peers` is where its files are.
pub(super) fn of(program: &str, ports: &Ports, peers: &Path) -> Vec<String> {
    let mut flags: Vec<String> = fixed(program).iter().map(|&flag| flag.to_owned()).collect();
    match program {
        "kube-apiserver" => flags.push(format!("--secure-port={}", ports.api)),
        "kwok-kubelet" => flags.push(format!("--listen=127.0.0.1:{}", ports.kubelet)),
        "kwok" => flags.extend([
            format!("--config={}", peers.join("kwok.yaml").display()),
            format!("--node-port={}", ports.kubelet),
            format!("--server-address=127.0.0.1:{}", ports.kwok),
        ]),
        "kubectl" => flags.push(format!("--filename={}", peers.join("node.yaml").display())),
        _ => {}
    }
    flags
}

fn fixed(program: &str) -> &'static [&'static str] {
    match program {
        "etcd" => &[
            "--name=default",
            "--data-dir=etcd",
            "--unsafe-no-fsync",
            "--listen-client-urls=unix://etcd-client.sock",
            "--advertise-client-urls=unix://etcd-client.sock",
            "--listen-peer-urls=unix://etcd-peer.sock",
            "--initial-advertise-peer-urls=unix://etcd-peer.sock",
            "--initial-cluster=default=unix://etcd-peer.sock",
            "--log-level=warn",
        ],
        "kube-apiserver" => &[
            "--etcd-servers=unix://etcd-client.sock",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--cert-dir=apiserver-certs",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=sa.pub",
            "--service-account-signing-key-file=sa.key",
            "--token-auth-file=tokens.csv",
            "--authorization-mode=RBAC",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-timeout=10s",
        ],
        "kube-controller-manager" => &[
            "--kubeconfig=admin.kubeconfig",
            "--leader-elect=false",
            "--secure-port=0",
            "--service-account-private-key-file=sa.key",
            "--root-ca-file=apiserver-certs/apiserver.crt",
        ],
        "kube-scheduler" => &[
            "--kubeconfig=admin.kubeconfig",
            "--leader-elect=false",
            "--secure-port=0",
        ],
        "kwok-kubelet" => &["--dir=containers"],
        "kwok" => &["--kubeconfig=admin.kubeconfig", "--node-ip=127.0.0.1"],
        "kubectl" => &["--kubeconfig=admin.kubeconfig", "apply"],
        _ => &[],
    }
}
