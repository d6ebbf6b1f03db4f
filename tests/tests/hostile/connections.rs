//! Who is let in at the port, and as what.

use tests::cluster::User;
use tests::https::Client;
use tests::hub::Agent;
use tests::pki::{Authority, Identity, Validity};
use tests::site::{Tunnel, path};
use tests::tls;
use tests::wait::{GENEROUS, once, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::frames::{ALPN, RawAgent};
use crate::{Others, SITE};

#[test]
fn garbage_ends_its_own_connection_only() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let hub = &site.tunnels[0].hub;
        let inputs: [&[u8]; 4] = [
            &[0; 4096],
            &[0xff; 65_536],
            b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n",
            b"\x16\x03\x01\xff\xff\x01\x00\xff\xff",
        ];
        for input in inputs {
            let mut tcp = hub.network().connect(hub.address(), GENEROUS).unwrap();
            // It may hang up before all is sent.
            let _ = tcp.write_all(input).await;
            let _ = tcp.shutdown().await;
            let mut answer = Vec::new();
            let ended = timeout(GENEROUS, tcp.read_to_end(&mut answer)).await;
            assert!(
                ended.is_ok(),
                "the connection stays open after {} bytes of garbage",
                input.len()
            );
        }
        others.are_served().await;
    });
}

#[test]
fn who_says_nothing_is_cut_off() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let hub = &site.tunnels[0].hub;
        let mut tcp = hub.network().connect(hub.address(), GENEROUS).unwrap();
        let ended = timeout(2 * GENEROUS, tcp.read(&mut [0])).await;
        assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
        others.are_served().await;
    });
}

/// The reason that the hub gives for not letting this identity open a session.
async fn rejection(tunnel: &Tunnel, identity: Option<&Identity>) -> String {
    let authority = Authority::of_hub(tunnel.hub.data()).unwrap();
    let tls = tls::client(authority.pem(), identity, ALPN).unwrap();
    let address = tunnel.hub.address();
    let tcp = tunnel.hub.network().connect(address, GENEROUS).unwrap();
    match tls::connect(&tls, tcp, address).await {
        Ok(stream) => RawAgent::join(stream).await.map(drop).unwrap_err(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn only_an_agents_certificate_opens_a_session() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let tunnel = &site.tunnels[0];
        let known = Authority::of_hub(tunnel.hub.data()).unwrap();
        let user = known
            .client("alice", &["developers"], Validity::Now)
            .unwrap();
        let unknown_cluster = known.agent("nowhere", "agent", Validity::Now).unwrap();
        let half = ["system:open-cluster-management:edge"];
        let half = known.client(
            "system:open-cluster-management:edge:agent",
            &half,
            Validity::Now,
        );

        let none = rejection(tunnel, None).await;
        assert!(none.contains("certificate"), "{none}");
        let reason = rejection(tunnel, Some(&user)).await;
        assert!(reason.contains("alice"), "{reason}");
        let reason = rejection(tunnel, Some(&unknown_cluster)).await;
        assert!(reason.contains("not known"), "{reason}");
        let reason = rejection(tunnel, Some(&half.unwrap())).await;
        assert!(reason.contains("organization"), "{reason}");
        others.are_served().await;
    });
}

#[test]
fn a_certificate_that_is_foreign_or_over_is_refused_everywhere() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let tunnel = &site.tunnels[0];
        let known = Authority::of_hub(tunnel.hub.data()).unwrap();
        let foreign = Authority::unknown().unwrap();
        for identity in [
            known.agent("edge", "agent", Validity::Over).unwrap(),
            foreign.agent("edge", "agent", Validity::Now).unwrap(),
        ] {
            let reason = rejection(tunnel, Some(&identity)).await;
            assert!(
                reason.contains("certificate") || reason.contains("alert"),
                "{reason}"
            );
        }
        for identity in [
            known
                .client("root", &["system:masters"], Validity::Over)
                .unwrap(),
            foreign
                .client("root", &["system:masters"], Validity::Now)
                .unwrap(),
        ] {
            let tls = tls::client(known.pem(), Some(&identity), b"http/1.1").unwrap();
            let client = Client::new(tunnel.hub.network(), tunnel.hub.address(), tls, None);
            let answer = client.get(&path("/version")).await;
            assert!(answer.is_err(), "{answer:?}");
        }
        others.are_served().await;
    });
}

