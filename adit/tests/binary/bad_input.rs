//! What the open port has to bear.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{GENEROUS, Identity, TestHub, arg, until};

async fn still_serves(hub: &TestHub) {
    assert_eq!(
        hub.client(Identity::Nobody)
            .get("/healthz")
            .await
            .unwrap()
            .code,
        200
    );
}

/// A certificate as the administrator's, signed by this authority.
fn signed_by(issuer: &Issuer<'_, KeyPair>, expired: bool) -> Identity {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "adit:admin");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "system:masters");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if expired {
        params.not_after = time::OffsetDateTime::now_utc() - Duration::from_secs(60);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    Identity::Certificate {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

/// The hub ends the connection, in the handshake or at the first request.
async fn is_cut_off(hub: &TestHub, identity: Identity) {
    let answer = hub.client(identity).get("/sessions").await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn garbage_on_the_port_hurts_nobody() {
    let hub = TestHub::start().await;
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0x16, 3, 1, 0xff, 0xff],
        &[0; 5000],
    ] {
        let mut tcp = TcpStream::connect(hub.address()).await.unwrap();
        tcp.write_all(garbage).await.unwrap();
        tcp.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let read = timeout(GENEROUS, tcp.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "the hub closes the connection");
        still_serves(&hub).await;
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_cut_off() {
    let hub = TestHub::start().await;
    let mut silent = TcpStream::connect(hub.address()).await.unwrap();
    still_serves(&hub).await;
    let read = timeout(GENEROUS, silent.read(&mut [0; 1])).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
}

#[tokio::test]
async fn a_client_that_never_says_hello_goes_before_one_that_does_not_go_on() {
    let hub = TestHub::start().await;
    let mut greeter = TcpStream::connect(hub.address()).await.unwrap();
    let hello = hub.client(Identity::Nobody).hello();
    greeter.write_all(&hello).await.unwrap();
    assert!(greeter.read(&mut [0; 1]).await.unwrap() > 0, "an answer");
    let mut silent = TcpStream::connect(hub.address()).await.unwrap();
    let (mut rest, mut byte) = (Vec::new(), [0; 1]);
    let both = async {
        tokio::select! {
            biased;
            _ = greeter.read_to_end(&mut rest) => panic!("the greeter is cut off first"),
            end = silent.read(&mut byte) => assert!(matches!(end, Ok(0) | Err(_)), "{end:?}"),
        }
    };
    timeout(GENEROUS, both).await.expect("the silent one ends");
}

#[tokio::test]
async fn clients_that_say_nothing_lock_nobody_out() {
    let hub = TestHub::start().await;
    // Where this machine is too slow for its own limit, it may try again.
    until("an answer while they all are silent", async || {
        let mut silent = Vec::new();
        for _ in 0..300 {
            silent.push(TcpStream::connect(hub.address()).await.unwrap());
        }
        still_serves(&hub).await;
        let is_open = |tcp: &TcpStream| {
            let read = tcp.try_read(&mut [0; 1]);
            read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        };
        silent.iter().all(is_open)
    })
    .await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let hub = TestHub::start().await;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let foreign = Issuer::new(params, KeyPair::generate().unwrap());
    is_cut_off(&hub, signed_by(&foreign, false)).await;
    still_serves(&hub).await;
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_is_refused() {
    let hub = TestHub::start().await;
    let read = |file| std::fs::read_to_string(hub.data().join(file)).unwrap();
    let key = KeyPair::from_pem(&read("ca.key")).unwrap();
    let authority = Issuer::from_ca_cert_pem(&read("ca.crt"), key).unwrap();
    let answer = hub
        .client(signed_by(&authority, false))
        .get("/sessions")
        .await;
    assert_eq!(
        answer.unwrap().code,
        200,
        "the same certificate in its time"
    );
    is_cut_off(&hub, signed_by(&authority, true)).await;
    still_serves(&hub).await;
}

#[tokio::test]
async fn an_agents_certificate_has_no_right_at_the_gateway() {
    let hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let agent = hub.client(Identity::of_credentials(&credentials));
    for path in ["/sessions", "/metrics", "/clusters/edge-1/version"] {
        let answer = agent.get(path).await.unwrap();
        assert_eq!(answer.code, 403, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn no_session_is_opened_without_an_agents_certificate() {
    let hub = TestHub::start().await;
    hub.credentials("edge-1", "agent").await;
    for identity in [Identity::Nobody, hub.administrator()] {
        let mut tls = hub
            .client(identity)
            .with_alpn(b"adit/1")
            .connect()
            .await
            .unwrap();
        let mut rest = Vec::new();
        let read = timeout(GENEROUS, tls.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "the hub ends the connection");
    }
    assert!(hub.sessions("edge-1").await.is_empty());
    still_serves(&hub).await;
}

#[tokio::test]
async fn a_protocol_that_nobody_speaks_is_refused_in_the_handshake() {
    let hub = TestHub::start().await;
    let connected = hub
        .client(Identity::Nobody)
        .with_alpn(b"spdy/3")
        .connect()
        .await;
    assert!(connected.is_err());
    still_serves(&hub).await;
}

#[tokio::test]
async fn a_record_that_is_damaged_leaves_the_others_alone() {
    let hub = TestHub::start().await;
    let good = hub.credentials("edge-1", "agent").await;
    std::fs::write(hub.data().join("clusters/edge-2.json"), "{").unwrap();
    let _agent = hub.agent(&good);
    until("the agent's session", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
    let issued =
        crate::support::run(&["credentials", "edge-2", "--data-dir", arg(&hub.data())]).await;
    assert_eq!(issued.code, 1);
    assert!(issued.stderr.contains("edge-2.json"), "{}", issued.stderr);
}
