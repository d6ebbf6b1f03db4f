//! Programs on kube-rs' runtime, over a socket and within the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::api::events::v1::Event as Recorded;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::events::{Event as News, EventType, Recorder, Reporter};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, reflector};
use kube::{Client, Resource, ResourceExt as _};
use serde_json::{Value, from_value, json};
use store::{Embedded, Options, Store as _};
use tests::scratch;
use tests::wait::{GENEROUS, once, until};
use tokio::task::JoinSet;

use crate::PLACE;
use crate::server::Server;

#[path = "rust/controller.rs"]
mod controller;

/// What happens to a server while it is used.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Crash,
    Forget,
}

/// A server, and what can befall it.
enum Hit {
    Process(Server),
    /// In this process: it cannot crash alone.
    Within {
        server: ApiServer,
        store: Arc<Embedded>,
        _tasks: JoinSet<()>,
    },
}

impl Hit {
    async fn within() -> Self {
        let folder = scratch::fresh_folder("within").unwrap();
        let store = Embedded::open(&folder, Options::default()).await.unwrap();
        let store = Arc::new(store);
        let keyring = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
        let (server, driver) = ApiServer::start(Config {
            store: store.clone(),
            registry: Arc::new(Registry::new(Arc::new(api::core().clone()))),
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
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run());
        Self::Within {
            server,
            store,
            _tasks: tasks,
        }
    }

    async fn client(&self) -> Client {
        match self {
            Self::Process(server) => server.client().await,
            Self::Within { server, .. } => {
                server.client(User::new("admin", [User::MASTERS.to_owned()]))
            }
        }
    }

    async fn strike(&self, blow: Blow) {
        match (self, blow) {
            (Self::Process(server), Blow::Crash) => server.crash().await,
            (Self::Process(server), Blow::Forget) => server.forget().await,
            (Self::Within { store, .. }, _) => {
                let now = store.current().await.unwrap();
                store.compact(now).await.unwrap();
            }
        }
    }
}

pub(crate) async fn make_namespace(client: &Client, name: &str) {
    let namespace: Namespace = from_value(json!({"metadata": {"name": name}})).unwrap();
    let all: Api<Namespace> = Api::all(client.clone());
    all.create(&PostParams::default(), &namespace)
        .await
        .unwrap();
}

/// Does it again while the server is away; what it said then nobody knows, so
/// the answer that it is done already is one too.
async fn surely<T>(what: impl AsyncFn() -> Result<T, kube::Error>) {
    let done = async || match what().await {
        Ok(_) => Some(()),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Some(()),
        Err(kube::Error::Api(status)) => panic!("{status:?}"),
        Err(_) => None,
    };
    until("an answer", GENEROUS, done).await.unwrap();
}

/// What a watcher has told.
#[derive(Debug, Default)]
struct Told {
    known: BTreeMap<String, u64>,
    beginning: BTreeMap<String, u64>,
    lists: usize,
    wrong: Vec<String>,
}

impl Told {
    fn take(&mut self, event: &Event<ConfigMap>) {
        let of = |map: &ConfigMap| {
            let version = map.resource_version().unwrap_or_default();
            (map.name_any(), version.parse().unwrap_or_default())
        };
        match event {
            Event::Init => self.beginning.clear(),
            Event::InitApply(map) => {
                let (name, version) = of(map);
                if self.beginning.insert(name.clone(), version).is_some() {
                    self.wrong.push(format!("{name} came twice in a list"));
                }
            }
            Event::InitDone => {
                self.lists += 1;
                for (name, before) in &self.known {
                    if self.beginning.get(name).is_some_and(|now| now < before) {
                        self.wrong.push(format!("{name} went back with a list"));
                    }
                }
                self.known = std::mem::take(&mut self.beginning);
            }
            Event::Apply(map) => {
                let (name, version) = of(map);
                let before = self.known.insert(name.clone(), version);
                if before.is_some_and(|before| before >= version) {
                    self.wrong
                        .push(format!("{name} went from {before:?} to {version}"));
                }
            }
            Event::Delete(map) => {
                let (name, _) = of(map);
                if self.known.remove(&name).is_none() {
                    self.wrong.push(format!("{name} was deleted and not there"));
                }
            }
        }
    }
}

/// A reflector looks on while objects are written and the server is hit, and
/// ends with what there is.
async fn reflect(hit: &Hit, namespace: &str, config: watcher::Config) -> Told {
    let client = hit.client().await;
    make_namespace(&client, namespace).await;
    let maps: Api<ConfigMap> = Api::namespaced(client, namespace);
    let object = |name: &str| -> ConfigMap {
        from_value(json!({"metadata": {"name": name}, "data": {"x": "1"}})).unwrap()
    };
    for name in ["stays", "gone"] {
        let object = object(name);
        maps.create(&PostParams::default(), &object).await.unwrap();
    }
    let told = Arc::new(Mutex::new(Told::default()));
    let (reader, writer) = reflector::store();
    let events = reflector(writer, watcher::watcher(maps.clone(), config)).default_backoff();
    let mut tasks = JoinSet::new();
    let noted = told.clone();
    tasks.spawn(events.for_each(move |event| {
        // An error is one of the way to the server, after which it goes on.
        if let Ok(event) = event {
            noted.lock().unwrap().take(&event);
        }
        std::future::ready(())
    }));
    reader.wait_until_ready().await.unwrap();
    for number in 0..60 {
        let name = format!("n{number}");
        let object = object(&name);
        surely(async || maps.create(&PostParams::default(), &object).await).await;
        let patch = Patch::Merge(json!({"data": {"x": "2"}}));
        surely(async || maps.patch(&name, &PatchParams::default(), &patch).await).await;
        if number % 3 == 0 {
            surely(async || maps.delete(&name, &DeleteParams::default()).await).await;
        }
        match number {
            15 | 30 => hit.strike(Blow::Crash).await,
            45 => hit.strike(Blow::Forget).await,
            _ => {}
        }
    }
    let listed = maps.list(&ListParams::default()).await.unwrap();
    let version = |map: &ConfigMap| map.resource_version().unwrap().parse().unwrap();
    let there: BTreeMap<String, u64> = listed
        .iter()
        .map(|map| (map.name_any(), version(map)))
        .collect();
    let same = async || {
        let held = reader.state();
        let held: BTreeMap<String, u64> = held
            .iter()
            .map(|map| (map.name_any(), version(map)))
            .collect();
        once(held == there && told.lock().unwrap().known == there)
    };
    until("what there is", 2 * GENEROUS, same).await.unwrap();
    drop(tasks);
    let told = std::mem::take(&mut *told.lock().unwrap());
    assert!(told.wrong.is_empty(), "{:?}", told.wrong);
    told
}

fn ways() -> [(&'static str, watcher::Config); 3] {
    let default = watcher::Config::default();
    [
        ("listing", default.clone()),
        ("pages", default.clone().page_size(7)),
        ("streaming", default.streaming_lists()),
    ]
}

#[test]
fn a_reflector_ends_with_what_there_is_after_crashes_and_without_history() {
    PLACE.test(async |place| {
        for (server, (namespace, config)) in [
            Server::start(place).await.unwrap(),
            Server::start(place).await.unwrap(),
            Server::hub(place).await.unwrap(),
        ]
        .into_iter()
        .zip(ways())
        {
            let hit = Hit::Process(server);
            let told = reflect(&hit, namespace, config).await;
            // It had to begin anew when what it had seen last was gone.
            assert!(told.lists >= 2, "{namespace}: {told:?}");
            let (late, gone) = (told.known.get("late"), told.known.get("gone"));
            assert!(late.is_some() && gone.is_none(), "{namespace}: {told:?}");
        }
    });
}

#[test]
fn a_reflector_within_the_process_sees_everything_while_history_goes() {
    PLACE.test(async |_| {
        let hit = Hit::within().await;
        for (namespace, config) in ways() {
            let told = reflect(&hit, namespace, config).await;
            assert_eq!(told.lists, 1, "{namespace}: {told:?}");
        }
    });
}

#[test]
fn a_recorder_makes_a_series_of_what_happens_again() {
    PLACE.test(async |place| {
        for hit in [
            Hit::Process(Server::start(place).await.unwrap()),
            Hit::within().await,
        ] {
            let client = hit.client().await;
            make_namespace(&client, "recorded").await;
            let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "recorded");
            let object: Value = json!({"metadata": {"name": "eventful"}});
            let object = from_value(object).unwrap();
            let object = maps.create(&PostParams::default(), &object).await.unwrap();
            let reporter = Reporter {
                controller: "example.com/tests".to_owned(),
                instance: Some("one".to_owned()),
            };
            let recorder = Recorder::new(client.clone(), reporter);
            let news = News {
                type_: EventType::Normal,
                reason: "Happened".to_owned(),
                note: Some("it happened".to_owned()),
                action: "Try".to_owned(),
                secondary: None,
            };
            for _ in 0..3 {
                let about = object.object_ref(&());
                recorder.publish(&news, &about).await.unwrap();
            }
            let events: Api<Recorded> = Api::namespaced(client, "recorded");
            let of = ListParams::default().fields("regarding.name=eventful");
            let listed = events.list(&of).await.unwrap();
            let counts: Vec<_> = listed
                .iter()
                .map(|event| event.series.as_ref().map(|series| series.count))
                .collect();
            assert_eq!(counts, [Some(3)], "{listed:?}");
        }
    });
}

const SHORT: Duration = Duration::from_millis(50);
