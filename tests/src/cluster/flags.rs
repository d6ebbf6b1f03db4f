//! How each program of a cluster is started (`tests/peers/README.md`).

use std::net::Ipv4Addr;

use super::API_PORT;

/// Where kwok-kubelet listens.
const KUBELET_PORT: u16 = 10250;

/// The flags of a program; they name files of its working directory.
pub(super) fn of(program: &str, address: Ipv4Addr) -> Vec<String> {
    let fixed: &[&str] = match program {
        "etcd" => &ETCD,
        "kube-apiserver" => &API_SERVER,
        "kube-controller-manager" => &CONTROLLERS,
        "kwok" => &[
            "--kubeconfig=admin.kubeconfig",
            "--server-address=127.0.0.1:10247",
        ],
        "kwok-kubelet" => &["--dir=containers"],
        _ => &[],
    };
    let mut flags: Vec<String> = fixed.iter().map(|&flag| flag.to_owned()).collect();
    match program {
        "kube-apiserver" => flags.extend([
            format!("--bind-address={address}"),
            format!("--advertise-address={address}"),
            format!("--secure-port={API_PORT}"),
        ]),
        "kwok" => flags.extend([
            format!("--node-ip={address}"),
            format!("--node-port={KUBELET_PORT}"),
        ]),
        "kwok-kubelet" => flags.push(format!("--listen={address}:{KUBELET_PORT}")),
        _ => {}
    }
    flags
}

/// Nothing here outlives the test: no disk is waited for.
const ETCD: [&str; 12] = [
    "--name=default",
    "--data-dir=etcd",
    "--unsafe-no-fsync",
    "--log-level=warn",
    "--quota-backend-bytes=4294967296",
    "--max-request-bytes=4194304",
    "--listen-client-urls=unix://etcd-client.sock",
    "--advertise-client-urls=unix://etcd-client.sock",
    "--listen-peer-urls=unix://etcd-peer.sock",
    "--initial-advertise-peer-urls=unix://etcd-peer.sock",
    "--initial-cluster=default=unix://etcd-peer.sock",
    "--snapshot-count=10000",
];

const API_SERVER: [&str; 21] = [
    "--etcd-servers=unix://etcd-client.sock",
    "--endpoint-reconciler-type=none",
    "--cert-dir=apiserver-certs",
    "--service-cluster-ip-range=10.96.0.0/16",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-account-key-file=sa.key",
    "--service-account-signing-key-file=sa.key",
    "--token-auth-file=tokens.csv",
    "--authorization-mode=RBAC",
    "--kubelet-preferred-address-types=InternalIP",
    "--kubelet-timeout=10s",
    "--client-ca-file=client-ca.crt",
    "--enable-bootstrap-token-auth",
    // The aggregation layer; it asks endpoints of Services itself.
    "--enable-aggregator-routing",
    "--requestheader-client-ca-file=front-proxy-ca.crt",
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--proxy-client-cert-file=front-proxy-client.crt",
    "--proxy-client-key-file=front-proxy-client.key",
];

const CONTROLLERS: [&str; 8] = [
    "--kubeconfig=admin.kubeconfig",
    "--leader-elect=false",
    "--secure-port=0",
    "--service-account-private-key-file=sa.key",
    "--root-ca-file=apiserver-certs/apiserver.crt",
    "--cluster-signing-cert-file=client-ca.crt",
    "--cluster-signing-key-file=client-ca.key",
    "--controllers=namespace-controller,certificatesigningrequest-signing-controller,serviceaccount-controller,serviceaccount-token-controller,\
     root-ca-certificate-publisher-controller,garbage-collector-controller,clusterrole-aggregation-controller,deployment-controller,\
     replicaset-controller",
];
