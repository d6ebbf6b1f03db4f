//! A controller with a finalizer: for each ConfigMap with the label a Secret.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::finalizer::{self, finalizer};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::watcher;
use kube::{Client, Resource as _, ResourceExt as _};
use serde_json::{from_value, json};
use tests::wait::{GENEROUS, once, until};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Blow, Hit, SHORT, make_namespace, surely};
use crate::PLACE;
use crate::server::Server;

struct Context {
    client: Client,
    /// Whose Secrets were taken away before they went themselves.
    cleaned: Mutex<BTreeMap<String, usize>>,
}

type Failure = finalizer::Error<kube::Error>;

async fn reconcile(map: Arc<ConfigMap>, context: Arc<Context>) -> Result<Action, Failure> {
    let namespace = map.namespace().unwrap_or_default();
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), &namespace);
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let context = &context;
    finalizer(&maps, "example.com/clean", map, |event| async move {
        match event {
            finalizer::Event::Apply(map) => {
                let secret = json!({
                    "apiVersion": "v1", "kind": "Secret",
                    "metadata": {"name": map.name_any(), "ownerReferences": [map.controller_owner_ref(&())]},
                    "stringData": {"of": map.name_any()},
                });
                let apply = PatchParams::apply("controller").force();
                let name = map.name_any();
                secrets.patch(&name, &apply, &Patch::Apply(secret)).await?;
            }
            finalizer::Event::Cleanup(map) => {
                let name = map.name_any();
                let gone = secrets.delete(&name, &DeleteParams::default()).await;
                if let Err(error) = gone
                    && !matches!(&error, kube::Error::Api(status) if status.code == 404)
                {
                    return Err(error);
                }
                *context.cleaned.lock().unwrap().entry(name).or_default() += 1;
            }
        }
        Ok(Action::await_change())
    })
    .await
}

async fn names<K>(api: &Api<K>) -> Vec<String>
where
    K: Clone + std::fmt::Debug + kube::Resource + serde::de::DeserializeOwned,
{
    let listed = api.list(&ListParams::default()).await;
    let listed = listed.map(|list| list.items).unwrap_or_default();
    listed.iter().map(kube::ResourceExt::name_any).collect()
}

async fn control(hit: &Hit) {
    let client = hit.client().await;
    make_namespace(&client, "controlled").await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "controlled");
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "controlled");
    let context = Arc::new(Context {
        client,
        cleaned: Mutex::default(),
    });
    let labelled = watcher::Config::default().labels("of=owner");
    let runs = Controller::new(maps.clone(), labelled)
        .owns(secrets.clone(), watcher::Config::default())
        .run(
            reconcile,
            |_, _: &Failure, _| Action::requeue(SHORT),
            context.clone(),
        );
    let mut tasks = JoinSet::new();
    tasks.spawn(runs.for_each(|_| std::future::ready(())));

    let owners: Vec<String> = (10..22).map(|number| format!("owner-{number}")).collect();
    for (number, name) in owners.iter().enumerate() {
        let owner = json!({"metadata": {"name": name, "labels": {"of": "owner"}}});
        let owner: ConfigMap = from_value(owner).unwrap();
        surely(async || maps.create(&PostParams::default(), &owner).await).await;
        if number == 6 {
            hit.strike(Blow::Crash).await;
        }
    }
    let all = async || once(names(&secrets).await == owners);
    until("a Secret for each", 2 * GENEROUS, all).await.unwrap();

    // What it owns comes back, and is another.
    let before = secrets.get("owner-15").await.unwrap().uid();
    surely(async || secrets.delete("owner-15", &DeleteParams::default()).await).await;
    let other = async || {
        let now = secrets.get("owner-15").await.ok()?.uid();
        once(now != before)
    };
    until("the Secret again", 2 * GENEROUS, other)
        .await
        .unwrap();

    let (leaving, staying) = owners.split_at(6);
    for (number, name) in leaving.iter().enumerate() {
        let id = maps.get(name).await.unwrap().uid().unwrap();
        surely(async || maps.delete(name, &DeleteParams::default()).await).await;
        if number == 3 {
            hit.strike(Blow::Forget).await;
        }
        let gone = async {
            // The wait ends where the server does, and is taken up again.
            while await_condition(maps.clone(), name, conditions::is_deleted(&id))
                .await
                .is_err()
            {
                tokio::time::sleep(SHORT).await;
            }
        };
        timeout(2 * GENEROUS, gone).await.unwrap();
    }
    assert_eq!(names(&maps).await, staying);
    assert_eq!(names(&secrets).await, staying);
    let cleaned = context.cleaned.lock().unwrap().clone();
    assert!(cleaned.keys().eq(leaving), "{cleaned:?}");
}

#[test]
fn a_controller_keeps_up_over_crashes_and_cleans_up_after_each() {
    PLACE.test(async |place| {
        let hit = Hit::Process(Server::start(place).await.unwrap());
        Box::pin(control(&hit)).await;
    });
}

#[test]
fn a_controller_within_the_process_keeps_up_and_cleans_up_after_each() {
    PLACE.test(async |_| Box::pin(control(&Hit::within().await)).await);
}
