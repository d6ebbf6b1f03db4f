use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::merge::is_apart;
use super::place::Place;

/// What was applied, and how the API server has kept it: defaults are filled in and
/// quantities written otherwise, which is no reason to write again. It is as large
/// as the works are, and after a restart made anew.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<HashMap<String, HashMap<Place, Applied>>>);

/// What was applied of a work at one place.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) manifest: Arc<Value>,
    /// The object then.
    as_kept: u64,
}

impl Applied {
    /// Whether the object is as it was when this manifest was applied.
    pub(super) fn is(&self, manifest: &Value, live: &Value) -> bool {
        *self.manifest == *manifest && self.as_kept == fingerprint(live)
    }
}

impl Kept {
    pub(super) fn get(&self, work: &str, place: &Place) -> Option<Applied> {
        self.lock().get(work)?.get(place).cloned()
    }

    pub(super) fn put(&self, work: &str, place: &Place, manifest: Arc<Value>, live: &Value) {
        let applied = Applied {
            manifest,
            as_kept: fingerprint(live),
        };
        let mut works = self.lock();
        let places = works.entry(work.to_owned()).or_default();
        places.insert(place.clone(), applied);
    }

    /// Keeps of a work what is at these places.
    pub(super) fn retain(&self, work: &str, is: impl Fn(&Place) -> bool) {
        let mut works = self.lock();
        if let Some(places) = works.get_mut(work) {
            places.retain(|place, _| is(place));
            if places.is_empty() {
                works.remove(work);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<Place, Applied>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells an object from others by what a work may say of it.
fn fingerprint(object: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    let metadata = &object["metadata"];
    for part in ["annotations", "labels", "ownerReferences", "uid"] {
        metadata[part].to_string().hash(&mut hasher);
    }
    let fields = object.as_object().into_iter().flatten();
    for (key, value) in fields.filter(|(key, _)| !is_apart(key)) {
        key.hash(&mut hasher);
        value.to_string().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_as_it_was_applied_until_somebody_changes_more_than_its_status() {
        let place = Place {
            group: String::new(),
            version: "v1".to_owned(),
            resource: "pods".to_owned(),
            namespace: "n".to_owned(),
            name: "a".to_owned(),
        };
        let kept = Kept::default();
        let manifest = Arc::new(json!({"spec": {"a": "1000m"}}));
        let mut live = json!({"metadata": {"resourceVersion": "1"}, "spec": {"a": "1", "b": 2}});
        kept.put("w", &place, manifest.clone(), &live);
        let applied = kept.get("w", &place).unwrap();
        live["metadata"]["resourceVersion"] = "2".into();
        live["status"] = json!({"ready": true});
        assert!(applied.is(&manifest, &live));
        assert!(!applied.is(&json!({}), &live));
        live["metadata"]["labels"] = json!({"a": "b"});
        assert!(!applied.is(&manifest, &live));
        kept.retain("w", |_| false);
        assert!(kept.get("w", &place).is_none());
    }
}
