//! Certificates and authorities that change while everything runs.

use std::fs;
use std::path::Path;

use http_body_util::BodyExt as _;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::hub::hub_with_api;
use crate::support::{
    Client, GENEROUS, Identity, Open, TestAuthority, TestHub, arg, run, until, yaml,
};

/// The serial numbers of the sessions of a cluster.
async fn serials(hub: &TestHub, cluster: &str) -> Vec<String> {
    let sessions = hub.sessions(cluster).await;
    let serial = |session: &serde_json::Value| session["serial"].as_str().unwrap().to_owned();
    sessions.iter().map(serial).collect()
}

/// The serial number in a certificate.
fn serial_of(pem: &str) -> String {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let serial = certificate.raw_serial().iter();
    serial.map(|byte| format!("{byte:02x}")).collect()
}

/// Replaces a file as a person or a volume would: at once.
fn replace(path: &Path, contents: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, contents).unwrap();
    fs::rename(beside, path).unwrap();
}

/// A request whose answer has begun and does not end by itself.
async fn watching(client: &Client, api: &tokio::net::TcpListener) -> (Open, TcpStream) {
    let answer = async {
        let (mut api, _) = timeout(GENEROUS, api.accept()).await.unwrap().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(timeout(GENEROUS, api.read_u8()).await.unwrap().unwrap());
        }
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n";
        api.write_all(head).await.unwrap();
        api
    };
    let (opened, api) = tokio::join!(client.open("/clusters/edge-1/api/v1/pods?watch=1"), answer);
    let (_, mut open) = opened.unwrap();
    let frame = timeout(GENEROUS, open.body.frame()).await.unwrap();
    assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "one");
    (open, api)
}

/// Waits until a watch breaks off.
async fn breaks_off(mut open: Open) {
    let end = timeout(GENEROUS, open.body.frame()).await;
    let end = end.expect("it ends in time");
    assert!(end.is_none_or(|frame| frame.is_err()), "it goes on");
}

#[tokio::test]
async fn a_replaced_serving_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let (hub, api, _agent) = Box::pin(hub_with_api()).await;
    let client = hub.client(hub.administrator());
    let (mut open, mut api_end) = watching(&client, &api).await;
    let (certificate, key) = TestAuthority::of_hub(&hub.data()).server("127.0.0.1");
    replace(&hub.data().join("serving.crt"), &certificate);
    replace(&hub.data().join("serving.key"), &key);
    let new = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    until("the new certificate", async || {
        let tls = client.connect().await.unwrap();
        let shown = tls.get_ref().1.peer_certificates().unwrap();
        shown[0] == new
    })
    .await;
    api_end.write_all(b"3\r\ntwo\r\n").await.unwrap();
    let frame = timeout(GENEROUS, open.body.frame()).await.unwrap();
    assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "two");
}

#[tokio::test]
async fn another_authoritys_users_are_let_in_as_long_as_it_is_trusted() {
    let (hub, api, _agent) = Box::pin(hub_with_api()).await;
    let company = TestAuthority::new();
    let client = hub.client(company.administrator(Duration::days(1)));
    assert!(client.get("/sessions").await.is_err());
    let file = hub.data().join("trusted/company.crt");
    replace(&file, &company.pem);
    until("its users are let in", async || {
        client.get("/sessions").await.is_ok_and(|a| a.code == 200)
    })
    .await;
    let (open, _api) = watching(&client, &api).await;
    fs::remove_file(&file).unwrap();
    breaks_off(open).await;
    assert!(client.get("/sessions").await.is_err());
}

#[tokio::test]
async fn a_watch_ends_with_the_certificate_of_its_user() {
    let (hub, api, _agent) = Box::pin(hub_with_api()).await;
    let authority = TestAuthority::of_hub(&hub.data());
    let client = hub.client(authority.administrator(Duration::seconds(3)));
    let (open, _api) = watching(&client, &api).await;
    breaks_off(open).await;
}

