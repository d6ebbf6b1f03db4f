//! A hub that asks its agents for what it should not: the agent decides.

use std::net::SocketAddr;

use bytes::Bytes;
use proto::{Message as _, RefusalReason, StreamHeader, Target};
use tests::hub::Agent;
use tests::pki::Identity;
use tests::site::Site;
use tests::tls;
use tests::wait::GENEROUS;
use tokio::time::timeout;

use crate::SITE;
use crate::frames::{ALPN, Outcome, RawHub, UNKNOWN_FIELD, framed, ten_mebibytes};

/// An agent of the site's cluster, and a hub of its own that it has joined.
async fn hub(site: &Site, port: u16) -> (Agent, RawHub) {
    let hub = &site.tunnels[0].hub;
    let address = SocketAddr::new(hub.address().ip(), port);
    let listener = hub.network().listen(address).unwrap();
    let credentials = hub
        .credentials("double-hub", &format!("agent{port}"))
        .await
        .unwrap();
    let text = std::fs::read_to_string(&credentials).unwrap();
    std::fs::write(
        &credentials,
        text.replace(&hub.address().to_string(), &address.to_string()),
    )
    .unwrap();
    let kubeconfig = site.cluster.kubeconfig();
    let agent = Agent::start(
        site.needs,
        site.network.cluster(),
        &credentials,
        &kubeconfig,
        &[],
    )
    .unwrap();

    let read = |name: &str| std::fs::read_to_string(hub.data().join(name)).unwrap();
    let identity = Identity::from_pem(&read("serving.crt"), &read("serving.key")).unwrap();
    let (tcp, _) = timeout(GENEROUS, listener.accept()).await.unwrap().unwrap();
    let stream = tls::server(&identity, ALPN)
        .unwrap()
        .accept(tcp)
        .await
        .unwrap();
    (agent, RawHub::welcome(stream).await)
}

fn tcp(host: &str, port: u16) -> Bytes {
    StreamHeader::new(Target::Tcp {
        host: host.to_owned(),
        port,
    })
    .encode()
}

/// The agent still serves its API server over this session.
async fn still_serves(hub: &mut RawHub) {
    let outcome = hub
        .open(StreamHeader::new(Target::KubeApiserver).encode())
        .await;
    assert!(matches!(outcome, Outcome::Opened(..)), "{outcome:?}");
}

#[test]
fn a_target_that_is_not_allowed_is_refused_by_the_agent() {
    SITE.test(async |site| {
        let (_agent, mut hub) = hub(site, 9001).await;
        for header in [
            tcp("169.254.169.254", 80),
            tcp("::ffff:169.254.169.254", 80),
            tcp("64:ff9b::a9fe:a9fe", 80),
            tcp("127.0.0.1", 10250),
            tcp("localhost", 10250),
            tcp("0.0.0.0", 6443),
            tcp("10.77.0.2", 6443),
        ] {
            let outcome = hub.open(header.clone()).await;
            let Outcome::Refused(refusal) = outcome else {
                panic!("{header:?}: {outcome:?}")
            };
            assert_eq!(
                refusal.reason,
                RefusalReason::Forbidden,
                "{header:?}: {refusal:?}"
            );
        }
        still_serves(&mut hub).await;
    });
}

#[test]
fn a_stream_header_of_ten_mebibytes_is_refused_and_the_session_goes_on() {
    SITE.test(async |site| {
        let (_agent, mut hub) = hub(site, 9002).await;
        let garbage = framed(&[0xff; 32]);
        let unknown_target = framed(&[0xa2, 0x06, 0]);
        for header in [
            ten_mebibytes(),
            garbage,
            unknown_target,
            Bytes::from_static(&[0xff; 16]),
        ] {
            let outcome = hub.open(header).await;
            assert!(!matches!(outcome, Outcome::Opened(..)), "{outcome:?}");
        }
        still_serves(&mut hub).await;
    });
}

#[test]
fn fields_that_an_agent_does_not_know_are_ignored() {
    SITE.test(async |site| {
        let (_agent, mut hub) = hub(site, 9003).await;
        let mut body = StreamHeader::new(Target::KubeApiserver).encode_body();
        body.extend_from_slice(UNKNOWN_FIELD);
        let outcome = hub.open(framed(&body)).await;
        assert!(matches!(outcome, Outcome::Opened(..)), "{outcome:?}");
    });
}

/// What the agent answers to one HTTP request with these headers.
async fn ask(hub: &mut RawHub, headers: &str) -> String {
    let outcome = hub
        .open(StreamHeader::new(Target::KubeApiserver).encode())
        .await;
    let Outcome::Opened(mut send, mut body) = outcome else {
        panic!("{outcome:?}")
    };
    let request = format!("GET /version HTTP/1.1\r\nHost: cluster\r\n{headers}\r\n");
    send.send_data(Bytes::from(request), true).unwrap();
    let mut answer = String::new();
    let reading = async {
        while let Some(Ok(chunk)) = body.data().await {
            let _ = body.flow_control().release_capacity(chunk.len());
            answer.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    timeout(GENEROUS, reading)
        .await
        .expect("the agent does not answer");
    answer
}

/// The site's agents may let administrators in, so that only this is refused.
#[test]
fn identities_that_the_agent_does_not_allow_are_refused_whatever_the_hub_says() {
    SITE.test(async |site| {
        let (_agent, mut hub) = hub(site, 9004).await;
        for headers in [
            "",
            "Impersonate-Group: developers\r\n",
            "Impersonate-User: alice\r\nImpersonate-User: bob\r\n",
            "Impersonate-User: alice\r\nImpersonate-Group: system:nodes\r\n",
            "Impersonate-User: system:kube-scheduler\r\n",
            "Impersonate-User: alice\r\nAuthorization: Bearer stolen\r\n",
        ] {
            let answer = ask(&mut hub, headers).await;
            let refused = answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 400");
            assert!(
                refused && answer.contains("\"Status\""),
                "{headers:?}: {answer}"
            );
        }
        let answer = ask(&mut hub, "Impersonate-User: alice\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    });
}
