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

impl<T: PartialEq> Following<T> {
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

    /// Takes up what comes next; the names of objects of which what matters has
    /// changed. Cancel-safe.
    pub(super) async fn take(&mut self) -> Vec<String> {
        match self.events.next().await {
            Some(Ok(event)) => self.note(event),
            Some(Err(error)) => {
                tracing::warn!(%error, "the hub's API cannot be followed");
                Vec::new()
            }
            // A watcher goes on for ever.
            None => std::future::pending().await,
        }
    }

    fn note(&mut self, event: Event<DynamicObject>) -> Vec<String> {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => {
                self.listed.insert(object.name_any(), (self.of)(&object));
            }
            Event::InitDone => {
                let before = std::mem::replace(&mut self.objects, std::mem::take(&mut self.listed));
                self.read = true;
                return difference(&before, &self.objects);
            }
            Event::Apply(object) => {
                let (name, now) = (object.name_any(), (self.of)(&object));
                if self.objects.get(&name) != Some(&now) {
                    self.objects.insert(name.clone(), now);
                    return vec![name];
                }
            }
            Event::Delete(object) => {
                let name = object.name_any();
                if self.objects.remove(&name).is_some() {
                    return vec![name];
                }
            }
        }
        Vec::new()
    }
}

/// The names under which there is something else now, or nothing any more.
fn difference<T: PartialEq>(
    before: &BTreeMap<String, T>,
    now: &BTreeMap<String, T>,
) -> Vec<String> {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    let other = now
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value));
    gone.chain(other.map(|(name, _)| name)).cloned().collect()
}
