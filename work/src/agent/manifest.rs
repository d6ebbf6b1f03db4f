use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::discovery::Discovery;
use super::failure::Failure;
use super::place::Place;

/// An object as a work has it.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) api_version: String,
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    /// As it is written there, which for a kind without namespaces says nothing.
    pub(super) namespace: String,
    pub(super) name: String,
    /// The object, without what only the server says of one.
    pub(super) object: Arc<Value>,
}

impl Manifest {
    pub(super) fn parse(raw: &Value) -> Result<Self, Failure> {
        let text = |pointer: &str| {
            let value = raw.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        if api_version.is_empty() || kind.is_empty() {
            return Err(Failure::Manifest(
                "apiVersion and kind must be set in manifest",
            ));
        }
        let name = text("/metadata/name");
        if name.is_empty() {
            return Err(Failure::Manifest("name must be set in manifest"));
        }
        let (group, version) = match api_version.split_once('/') {
            Some((group, version)) => (group.to_owned(), version.to_owned()),
            None => (String::new(), api_version.clone()),
        };
        // By one of these a hub would say what of others' is to be deleted.
        if (&*group, &*kind) == ("work.open-cluster-management.io", "AppliedManifestWork") {
            return Err(Failure::Manifest(
                "AppliedManifestWorks are kept by agents, and no work may have one",
            ));
        }
        let mut object = raw.clone();
        for field in SERVERS {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove(*field);
            }
        }
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        if group.is_empty() && kind == "Secret" {
            encode(&mut object);
        }
        Ok(Self {
            namespace: text("/metadata/namespace"),
            api_version,
            group,
            version,
            kind,
            name,
            object: Arc::new(object),
        })
    }
}

impl Manifest {
    /// Where its object is.
    pub(super) async fn place(&self, discovery: &Discovery) -> Result<Place, Failure> {
        let served = discovery.served(&self.api_version, &self.kind).await?;
        if served.namespaced && self.namespace.is_empty() {
            let why = "namespace must be set in manifest, as objects of its kind have one";
            return Err(Failure::Manifest(why));
        }
        let namespace = if served.namespaced {
            &*self.namespace
        } else {
            ""
        };
        let place = Place {
            group: self.group.clone(),
            version: self.version.clone(),
            resource: served.resource,
            namespace: namespace.to_owned(),
            name: self.name.clone(),
        };
        if place.path().is_none() {
            return Err(Failure::Name(place.to_string()));
        }
        Ok(place)
    }
}

/// What is written of a Secret as text is read of it in base64.
fn encode(secret: &mut Value) {
    let Some(Value::Object(text)) = secret
        .as_object_mut()
        .and_then(|of| of.remove("stringData"))
    else {
        return;
    };
    let data = &mut secret["data"];
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    for (key, value) in text {
        if let Some(value) = value.as_str() {
            data[key] = STANDARD.encode(value).into();
        }
    }
}

/// What of its metadata the server says.
const SERVERS: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_says_of_an_object_is_not_taken_from_a_manifest() {
        let manifest = Manifest::parse(&json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1",
                "creationTimestamp": null, "labels": {"a": "b"}},
            "spec": {"replicas": 1},
            "status": {"replicas": 1},
        }));
        let manifest = manifest.unwrap();
        assert_eq!((&*manifest.group, &*manifest.version), ("apps", "v1"));
        let bare = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "n", "labels": {"a": "b"}},
            "spec": {"replicas": 1},
        });
        assert_eq!(*manifest.object, bare);
    }

    #[test]
    fn what_has_no_kind_or_name_is_no_object() {
        let of = |object| Manifest::parse(&object).unwrap_err().to_string();
        let nameless = json!({"apiVersion": "v1", "kind": "Secret"});
        assert_eq!(of(nameless), "name must be set in manifest");
        assert!(of(json!({"kind": "Secret"})).contains("apiVersion"));
        assert!(of(json!("text")).contains("apiVersion"));
    }

    #[test]
    fn what_agents_keep_for_themselves_is_in_no_work() {
        for version in ["v1", "v1beta1"] {
            let refused = Manifest::parse(&json!({
                "apiVersion": format!("work.open-cluster-management.io/{version}"),
                "kind": "AppliedManifestWork",
                "metadata": {"name": "a"},
            }));
            assert!(refused.unwrap_err().to_string().contains("no work may"));
        }
    }

    #[test]
    fn a_secrets_text_is_compared_as_it_is_read() {
        let manifest = Manifest::parse(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "data": {"b": "Yg=="}, "stringData": {"a": "a"},
        }));
        let object = manifest.unwrap().object;
        assert_eq!(object["data"], json!({"a": "YQ==", "b": "Yg=="}));
        assert_eq!(object.get("stringData"), None);
    }
}
