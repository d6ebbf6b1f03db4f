//! A hub that is killed while its API is written to and watched.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, ResourceExt as _};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{from_value, json};
use tests::hub::Hub;
use tests::needs::soak;
use tests::wait::{GENEROUS, once, until};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::with_hub;
use crate::witness::{State, Witness, revision, text, whole};

const WRITERS: usize = 4;
/// Each has so many objects of its own.
const OBJECTS: usize = 3;
const WATCHERS: usize = 3;
const NAMESPACE: &str = "killed";

type Shared<T> = Arc<Mutex<T>>;

/// What one watcher has seen.
#[derive(Debug, Default)]
struct Watched {
    /// The revision of its last list.
    listed: u64,
    known: BTreeMap<String, State>,
    seen: BTreeMap<u64, (String, State)>,
    resumed: usize,
}

#[test]
fn a_hub_that_is_killed_keeps_what_it_has_acknowledged_and_its_watches_go_on() {
    with_hub("killed", async |_, mut hub| {
        let kills: u32 = if soak() { 50 } else { 5 };
        make_namespace(&client(&hub).await).await;
        let mut maps = maps_of(&hub).await;
        let witness = Shared::<Witness>::default();
        let watched: Vec<Shared<Watched>> = (0..WATCHERS).map(|_| Shared::default()).collect();
        let mut watchers = JoinSet::new();
        for of in &watched {
            watchers.spawn(watch(maps.clone(), witness.clone(), of.clone()));
        }
        let mut random = StdRng::seed_from_u64(u64::from(kills));
        for _ in 0..kills {
            let mut writers = JoinSet::new();
            for writer in 0..WRITERS {
                writers.spawn(write(
                    maps.clone(),
                    witness.clone(),
                    writer,
                    random.random(),
                ));
            }
            let enough = witness.lock().unwrap().count + random.random_range(1..150);
            let acknowledged = async || once(witness.lock().unwrap().count >= enough);
            let process = hub.process();
            let waited = process.until("acknowledgements", GENEROUS, acknowledged);
            waited.await.unwrap();
            process.kill();
            while let Some(ended) = writers.join_next().await {
                ended.unwrap();
            }
            hub.restart().await.unwrap();
            // None of the connections that are dead.
            maps = maps_of(&hub).await;
            let (now, objects) = list(&maps).await;
            witness.lock().unwrap().verify(now, &objects);
        }
        let (_, objects) = list(&maps).await;
        let there: BTreeMap<String, State> = objects
            .iter()
            .map(|(name, object)| (name.clone(), whole(object)))
            .collect();
        for of in &watched {
            let caught_up = async || {
                assert!(watchers.try_join_next().is_none(), "a watcher ended");
                let known = of.lock().unwrap().known.clone();
                once(known == there)
            };
            until("the watchers to catch up", GENEROUS, caught_up)
                .await
                .unwrap();
            let of = of.lock().unwrap();
            assert!(of.resumed >= 1, "no watch went on over a crash");
            witness.lock().unwrap().were_seen(of.listed, &of.seen);
        }
        let witness = witness.lock().unwrap();
        eprintln!(
            "killed: {kills} kills, {} changes acknowledged",
            witness.count
        );
    });
}

async fn client(hub: &Hub) -> Client {
    let kubeconfig = Kubeconfig::read_from(hub.data().join("admin.kubeconfig")).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.unwrap()).unwrap()
}

async fn make_namespace(client: &Client) {
    let namespace = from_value(json!({"metadata": {"name": NAMESPACE}})).unwrap();
    let all: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    all.create(&PostParams::default(), &namespace)
        .await
        .unwrap();
}

async fn maps_of(hub: &Hub) -> Api<ConfigMap> {
    Api::namespaced(client(hub).await, NAMESPACE)
}

