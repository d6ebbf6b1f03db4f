//! An agent with a good certificate and bad manners.

use bytes::Bytes;
use http::Response;
use proto::{Answer, Control, Message as _};
use tests::pki::{Authority, Identity};
use tests::site::Tunnel;
use tests::tls;
use tests::wait::{GENEROUS, once, until};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::frames::{ALPN, RawAgent, UNKNOWN_FIELD, framed, ten_mebibytes};
use crate::{Others, SITE};

type Agent = RawAgent<TlsStream<TcpStream>>;

/// Joins the hub as the agent of a cluster of this name.
async fn join(tunnel: &Tunnel, cluster: &str) -> Agent {
    let credentials = tunnel.hub.credentials(cluster, "agent").await.unwrap();
    let identity = identity(&std::fs::read_to_string(credentials).unwrap());
    let authority = Authority::of_hub(tunnel.hub.data()).unwrap();
    let tls = tls::client(authority.pem(), Some(&identity), ALPN).unwrap();
    let mut joined = None;
    // The hub takes notice of a new cluster within a second or two.
    let admitted = async || {
        let tcp = tunnel
            .hub
            .network()
            .connect(tunnel.hub.address(), GENEROUS)
            .ok()?;
        let stream = tls::connect(&tls, tcp, tunnel.hub.address()).await.ok()?;
        RawAgent::join(stream)
            .await
            .ok()
            .map(|agent| joined = Some(agent))
    };
    until("a session", GENEROUS, admitted).await.unwrap();
    joined.unwrap()
}

/// The certificate and key of a credentials file.
fn identity(credentials: &str) -> Identity {
    let field = |name: &str| {
        let lines = credentials
            .lines()
            .skip_while(|line| !line.starts_with(name))
            .skip(1);
        let lines = lines.take_while(|line| line.starts_with(' ') || line.is_empty());
        lines
            .map(|line| format!("{}\n", line.trim()))
            .collect::<String>()
    };
    Identity::from_pem(&field("certificate:"), &field("privateKey:")).unwrap()
}

/// Keeps the session going while something else is waited for.
async fn meanwhile<T>(agent: &mut Agent, other: impl Future<Output = T>) -> T {
    let mut kept = Vec::new();
    let mut other = std::pin::pin!(timeout(4 * GENEROUS, other));
    loop {
        tokio::select! {
            outcome = &mut other => return outcome.expect("the hub hangs"),
            accepted = agent.connection.accept() => match accepted {
                Some(Ok(stream)) => kept.push(stream),
                Some(Err(_)) | None => return other.await.expect("the hub hangs"),
            },
        }
    }
}

#[test]
fn a_huge_header_on_an_agents_stream_is_refused() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let tunnel = &site.tunnels[0];
        let mut agent = join(tunnel, "double-huge").await;
        let (_body, mut respond) = agent.next("/spare").await;
        let mut send = respond.send_response(Response::new(()), false).unwrap();
        send.send_data(ten_mebibytes(), false).unwrap();
        let reset = std::future::poll_fn(|cx| send.poll_reset(cx));
        let reset = meanwhile(&mut agent, reset).await;
        assert!(reset.is_ok(), "{reset:?}");
        others.are_served().await;
    });
}

#[test]
fn what_a_newer_agent_says_is_ignored_and_what_is_too_long_ends_its_session() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let tunnel = &site.tunnels[0];
        let mut agent = join(tunnel, "double-talker").await;
        let sessions = async || {
            tunnel
                .sessions(&others.admin, "double-talker")
                .await
                .unwrap()
                .len()
        };
        agent
            .control
            .send_data(framed(UNKNOWN_FIELD), false)
            .unwrap();
        agent.control.send_data(framed(&[]), false).unwrap();
        assert_eq!(meanwhile(&mut agent, sessions()).await, 1);

        agent.control.send_data(ten_mebibytes(), false).unwrap();
        let ended = until("the end of its session", GENEROUS, async || {
            once(sessions().await == 0)
        });
        meanwhile(&mut agent, ended).await.unwrap();
        others.are_served().await;
    });
}

#[test]
fn an_agent_that_answers_nonsense_is_a_bad_gateway() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let tunnel = &site.tunnels[0];
        let mut agent = join(tunnel, "double-nonsense").await;
        let opened = Answer::Opened.encode();
        let http = Bytes::from_static(b"this is not HTTP\r\n\r\n");
        for parts in [
            vec![Bytes::from_static(&[0xff; 64])],
            vec![ten_mebibytes()],
            vec![framed(UNKNOWN_FIELD)],
            vec![Control::Drain { deadline: GENEROUS }.encode()],
            vec![opened, http],
        ] {
            let alice = others.alice.clone();
            let mut asking = JoinSet::new();
            asking.spawn(async move { alice.get("/clusters/double-nonsense/version").await });
            let (_body, mut respond) = agent.next("/stream").await;
            let mut send = respond.send_response(Response::new(()), false).unwrap();
            for part in parts {
                send.send_data(part, false).unwrap();
            }
            let answer = meanwhile(&mut agent, asking.join_next())
                .await
                .unwrap()
                .unwrap();
            let answer = answer.unwrap();
            assert_eq!(answer.status, 502, "{}", answer.text());
            answer.status_message();
        }
        others.are_served().await;
    });
}
