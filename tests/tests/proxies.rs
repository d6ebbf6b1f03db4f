//! Agents that reach their hub through real proxies, or past them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use std::fs;

use tests::api_double::{ApiDouble, Reply};
use tests::enclosure::{
    CLUSTER, Enclosure, HTTP_PORT, HTTPS_PORT, HUB_IPV6_NAME, HUB_NAME,
    HUB_NAME_WITH_DEAD_ADDRESSES, LOGIN, PROGRAMS, PROXY, SOCKS_LOGIN_PORT, SOCKS_PORT,
};
use tests::fixture::Fixture;
use tests::https::Client;
use tests::hub::Agent;
use tests::namespace::Namespace;
use tests::pki::{Authority, Validity};
use tests::scratch;
use tests::wait::{GENEROUS, once};

static ENCLOSURE: Fixture<Enclosure> =
    Fixture::needing(PROGRAMS, |needs| Box::pin(Enclosure::start(needs)));

/// An agent of a cluster of its own, and that cluster's API.
struct Edge<'a> {
    name: &'a str,
    place: &'static Enclosure,
    agent: Agent,
    _api: ApiDouble,
}

impl<'a> Edge<'a> {
    /// Starts an agent in the namespace that knows its hub by this host.
    async fn start(
        place: &'static Enclosure,
        namespace: &Namespace,
        name: &'a str,
        hub: &str,
        args: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let credentials = place.hub.credentials(name, "agent").await.unwrap();
        let address = place.hub.address();
        let known = fs::read_to_string(&credentials).unwrap();
        let address_text = address.to_string();
        assert!(known.contains(&address_text), "the credentials name no hub");
        let named = known.replace(&address_text, &format!("{hub}:{}", address.port()));
        fs::write(&credentials, named).unwrap();
        let api = ApiDouble::start(place.cluster(), CLUSTER, |_| Reply::Answer(HELLO)).unwrap();
        let agent = Agent::start_with(
            place.needs,
            namespace,
            &credentials,
            &api.kubeconfig,
            args,
            environment,
        );
        Self {
            name,
            place,
            agent: agent.unwrap(),
            _api: api,
        }
    }

    /// Waits for an answer of the cluster's API through the hub.
    async fn answers(&self) {
        let authority = Authority::of_hub(self.place.hub.data()).unwrap();
        let admin = authority
            .client("adit:admin", &["system:masters"], Validity::Now)
            .unwrap();
        let tls = tests::tls::client(authority.pem(), Some(&admin), b"http/1.1").unwrap();
        let hub = &self.place.hub;
        let client = Client::new(hub.network(), hub.address(), tls, None);
        let target = format!("/clusters/{}/version", self.name);
        let answers = async || {
            let answer = client.get(&target).await.ok()?;
            once(answer.status == 200 && answer.text() == "hello")
        };
        let process = self.agent.process();
        let answered = process.until("an answer", GENEROUS, answers).await;
        answered.unwrap();
    }

