use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};

/// What matters of each object of a kind, by name, as it is now.
pub(super) struct Following<T> {
    events: BoxStream<'static, watcher::Result<Event<DynamicObject>>>,
    of: fn(&DynamicObject) -> T,
    objects: BTreeMap<String, T>,
    /// Those of a list that is being read anew.
    listed: BTreeMap<String, T>,
    /// Whether a list has been read to its end.
    read: bool,
}

impl<T> Following<T> {
    pub(super) fn new(objects: Api<DynamicObject>, of: fn(&DynamicObject) -> T) -> Self {
        let events = watcher(objects, watcher::Config::default()).default_backoff();
        Self {
            events: events.boxed(),
            of,
            objects: BTreeMap::new(),
            listed: BTreeMap::new(),
            read: false,
        }
    }

    /// The objects; `None` before all have been read once.
    pub(super) fn objects(&self) -> Option<&BTreeMap<String, T>> {
        self.read.then_some(&self.objects)
    }

    /// Takes up what comes next. Cancel-safe.
    pub(super) async fn take(&mut self) {
        match self.events.next().await {
            Some(Ok(event)) => self.note(event),
            Some(Err(error)) => tracing::warn!(%error, "the hub's API cannot be followed"),
            // A watcher goes on for ever.
            None => std::future::pending().await,
        }
    }

    fn note(&mut self, event: Event<DynamicObject>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => {
                self.listed.insert(object.name_any(), (self.of)(&object));
            }
            Event::InitDone => {
                self.objects = std::mem::take(&mut self.listed);
                self.read = true;
            }
            Event::Apply(object) => {
                self.objects.insert(object.name_any(), (self.of)(&object));
            }
            Event::Delete(object) => {
                self.objects.remove(&object.name_any());
            }
        }
    }
}