/// All objects of writers, and the revision that they are of.
async fn list(maps: &Api<ConfigMap>) -> (u64, BTreeMap<String, ConfigMap>) {
    let listed = maps.list(&ListParams::default()).await.unwrap();
    let revision = listed.metadata.resource_version.as_deref();
    let objects = listed
        .items
        .iter()
        .filter(|object| is_written(object))
        .map(|object| (object.name_any(), object.clone()))
        .collect();
    (revision.unwrap().parse().unwrap(), objects)
}

/// In a namespace there is also what controllers write.
fn is_written(object: &ConfigMap) -> bool {
    object.name_any().starts_with("writer-")
}

/// Makes, changes and deletes objects of its own until one of these fails.
async fn write(maps: Api<ConfigMap>, witness: Shared<Witness>, writer: usize, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    loop {
        let name = format!("writer-{writer}-{}", random.random_range(0..OBJECTS));
        let number = random.random();
        let before = witness.lock().unwrap().of(&name);
        let next = (before.is_none() || random.random_bool(0.8)).then_some(number);
        witness.lock().unwrap().asks(&name, next);
        let data = json!({"text": text(&name, number)});
        let done = match (before, next) {
            (None, _) => {
                let object = from_value(json!({"metadata": {"name": name}, "data": data}));
                let made = maps.create(&PostParams::default(), &object.unwrap()).await;
                made.map(Some)
            }
            (Some(_), Some(_)) => {
                let patch = Patch::Merge(json!({"data": data}));
                let patched = maps.patch(&name, &PatchParams::default(), &patch).await;
                patched.map(Some)
            }
            (Some(_), None) => {
                let deleted = maps.delete(&name, &DeleteParams::default()).await;
                deleted.map(|_| None)
            }
        };
        match done {
            Ok(object) => witness.lock().unwrap().answered(&name, object.as_ref()),
            Err(kube::Error::Api(status)) => panic!("{name}: {status:?}"),
            Err(_) => return,
        }
    }
}

/// Lists and watches for ever, and goes on with what it has seen last.
async fn watch(maps: Api<ConfigMap>, witness: Shared<Witness>, watched: Shared<Watched>) {
    loop {
        let Ok(listed) = maps.list(&ListParams::default()).await else {
            sleep(AGAIN).await;
            continue;
        };
        let mut at = listed.metadata.resource_version.unwrap();
        {
            let mut watched = watched.lock().unwrap();
            watched.listed = at.parse().unwrap();
            let there = listed.items.iter().filter(|object| is_written(object));
            watched.known = there.map(|of| (of.name_any(), whole(of))).collect();
        }
        while follow(&maps, &witness, &watched, &mut at).await {
            watched.lock().unwrap().resumed += 1;
            sleep(AGAIN).await;
        }
    }
}

/// Follows one watch to its end; `false` when the past is gone that it is to go
/// on from.
async fn follow(
    maps: &Api<ConfigMap>,
    witness: &Shared<Witness>,
    watched: &Shared<Watched>,
    at: &mut String,
) -> bool {
    let events = match maps.watch(&WatchParams::default(), at).await {
        Ok(events) => events,
        Err(kube::Error::Api(status)) => return status.code != GONE,
        Err(_) => return true,
    };
    let mut events = std::pin::pin!(events);
    while let Some(Ok(event)) = events.next().await {
        let (object, is_there) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
            WatchEvent::Deleted(object) => (object, false),
            WatchEvent::Bookmark(mark) => {
                *at = mark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(status) => return status.code != GONE,
        };
        let (name, now) = (object.name_any(), revision(&object));
        let before: u64 = at.parse().unwrap();
        assert!(now > before, "{name}: {now} came behind {before}");
        *at = now.to_string();
        if !is_written(&object) {
            continue;
        }
        let state = whole(&object).filter(|_| is_there);
        witness.lock().unwrap().sees(now, &name, state);
        let mut watched = watched.lock().unwrap();
        match state {
            Some(_) => watched.known.insert(name.clone(), state),
            None => watched.known.remove(&name),
        };
        watched.seen.insert(now, (name, state));
    }
    true
}

const GONE: u16 = 410;
/// Between two tries to reach a hub that is away.
const AGAIN: Duration = Duration::from_millis(20);