#[test]
fn an_agents_certificate_has_no_right_at_the_gateway() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let tunnel = &site.tunnels[0];
        let authority = Authority::of_hub(tunnel.hub.data()).unwrap();
        for cluster in ["edge", "nowhere"] {
            let agent = authority.agent(cluster, "agent", Validity::Now).unwrap();
            let tls = tls::client(authority.pem(), Some(&agent), b"http/1.1").unwrap();
            let client = Client::new(tunnel.hub.network(), tunnel.hub.address(), tls, None);
            for target in [
                path("/version"),
                "/sessions".to_owned(),
                "/metrics".to_owned(),
            ] {
                let refused = client.get(&target).await.unwrap();
                assert!(
                    [401, 403].contains(&refused.status),
                    "{target}: {}",
                    refused.text()
                );
                assert!(!refused.status_message().is_empty());
            }
        }
        others.are_served().await;
    });
}

#[test]
fn a_revoked_agent_is_thrown_out_and_not_let_in_again() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let tunnel = &site.tunnels[0];
        let credentials = tunnel
            .hub
            .credentials("double-revoked", "agent")
            .await
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
        let sessions = async || {
            tunnel
                .sessions(&others.admin, "double-revoked")
                .await
                .unwrap()
                .len()
        };
        let joined = async || once(sessions().await == 1);
        agent
            .process()
            .until("its session", GENEROUS, joined)
            .await
            .unwrap();

        tunnel
            .hub
            .adit(&["credentials", "double-revoked", "--revoke"])
            .await
            .unwrap()
            .ok();
        until("the end of its session", GENEROUS, async || {
            once(sessions().await == 0)
        })
        .await
        .unwrap();
        let told = async || once(agent.process().output().contains("revoked"));
        agent
            .process()
            .until("the reason in the agent's log", GENEROUS, told)
            .await
            .unwrap();
        assert_eq!(sessions().await, 0);
        others.are_served().await;
    });
}

#[test]
fn a_token_is_good_until_it_is_revoked_and_no_longer() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let tunnel = &site.tunnels[0];
        let authority = Authority::of_hub(tunnel.hub.data()).unwrap();
        let tls = tls::client(authority.pem(), None, b"http/1.1").unwrap();
        let client = |token: Option<&str>| {
            let token = token.map(str::to_owned);
            Client::new(
                tunnel.hub.network(),
                tunnel.hub.address(),
                tls.clone(),
                token,
            )
        };
        for wrong in [None, Some("wrong"), Some("Zm9v.YmFy")] {
            let refused = client(wrong).get(&path("/version")).await.unwrap();
            assert_eq!(refused.status, 401, "{}", refused.text());
            refused.status_message();
        }
        let create = [
            "token",
            "create",
            "--user",
            "carol",
            "--group",
            "developers",
        ];
        let token = tunnel.hub.adit(&create).await.unwrap().ok();
        let carol = client(Some(token.trim()));
        let good = async || once(carol.get(&path("/version")).await.ok()?.status == 200);
        until("the token to be good", GENEROUS, good).await.unwrap();

        let list = tunnel.hub.adit(&["token", "list"]).await.unwrap().ok();
        assert!(
            !list.contains(token.trim()),
            "the list shows the token itself"
        );
        let id = list
            .lines()
            .find(|line| line.contains("carol"))
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap();
        tunnel
            .hub
            .adit(&["token", "revoke", id])
            .await
            .unwrap()
            .ok();
        let refused = async || once(carol.get(&path("/version")).await.ok()?.status == 401);
        until("the token to be refused", GENEROUS, refused)
            .await
            .unwrap();
        others.are_served().await;
    });
}

#[test]
fn an_error_says_what_is_missing() {
    SITE.test(async |site| {
        let others = Others::start(site).await;
        let tunnel = &site.tunnels[0];
        let unknown = others
            .admin
            .get("/clusters/atlantis/version")
            .await
            .unwrap();
        assert_eq!(unknown.status, 404, "{}", unknown.text());
        assert!(unknown.status_message().contains("atlantis"));

        tunnel
            .hub
            .credentials("double-absent", "agent")
            .await
            .unwrap();
        let mut absent = None;
        let known = async || {
            let answer = others
                .admin
                .get("/clusters/double-absent/version")
                .await
                .ok()?;
            (answer.status != 404).then(|| absent = Some(answer))
        };
        until("the cluster to be known", GENEROUS, known)
            .await
            .unwrap();
        let absent = absent.unwrap();
        assert_eq!(absent.status, 503, "{}", absent.text());
        assert!(absent.header("retry-after").is_some(), "{absent:?}");
        assert!(absent.status_message().contains("double-absent"));

        let stranger = User {
            name: "mallory",
            group: "strangers",
        };
        let denied = tunnel
            .client(stranger)
            .await
            .unwrap()
            .get(&path("/version"))
            .await
            .unwrap();
        assert_eq!(denied.status, 403, "{}", denied.text());
        assert!(
            denied.status_message().contains("mallory"),
            "{}",
            denied.text()
        );
        others.are_served().await;
    });
}
