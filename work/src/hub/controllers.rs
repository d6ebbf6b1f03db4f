//! Runs the controllers over one watch of each kind.

use std::convert::Infallible;
use std::sync::Arc;

use api::types::work::{ManifestWork, ManifestWorkReplicaSet};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};
use kube::api::DynamicObject;
use kube::runtime::controller::{self, Config, applier};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt as _, reflector as reflect};
use kube::{Api, Client, ResourceExt as _};
use tokio_util::sync::CancellationToken;

use super::children::Children;
use super::decisions::{self, Decisions};
use super::replica_set::ReplicaSets;
use super::ttl::Expirations;

/// The controllers of works on a hub.
#[derive(Clone, Copy, Debug)]
pub struct Controllers;

/// How much the controllers do at once.
#[derive(Clone, Debug)]
pub struct Options {
    /// ManifestWorkReplicaSets that are worked on at once; 5. Each may have
    /// [`Options::writes`] requests under way.
    pub replica_sets: u16,
    /// Works of a set that are written at once; 16. More share the store's
    /// commits better and take more of what others may ask for.
    pub writes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            replica_sets: 5,
            writes: 16,
        }
    }
}

impl Controllers {
    /// Runs them until `shutdown`; whatever is under way then is dropped, and
    /// taken up by whoever runs them next. No task outlives this future.
    ///
    /// One hub runs them at a time. The client has to be allowed to get, list,
    /// watch, create, patch and delete ManifestWorks, to list and watch
    /// PlacementDecisions, and to list, watch and patch ManifestWorkReplicaSets
    /// and their status.
    pub async fn run(client: Client, options: Options, shutdown: CancellationToken) {
        let children = Arc::new(Children::default());
        let decisions = Arc::new(Decisions::default());
        let expirations = Arc::new(Expirations::default());
        let (store, writer) = reflector::store();
        let changes = [
            sets(client.clone(), writer),
            works(client.clone(), &children, &expirations, &store),
            decided(client.clone(), &decisions, &store),
        ];
        let queue = stream::select_all(changes).map(Ok::<_, Infallible>);
        let sets = ReplicaSets::new(client.clone(), children, decisions, options.writes.max(1));
        let worked = applier(
            |set: Arc<ManifestWorkReplicaSet>, sets: Arc<ReplicaSets>| {
                async move { sets.reconcile(&set).await }.boxed()
            },
            |_, error: &Infallible, _| match *error {},
            Arc::new(sets),
            store,
            queue,
            Config::default().concurrency(options.replica_sets.max(1)),
        );
        let worked = worked.for_each(async |worked| match worked {
            // A set that is gone has nothing to be done.
            Ok(_) | Err(controller::Error::ObjectNotFound(_)) => {}
            Err(error) => tracing::warn!(%error, "ManifestWorkReplicaSets"),
        });
        let expired = expirations.run(&client);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = worked => {}
            () = expired => {}
        }
    }
}

/// What brings sets to be looked at.
type Changes = BoxStream<'static, ObjectRef<ManifestWorkReplicaSet>>;

/// Works may have hundreds of KiB each.
const WORKS_A_PAGE: u32 = 50;

fn sets(client: Client, writer: reflector::store::Writer<ManifestWorkReplicaSet>) -> Changes {
    let events = watcher(Api::all(client), watcher::Config::default()).default_backoff();
    let sets = reflect(writer, events).touched_objects();
    let sets = sets.filter_map(async |set| told(set, "ManifestWorkReplicaSets"));
    sets.map(|set| ObjectRef::from_obj(&set)).boxed()
}

fn works(
    client: Client,
    children: &Arc<Children>,
    expirations: &Arc<Expirations>,
    store: &Store<ManifestWorkReplicaSet>,
) -> Changes {
    let config = watcher::Config::default().page_size(WORKS_A_PAGE);
    let events = watcher(Api::<ManifestWork>::all(client), config).default_backoff();
    let (children, expirations) = (Arc::clone(children), Arc::clone(expirations));
    let store = store.clone();
    let about = move |event: Event<ManifestWork>| {
        expirations.note(&event);
        match children.note(&event) {
            None => all(&store),
            Some(owners) => owners.iter().filter_map(|owner| set(owner)).collect(),
        }
    };
    changes(events, "ManifestWorks", about)
}

fn decided(
    client: Client,
    decisions: &Arc<Decisions>,
    store: &Store<ManifestWorkReplicaSet>,
) -> Changes {
    let events = watcher(decisions::api(client), watcher::Config::default()).default_backoff();
    let (known, store) = (Arc::clone(decisions), store.clone());
    let about = move |event: Event<DynamicObject>| {
        let Some(placements) = known.note(event) else {
            return all(&store);
        };
        let sets = store.state();
        let sets = sets.iter().filter(|set| {
            let namespace = set.namespace().unwrap_or_default();
            let mut references = set.spec.placement_refs.iter();
            references.any(|of| placements.contains(&(namespace.clone(), of.name.clone())))
        });
        sets.map(|set| ObjectRef::from_obj(&**set)).collect()
    };
    changes(events, "PlacementDecisions", about)
}

/// The sets that are to be looked at for what happens to objects of a kind.
fn changes<K: Send + 'static>(
    events: impl futures_util::Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
    kind: &'static str,
    mut about: impl FnMut(Event<K>) -> Vec<ObjectRef<ManifestWorkReplicaSet>> + Send + 'static,
) -> Changes {
    let events = events.filter_map(move |event| std::future::ready(told(event, kind)));
    events
        .flat_map(move |event| stream::iter(about(event)))
        .boxed()
}

/// What came by a watch; the watch goes on after an error, and tells it here.
fn told<T>(came: watcher::Result<T>, kind: &'static str) -> Option<T> {
    came.inspect_err(|error| tracing::warn!(kind, %error, "the hub's API cannot be followed"))
        .ok()
}

fn all(store: &Store<ManifestWorkReplicaSet>) -> Vec<ObjectRef<ManifestWorkReplicaSet>> {
    let sets = store.state();
    sets.iter().map(|set| ObjectRef::from_obj(&**set)).collect()
}

/// The set that works name so: a namespace has no dot in its name.
fn set(owner: &str) -> Option<ObjectRef<ManifestWorkReplicaSet>> {
    let (namespace, name) = owner.split_once('.')?;
    Some(ObjectRef::new(name).within(namespace))
}
