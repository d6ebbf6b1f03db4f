//! Whoever connects to the hub himself is nobody but himself.

use std::fs;

use tests::https::Client;
use tests::hub::CLUSTER_NAME;
use tests::pki::{Authority, Identity, Validity};
use tests::tls;

use crate::SITE;
use crate::site::{GATEWAYS, KubernetesHub};

/// An authority of the cluster that is the hub.
fn authority(site: &KubernetesHub, name: &str) -> Authority {
    let folder = site.main.folder();
    let [certificate, key] = ["crt", "key"].map(|of| folder.join(format!("{name}.{of}")));
    Authority::read(&certificate, &key).unwrap()
}

/// A client of the hub's own port.
fn client(site: &KubernetesHub, identity: Option<&Identity>) -> Client {
    let trusted = trusted(site);
    let tls = tls::client(&trusted, identity, b"http/1.1").unwrap();
    Client::new(site.network.hub(0), site.hub.address(), tls, None)
}

/// The hub's authorities: another test has them rotated.
fn trusted(site: &KubernetesHub) -> String {
    let files = ["ca.crt", "ca-previous.crt"].map(|name| site.hub.data().join(name));
    let read = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    read.collect()
}

/// What becomes of a request for the cluster's pods with these headers.
async fn code(client: &Client, headers: &[&str]) -> u16 {
    let path = format!("{GATEWAYS}/{CLUSTER_NAME}/proxy/api/v1/namespaces/default/pods");
    let answer = client.send("GET", &path, headers, "").await.unwrap();
    answer.status
}

const ALICE: [&str; 2] = ["X-Remote-User: alice", "X-Remote-Group: developers"];

#[test]
fn only_the_aggregation_layer_says_who_asks() {
    SITE.test(async |site| {
        let proxies = authority(site, "front-proxy-ca");
        let clients = authority(site, "client-ca");
        let own = Authority::of_hub(site.hub.data()).unwrap();
        let named = |of: &Authority, name| of.client(name, &["system:masters"], Validity::Now);
        let aggregator = named(&proxies, "front-proxy-client").unwrap();
        let real = client(site, Some(&aggregator));
        assert_eq!(code(&real, &ALICE).await, 200);
        assert_eq!(code(&real, &[]).await, 401, "it is nobody itself");
        let strangers = [
            ("nobody", None),
            (
                "the tunnel's CA",
                Some(named(&own, "front-proxy-client").unwrap()),
            ),
            (
                "the users' CA",
                Some(named(&clients, "front-proxy-client").unwrap()),
            ),
            (
                "another name",
                Some(named(&proxies, "someone-else").unwrap()),
            ),
        ];
        for (whose, identity) in strangers {
            let client = client(site, identity.as_ref());
            for header in [
                "X-Remote-User: alice",
                "x-remote-user: alice",
                "X-REMOTE-GROUP: system:masters",
                "X-Remote-Extra-Scopes: all",
                "X_Remote_User: alice",
                "X-Remote_User: alice",
            ] {
                assert_eq!(code(&client, &[header]).await, 403, "{header} of {whose}");
            }
            assert_eq!(code(&client, &ALICE).await, 403, "{whose}");
        }
    });
}

#[test]
fn the_aggregation_layer_tells_of_one_user_who_is_himself() {
    SITE.test(async |site| {
        let proxies = authority(site, "front-proxy-ca");
        let identity = proxies
            .client("front-proxy-client", &[], Validity::Now)
            .unwrap();
        let client = client(site, Some(&identity));
        for (headers, wanted) in [
            (&["X-Remote-User: alice", "X-Remote-User: root"][..], 400),
            (
                &["X-Remote-User: alice", "X_Remote_Group: system:masters"],
                400,
            ),
            (&["X-Remote-Group: system:masters"], 400),
            (&["X-Remote-User: "], 400),
            (&["X-Remote-User: bob", "X-Remote-Group: guests"], 403),
            (
                &[
                    "X-Remote-User: alice",
                    "X-Remote-Group: developers",
                    "Impersonate-User: root",
                ],
                403,
            ),
            (&["X-Remote-User: alice", "Connection: X-Remote-User"], 400),
        ] {
            let code = code(&client, headers).await;
            // A role is asked for before the head is taken apart further.
            let refused = code == wanted || code == 403 && wanted == 400;
            assert!(refused, "{headers:?}: {code}");
        }
    });
}

#[test]
fn users_of_the_cluster_come_to_the_hubs_own_port_with_their_certificates_and_tokens() {
    SITE.test(async |site| {
        let clients = authority(site, "client-ca");
        let alice = clients
            .client("alice", &["developers"], Validity::Now)
            .unwrap();
        assert_eq!(code(&client(site, Some(&alice)), &[]).await, 200);
        let bob = clients.client("bob", &["guests"], Validity::Now).unwrap();
        assert_eq!(code(&client(site, Some(&bob)), &[]).await, 403);
        let nobody = client(site, None);
        let token = format!(
            "Authorization: Bearer {}",
            tests::cluster::User::ALICE.token()
        );
        assert_eq!(code(&nobody, &[&token]).await, 200);
        assert_eq!(
            code(&nobody, &["Authorization: Bearer of-nobody"]).await,
            401
        );
        assert_eq!(code(&nobody, &[]).await, 401);
        let listed = client(site, Some(&alice)).get(GATEWAYS).await.unwrap();
        assert_eq!(listed.status, 200, "{}", listed.text());
        let listed = client(site, Some(&bob)).get(GATEWAYS).await.unwrap();
        assert_eq!(listed.status, 403, "{}", listed.text());
        assert!(listed.text().contains("cannot list"), "{}", listed.text());
    });
}

#[test]
fn an_agents_name_under_the_aggregation_layers_authority_opens_no_session() {
    SITE.test(async |site| {
        let proxies = authority(site, "front-proxy-ca");
        let agent = proxies.agent(CLUSTER_NAME, "agent", Validity::Now).unwrap();
        let trusted = trusted(site);
        let tls = tls::client(&trusted, Some(&agent), b"adit/1").unwrap();
        let hub = Client::new(site.network.hub(0), site.hub.address(), tls, None);
        if let Ok(mut connection) = hub.connect().await {
            // It is closed before anything is said on it.
            assert!(connection.until("adit").await.is_err());
        }
        assert_eq!(site.hub.process().ended(), None);
    });
}
