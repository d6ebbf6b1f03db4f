use serde_json::{Value, json};

/// An AppliedManifestWork as the owner of what was applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Owner {
    /// Of the AppliedManifestWork.
    pub(super) name: String,
    pub(super) uid: String,
}

impl Owner {
    /// Adds itself to an object's owners, or takes itself from them.
    pub(super) fn set(&self, object: &mut Value, owned: bool) {
        let mut owners = owners(object).to_vec();
        let at = owners.iter().position(|of| of["uid"] == *self.uid);
        match (at, owned) {
            (None, true) => owners.push(self.reference()),
            (Some(at), false) => {
                owners.remove(at);
            }
            (Some(_), true) | (None, false) => return,
        }
        object["metadata"]["ownerReferences"] = owners.into();
    }

    pub(super) fn owns(&self, object: &Value) -> bool {
        owners(object).iter().any(|of| of["uid"] == *self.uid)
    }

    /// Whether another work has the object as well.
    pub(super) fn shares(&self, object: &Value) -> bool {
        let others = works(object).filter(|of| of["uid"] != *self.uid);
        others.count() > 0
    }

    /// Not the controller of the object, so that there may be several.
    fn reference(&self) -> Value {
        json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": self.name,
            "uid": self.uid,
        })
    }
}

/// The references of an object to the works that have it.
pub(super) fn works(object: &Value) -> impl Iterator<Item = &Value> {
    let owners = owners(object).iter();
    owners.filter(|of| of["apiVersion"] == API_VERSION && of["kind"] == KIND)
}

/// All owners of an object.
pub(super) fn owners(object: &Value) -> &[Value] {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.map_or(&[], Vec::as_slice)
}

pub(super) const API_VERSION: &str = "work.open-cluster-management.io/v1";
pub(super) const KIND: &str = "AppliedManifestWork";

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Owner {
        Owner {
            name: name.to_owned(),
            uid: format!("uid of {name}"),
        }
    }

    /// 2.3: not controller, so several works may co-own.
    #[test]
    fn several_works_own_an_object_and_each_lets_go_of_it_for_itself() {
        let (a, b) = (owner("a"), owner("b"));
        let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "c"});
        let mut object = json!({"metadata": {"ownerReferences": [other]}});
        assert!(!a.owns(&object) && !a.shares(&object));
        a.set(&mut object, true);
        a.set(&mut object, true);
        b.set(&mut object, true);
        assert_eq!(owners(&object).len(), 3);
        assert_eq!(owners(&object)[1].get("controller"), None);
        assert!(a.owns(&object) && a.shares(&object));
        b.set(&mut object, false);
        // The owner that is no work does not count.
        assert!(a.owns(&object) && !a.shares(&object));
        a.set(&mut object, false);
        assert_eq!(owners(&object), [other]);
    }
}
