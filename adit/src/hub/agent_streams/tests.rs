use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, Config, InFlightLimits, Registry};
use bytes::Bytes;
use http::HeaderValue;
use proto::{Hello, StreamHeader};
use store::{Embedded, Options};
use tempfile::TempDir;
use tokio::io::duplex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tunnel::{LinkConfig, ReadHalf, WriteHalf};

use super::*;

/// A session with an agent, whose streams to the hub's API are served; on a
/// paused clock, which jumps to whatever comes next.
struct Place {
    agent: tunnel::Link,
    _folder: TempDir,
    _tasks: JoinSet<()>,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path(), Options::default()).await;
        let keyring = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
        let (api, _driver) = ApiServer::start(Config {
            store: Arc::new(store.unwrap()),
            registry: Arc::new(Registry::new(Arc::new(::api::core().clone()))),
            service_accounts: Arc::new(ServiceAccountTokens::new("tests", Vec::new(), keyring)),
            tokens: Vec::new(),
            answers: Answers::default(),
            in_flight: InFlightLimits::default(),
            signer: None,
            root_ca: None,
            audit: None,
        })
        .await
        .unwrap();
        let client = || api.client(apiserver::User::new("tests", []));
        let answering = Answering {
            bootstrap: BootstrapTokens::new(client()),
            agents: AgentTokens::new(client()),
            making: MakingPace::default(),
            api: api.clone(),
        };
        // Not before: the store's thread lives in real time.
        tokio::time::pause();
        let (near, far) = duplex(64 * 1024);
        let identity = AgentIdentity {
            cluster: "edge".parse().unwrap(),
            agent: "a".parse().unwrap(),
        };
        let caller = Arc::new(Caller {
            identity: CallerIdentity::Agent(identity),
            remote: "192.0.2.1:1".parse().unwrap(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let config = LinkConfig::new(Hello::new("hub"));
            let hub = tunnel::h2::hub(near, config).await;
            let (_link, mut incoming, driver) = hub.unwrap();
            let serving = async {
                while let Some(stream) = incoming.next().await {
                    let _ = exchange(stream, &answering, &caller).await;
                }
            };
            tokio::join!(driver, serving);
        });
        let config = LinkConfig::new(Hello::new("agent"));
        let (agent, _, driver) = tunnel::h2::agent(far, config).await.unwrap();
        tasks.spawn(async move { drop(driver.await) });
        Self {
            agent,
            _folder: folder,
            _tasks: tasks,
        }
    }

    /// Begins to ask for something that every user may ask for, in a body of
    /// so many bytes.
    async fn asks(&self, length: usize) -> (ReadHalf, WriteHalf) {
        let header = StreamHeader::new(Target::HubApi);
        let stream = self.agent.open(header).await.unwrap();
        let (read, mut write) = stream.opened().await.unwrap().into_split();
        let head = format!(
            "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews HTTP/1.1\r\n\
             Host: hub\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        write.write_chunk(head.into()).await.unwrap();
        (read, write)
    }
}

/// The whole answer.
async fn answered(mut read: ReadHalf) -> String {
    let mut answer = Vec::new();
    while let Ok(Some(chunk)) = read.chunk().await {
        answer.extend_from_slice(&chunk);
    }
    String::from_utf8(answer).unwrap()
}

const REVIEW: &str =
    r#"{"spec":{"resourceAttributes":{"verb":"get","resource":"pods","namespace":"a"}}}"#;

#[tokio::test]
async fn an_agent_that_stops_in_its_body_is_told_so_in_time() {
    let place = Place::new().await;
    let (read, mut write) = place.asks(100_000).await;
    write.write_chunk(Bytes::from("{")).await.unwrap();
    let begun = Instant::now();
    let answer = answered(read).await;
    let took = begun.elapsed();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let why = format!("nothing of the request's body has come for {PATIENCE:?}");
    assert!(answer.contains(&why), "{answer}");
    assert!(took >= PATIENCE && took < 2 * PATIENCE, "{took:?}");
}

#[tokio::test]
async fn an_agent_that_trickles_its_body_is_not_heard_for_ever() {
    let place = Place::new().await;
    let (read, mut write) = place.asks(100_000).await;
    let begun = Instant::now();
    let trickling = async {
        loop {
            let _ = write.write_chunk(Bytes::from(" ")).await;
            sleep(PATIENCE / 2).await;
        }
    };
    let answer = tokio::select! {
        answer = answered(read) => answer,
        () = trickling => unreachable!("it goes on for ever"),
    };
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    let took = begun.elapsed();
    assert!(took < 5 * PATIENCE, "{took:?}");
}

#[tokio::test]
async fn an_agent_that_is_only_slow_is_answered() {
    let place = Place::new().await;
    let (read, mut write) = place.asks(REVIEW.len()).await;
    for piece in REVIEW.as_bytes().chunks(REVIEW.len() / 2) {
        sleep(PATIENCE / 2).await;
        write.write_chunk(Bytes::from_static(piece)).await.unwrap();
    }
    let answer = answered(read).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[test]
fn whatever_says_who_asks_is_found() {
    for (name, value) in [
        ("authorization", "Basic YTpi"),
        ("impersonate-user", "root"),
        ("impersonate-extra-scopes", "all"),
        ("x-remote-group", "system:masters"),
        (
            "sec-websocket-protocol",
            "a, base64url.bearer.authorization.k8s.io.YWJj",
        ),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("*/*"));
        assert_eq!(carries_identity(&headers), None);
        headers.insert(name, HeaderValue::from_static(value));
        assert_eq!(carries_identity(&headers), Some(name));
    }
}
