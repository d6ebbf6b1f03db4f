use std::collections::BTreeMap;

use kube::ResourceExt;
use kube::runtime::watcher::Event;

/// The objects that a watch has told of, by name, in a form of one's own.
#[derive(Debug)]
pub(super) struct Objects<V> {
    /// None until the first list is complete.
    known: Option<BTreeMap<String, V>>,
    /// A list on its way.
    listing: BTreeMap<String, V>,
}

impl<V> Default for Objects<V> {
    fn default() -> Self {
        Self {
            known: None,
            listing: BTreeMap::new(),
        }
    }
}

impl<V> Objects<V> {
    /// Takes up what has happened. What was known before a new list stays
    /// until that is complete.
    pub(super) fn take<K: ResourceExt>(&mut self, event: Event<K>, read: impl Fn(&K) -> V) {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => {
                self.listing.insert(object.name_any(), read(&object));
            }
            Event::InitDone => self.known = Some(std::mem::take(&mut self.listing)),
            Event::Apply(object) => {
                if let Some(known) = &mut self.known {
                    known.insert(object.name_any(), read(&object));
                }
            }
            Event::Delete(object) => {
                if let Some(known) = &mut self.known {
                    known.remove(&object.name_any());
                }
            }
        }
    }

    /// The objects, once they are known.
    pub(super) fn known(&self) -> Option<&BTreeMap<String, V>> {
        self.known.as_ref()
    }
}
