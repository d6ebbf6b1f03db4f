use serde_json::{Map, Value};

use super::owner::owners;

/// The object that is to be there instead of `live`, for the strategy `Update`.
///
/// What the manifest says is as it says. What it does not say stays as it is, be it
/// a default or another's, but for what was in the manifest that was applied
/// before (`previous`); without one, everything beside the metadata is the
/// manifest's. Finalizers and status stay in any case.
pub(super) fn merged(live: &Value, manifest: &Value, previous: Option<&Value>) -> Value {
    let mut object = live.clone();
    let nothing = Value::Null;
    let metadata = &manifest["metadata"];
    let before = previous.map_or(&nothing, |of| &of["metadata"]);
    for part in ["annotations", "labels"] {
        texts(
            &mut object["metadata"],
            part,
            &metadata[part],
            &before[part],
        );
    }
    for owner in owners(manifest) {
        if !owners(live).iter().any(|of| of["uid"] == owner["uid"]) {
            let owners = &mut object["metadata"]["ownerReferences"];
            if let Some(owners) = owners.as_array_mut() {
                owners.push(owner.clone());
            } else {
                *owners = vec![owner.clone()].into();
            }
        }
    }
    contents(&mut object, manifest, previous);
    object
}

/// Sets labels or annotations. `key-` removes `key`.
fn texts(metadata: &mut Value, part: &str, wanted: &Value, before: &Value) {
    let nothing = Map::new();
    let wanted = wanted.as_object().unwrap_or(&nothing);
    let before = before.as_object().unwrap_or(&nothing);
    let mut texts = match metadata.get(part) {
        Some(Value::Object(texts)) => texts.clone(),
        _ => Map::new(),
    };
    for key in before.keys().filter(|key| !wanted.contains_key(*key)) {
        texts.remove(key);
    }
    for (key, value) in wanted {
        match key.strip_suffix('-') {
            Some(key) => texts.remove(key),
            None => texts.insert(key.clone(), value.clone()),
        };
    }
    if metadata.get(part).is_some() || !texts.is_empty() {
        metadata[part] = texts.into();
    }
}

/// Takes over everything that is neither metadata nor status.
fn contents(object: &mut Value, manifest: &Value, previous: Option<&Value>) {
    let kind = Kind::of(manifest);
    let (Some(fields), Some(wanted)) = (object.as_object_mut(), manifest.as_object()) else {
        return;
    };
    let gone: Vec<String> = fields
        .keys()
        .filter(|key| !is_apart(key) && !wanted.contains_key(*key))
        .filter(|key| {
            kind.is_exact(key)
                || previous.map_or_else(|| !kind.keeps(key), |of| of.get(key).is_some())
        })
        .cloned()
        .collect();
    for key in gone {
        fields.remove(&key);
    }
    for (key, value) in wanted.iter().filter(|(key, _)| !is_apart(key)) {
        let before = previous.and_then(|of| of.get(key));
        let taken = match fields.get(key) {
            Some(live) if !kind.is_exact(key) && (previous.is_some() || kind.is_filled_in()) => {
                overlaid(live, value, before)
            }
            Some(live) => replaced(live, value),
            None if is_empty(value) => continue,
            None => value.clone(),
        };
        fields.insert(key.clone(), taken);
    }
}

/// `wanted` over `live`; what is in `live` alone stays unless it was wanted before.
fn overlaid(live: &Value, wanted: &Value, before: Option<&Value>) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let mut fields = live.clone();
            let before = before.and_then(Value::as_object);
            for key in before.into_iter().flat_map(Map::keys) {
                if !wanted.contains_key(key) {
                    fields.remove(key);
                }
            }
            for (key, value) in wanted {
                let before = before.and_then(|of| of.get(key));
                match live.get(key) {
                    Some(live) => {
                        fields.insert(key.clone(), overlaid(live, value, before));
                    }
                    None if is_empty(value) => {}
                    None => {
                        fields.insert(key.clone(), value.clone());
                    }
                }
            }
            Value::Object(fields)
        }
        (Value::Array(live), Value::Array(wanted)) if live.len() == wanted.len() => {
            // Elements are the same ones as long as their order is.
            let before = before.and_then(Value::as_array);
            let before = before.filter(|of| of.len() == wanted.len());
            let both = live.iter().zip(wanted).enumerate();
            let of = both.map(|(i, (live, wanted))| {
                if is_another(live, wanted) {
                    wanted.clone()
                } else {
                    overlaid(live, wanted, before.map(|of| &of[i]))
                }
            });
            Value::Array(of.collect())
        }
        _ => wanted.clone(),
    }
}

/// `wanted`, or `live` if that is the same.
fn replaced(live: &Value, wanted: &Value) -> Value {
    if overlaid(live, wanted, Some(live)) == *live {
        live.clone()
    } else {
        wanted.clone()
    }
}

/// Whether two elements at one place of a list are about different things.
fn is_another(live: &Value, wanted: &Value) -> bool {
    let differ = |key: &str| {
        let (live, wanted) = (live.get(key), wanted.get(key));
        live.is_some() && wanted.is_some() && live != wanted
    };
    differ("name") || differ("key") || differ("type")
}

/// What no server keeps, and is there as well when it is not.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// What is not among the contents of an object.
pub(super) fn is_apart(key: &str) -> bool {
    matches!(key, "apiVersion" | "kind" | "metadata" | "status")
}

/// What is particular to a kind.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Its fields are data, and those that are not wanted go.
    Data,
    /// The server and others fill in much that nobody may take away again.
    FilledIn,
    ServiceAccount,
    Other,
}

impl Kind {
    fn of(manifest: &Value) -> Self {
        let text = |key: &str| manifest[key].as_str().unwrap_or_default();
        match (text("apiVersion"), text("kind")) {
            ("v1", "Secret") if text("type") == "kubernetes.io/service-account-token" => {
                Self::FilledIn
            }
            ("v1", "ConfigMap" | "Secret") => Self::Data,
            (
                "v1",
                "Namespace" | "PersistentVolumeClaim" | "PersistentVolume" | "Pod" | "Service",
            )
            | ("batch/v1", "Job") => Self::FilledIn,
            ("v1", "ServiceAccount") => Self::ServiceAccount,
            (version, _)
                if version.starts_with("admissionregistration.k8s.io/")
                    || version.starts_with("apiextensions.k8s.io/")
                    || version.starts_with("apiregistration.k8s.io/") =>
            {
                Self::FilledIn
            }
            _ => Self::Other,
        }
    }

    /// Whether the field is as the manifest says, and nothing else.
    fn is_exact(self, key: &str) -> bool {
        matches!(self, Self::Data) && matches!(key, "binaryData" | "data")
    }

    fn is_filled_in(self) -> bool {
        matches!(self, Self::FilledIn)
    }

    /// Whether a field that the manifest has not stays, whatever was before.
    fn keeps(self, key: &str) -> bool {
        match self {
            Self::FilledIn => true,
            Self::ServiceAccount => matches!(key, "imagePullSecrets" | "secrets"),
            // Set once, by default.
            Self::Data => matches!(key, "type"),
            Self::Other => false,
        }
    }
}

#[cfg(test)]
mod tests;