    /// Waits until the agent has told why it reaches no hub, by way of a word
    /// that is in it; all it has said.
    async fn explains(&self, word: &str) -> String {
        let process = self.agent.process();
        let said = async || {
            let output = process.output();
            (output.contains(word) && output.contains("no hub reached")).then_some(output)
        };
        process.until(word, GENEROUS, said).await.unwrap()
    }
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

fn proxy(scheme: &str, port: u16) -> String {
    format!("{scheme}://{PROXY}:{port}")
}

fn login_file(text: &str) -> String {
    let file = scratch::fresh_folder("login").unwrap().join("login");
    fs::write(&file, text).unwrap();
    file.to_string_lossy().into_owned()
}

#[test]
fn a_hub_is_reached_through_http_connect_with_a_password_by_a_name_that_only_the_proxy_knows() {
    ENCLOSURE.test(async |place| {
        let login = login_file(&format!("{}:{}\n", LOGIN.0, LOGIN.1));
        let url = proxy("http", HTTP_PORT);
        let args = ["--proxy", &url, "--proxy-credentials", &login];
        let edge = Edge::start(place, place.cluster(), "http", HUB_NAME, &args, &[]).await;
        edge.answers().await;
    });
}

#[test]
fn a_hub_is_reached_through_a_proxy_that_is_spoken_to_over_tls() {
    ENCLOSURE.test(async |place| {
        let login = login_file(&format!("{}:{}\n", LOGIN.0, LOGIN.1));
        let url = proxy("https", HTTPS_PORT);
        let authority = place.proxy_authority().to_string_lossy().into_owned();
        let args = [
            "--proxy",
            &url,
            "--proxy-credentials",
            &login,
            "--proxy-ca",
            &authority,
        ];
        let edge = Edge::start(place, place.cluster(), "https", HUB_NAME, &args, &[]).await;
        edge.answers().await;
        // What the machine trusts, as OpenSSL's variable has it.
        let (user, password) = LOGIN;
        let url = format!("https://{user}:{password}@{PROXY}:{HTTPS_PORT}");
        let environment = [
            ("HTTPS_PROXY", url.as_str()),
            ("SSL_CERT_FILE", authority.as_str()),
        ];
        let cluster = place.cluster();
        let edge = Edge::start(place, cluster, "https-env", HUB_NAME, &[], &environment).await;
        edge.answers().await;
    });
}

#[test]
fn a_proxy_that_nobody_vouches_for_is_told_nothing() {
    ENCLOSURE.test(async |place| {
        let url = proxy("https", HTTPS_PORT);
        let login = login_file(&format!("{}:{}\n", LOGIN.0, LOGIN.1));
        // The hub's authority vouches for the hub alone.
        let other = place.hub.data().join("ca.crt");
        let other = other.to_string_lossy();
        let args = [
            "--proxy",
            &url,
            "--proxy-credentials",
            &login,
            "--proxy-ca",
            &other,
        ];
        let edge = Edge::start(place, place.cluster(), "strange", HUB_NAME, &args, &[]).await;
        let said = edge.explains("no TLS with it").await;
        assert!(said.contains("--proxy-ca") && said.contains(&url), "{said}");
    });
}

#[test]
fn a_proxy_that_does_not_know_the_password_is_told_of_without_it() {
    ENCLOSURE.test(async |place| {
        for (name, scheme, port) in [
            ("wrong-http", "http", HTTP_PORT),
            ("wrong-socks", "socks5h", SOCKS_LOGIN_PORT),
        ] {
            let login = login_file("anna:shut-sesame");
            let url = proxy(scheme, port);
            let args = ["--proxy", &url, "--proxy-credentials", &login];
            let edge = Edge::start(place, place.cluster(), name, HUB_NAME, &args, &[]).await;
            let said = edge
                .explains("does not accept this user and password")
                .await;
            assert!(said.contains(&url) && said.contains(HUB_NAME), "{said}");
            assert!(!said.contains("shut-sesame"), "{said}");
        }
    });
}

#[test]
fn a_proxy_that_wants_a_password_is_told_of_with_what_to_do() {
    ENCLOSURE.test(async |place| {
        for (name, scheme, port) in [
            ("none-http", "http", HTTP_PORT),
            ("none-socks", "socks5h", SOCKS_LOGIN_PORT),
        ] {
            let url = proxy(scheme, port);
            let args = ["--proxy", &url];
            let edge = Edge::start(place, place.cluster(), name, HUB_NAME, &args, &[]).await;
            edge.explains("--proxy-credentials").await;
        }
    });
}

#[test]
fn a_hub_is_reached_through_socks5_by_a_name_that_only_the_proxy_knows() {
    ENCLOSURE.test(async |place| {
        let url = proxy("socks5h", SOCKS_PORT);
        let args = ["--proxy", &url];
        let edge = Edge::start(place, place.cluster(), "socks", HUB_NAME, &args, &[]).await;
        edge.answers().await;
    });
}

#[test]
fn a_name_that_is_not_left_to_the_proxy_is_looked_up_here() {
    ENCLOSURE.test(async |place| {
        let url = proxy("socks5", SOCKS_PORT);
        let args = ["--proxy", &url];
        let edge = Edge::start(place, place.cluster(), "lookup", HUB_NAME, &args, &[]).await;
        edge.explains("cannot be resolved").await;
        let address = tests::enclosure::HUB_IPV4.to_string();
        let edge = Edge::start(place, place.cluster(), "literal", &address, &args, &[]).await;
        edge.answers().await;
    });
}

#[test]
fn the_environment_names_a_proxy_and_its_password() {
    ENCLOSURE.test(async |place| {
        let (user, password) = LOGIN;
        let url = format!("socks5h://{user}:{password}@{PROXY}:{SOCKS_LOGIN_PORT}");
        let environment = [("all_proxy", url.as_str())];
        let cluster = place.cluster();
        let edge = Edge::start(place, cluster, "environment", HUB_NAME, &[], &environment).await;
        edge.answers().await;
        let said = edge.agent.process().output();
        assert!(!said.contains(password), "{said}");
    });
}

#[test]
fn a_hub_and_a_proxy_may_have_ipv6_addresses_only() {
    ENCLOSURE.test(async |place| {
        let (user, password) = LOGIN;
        let url = format!("http://{user}:{password}@[fd78::1]:{HTTP_PORT}");
        let environment = [("HTTPS_PROXY", url.as_str())];
        let cluster = place.cluster();
        let hub = format!("[{}]", tests::enclosure::HUB_IPV6);
        for (name, hub) in [("ipv6-name", HUB_IPV6_NAME), ("ipv6", hub.as_str())] {
            let edge = Edge::start(place, cluster, name, hub, &[], &environment).await;
            edge.answers().await;
        }
    });
}

#[test]
fn no_proxy_leads_past_a_proxy() {
    ENCLOSURE.test(async |place| {
        // Nobody listens there.
        let url = proxy("http", 9);
        let bypass = [("HTTPS_PROXY", url.as_str()), ("NO_PROXY", "a.net,.test")];
        let edge = Edge::start(place, place.proxy(), "bypass", HUB_NAME, &[], &bypass).await;
        edge.answers().await;
        let other = [("HTTPS_PROXY", url.as_str()), ("NO_PROXY", "a.net,.net")];
        let edge = Edge::start(place, place.proxy(), "no-bypass", HUB_NAME, &[], &other).await;
        let said = edge.explains("is not reached").await;
        assert!(said.contains(&url), "{said}");
        let none = ["--proxy", "none"];
        let edge = Edge::start(place, place.proxy(), "flag", HUB_NAME, &none, &other).await;
        edge.answers().await;
    });
}

/// One after the other they would take longer than the test waits.
#[test]
fn addresses_where_nobody_answers_do_not_keep_an_agent_from_its_hub() {
    ENCLOSURE.test(async |place| {
        let hub = HUB_NAME_WITH_DEAD_ADDRESSES;
        // QUIC would get past them in its own way.
        let args = ["--carrier", "h2"];
        let edge = Edge::start(place, place.proxy(), "dead", hub, &args, &[]).await;
        edge.answers().await;
    });
}