#[tokio::test]
async fn a_session_ends_with_the_certificate_of_its_agent() {
    let hub = TestHub::start().await;
    let file = hub.credentials("edge-1", "agent").await;
    let short = TestAuthority::of_hub(&hub.data()).agent("edge-1", Duration::seconds(4));
    // The hub has it on record, as it would have one that it has issued.
    let record_file = hub.data().join("clusters/edge-1.json");
    let mut record = yaml(&record_file);
    record["certificates"][0]["serial"] = serial_of(&short.0).into();
    replace(&record_file, &record.to_string());
    let mut credentials = yaml(&file);
    credentials["certificate"] = short.0.into();
    credentials["privateKey"] = short.1.into();
    replace(&file, &credentials.to_string());
    let agent = hub.agent(&file);
    until("a session", async || {
        agent.stderr().contains("connected to the hub")
    })
    .await;
    until("its end", async || agent.stderr().contains("link over")).await;
    assert!(hub.sessions("edge-1").await.is_empty());
}

#[tokio::test]
async fn an_agent_takes_up_new_credentials_and_keeps_the_old_ones_if_they_are_of_no_use() {
    let hub = TestHub::start().await;
    let file = hub.credentials("edge-1", "agent").await;
    let agent = hub.agent(&file);
    until("a session", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
    let before = serials(&hub, "edge-1").await;
    let other = hub.credentials("edge-1", "other").await;
    replace(&file, &fs::read_to_string(other).unwrap());
    until("it says so", async || {
        agent.stderr().contains("they are those of edge-1:other")
    })
    .await;
    assert_eq!(serials(&hub, "edge-1").await, before);
    hub.credentials("edge-1", "agent").await;
    until("a session with the new certificate", async || {
        let now = serials(&hub, "edge-1").await;
        now.len() == 1 && now != before
    })
    .await;
}

#[tokio::test]
async fn an_authority_is_rotated_under_a_running_hub_and_agent() {
    let (hub, _api, _agent) = Box::pin(hub_with_api()).await;
    let data = hub.data();
    let old_ca = fs::read_to_string(data.join("ca.crt")).unwrap();
    let old_administrator = hub.administrator();
    let old_client = |identity| Client::new(hub.address(), &old_ca, identity);
    hub.adit(&["ca", "rotate"]).await;

    // Nobody who knows only the old one has lost anything.
    let answer = old_client(old_administrator.clone()).get("/sessions").await;
    assert_eq!(answer.unwrap().code, 200);
    assert_eq!(hub.sessions("edge-1").await.len(), 1);
    // Somebody who joins now has a certificate of the new one, and trusts both.
    let second = hub.credentials("edge-1", "second").await;
    let _second = hub.agent(&second);
    until("a second session", async || {
        hub.sessions("edge-1").await.len() == 2
    })
    .await;

    // The first agent has still to get its own.
    let shown = hub.adit(&["ca", "show"]).await.stdout;
    assert!(
        shown.contains("only of the old authority: edge-1:agent"),
        "{shown}"
    );
    let args = ["ca", "retire", "--data-dir", arg(&data)];
    let refused = run(&args).await;
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("edge-1:agent"),
        "{}",
        refused.stderr
    );
    let before = serials(&hub, "edge-1").await;
    hub.credentials("edge-1", "agent").await;
    until("its session with the new certificate", async || {
        let now = serials(&hub, "edge-1").await;
        now.len() == 2 && now != before
    })
    .await;

    hub.adit(&["ca", "retire"]).await;
    let new_ca = fs::read_to_string(data.join("ca.crt")).unwrap();
    let renewed = Client::new(hub.address(), &new_ca, hub.administrator());
    until(
        "the hub shows a certificate of the new authority",
        async || renewed.get("/sessions").await.is_ok_and(|a| a.code == 200),
    )
    .await;
    assert_eq!(hub.sessions("edge-1").await.len(), 2, "agents stay");
    let identity = old_administrator;
    until("the old authority's users are shut out", async || {
        let client = Client::new(hub.address(), &new_ca, identity.clone());
        client.get("/sessions").await.is_err()
    })
    .await;
    let stranger = old_client(Identity::Nobody).get("/healthz").await;
    assert!(
        stranger.is_err(),
        "who knows only the old one trusts the hub no more"
    );
    assert!(!data.join("ca-previous.key").exists());
}

#[tokio::test]
async fn agents_of_a_retired_authority_are_cut_off() {
    let (hub, _api, agent) = Box::pin(hub_with_api()).await;
    hub.adit(&["ca", "rotate"]).await;
    hub.adit(&["ca", "retire", "--force"]).await;
    until("its session is over", async || {
        agent.stderr().contains("link over")
    })
    .await;
    until("it is not let in again", async || {
        agent
            .stderr()
            .contains("no trust between this agent and the hub")
    })
    .await;
    assert!(hub.sessions("edge-1").await.is_empty());
}
