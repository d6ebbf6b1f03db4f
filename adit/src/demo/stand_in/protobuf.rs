//! Namespaces in Kubernetes' protobuf form, which `kubectl create namespace` sends.

use prost::{DecodeError, Message};
use serde_json::{Value, json};

/// Stands before every object in this form.
const MAGIC: &[u8] = b"k8s\0";

/// `k8s.io.apimachinery.pkg.runtime.Unknown`, as far as it is needed.
#[derive(Message)]
struct Envelope {
    #[prost(bytes = "vec", tag = "2")]
    object: Vec<u8>,
}

/// `k8s.io.api.core.v1.Namespace`, as far as it is needed.
#[derive(Message)]
struct Namespace {
    #[prost(message, optional, tag = "1")]
    metadata: Option<Metadata>,
}

/// `k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta`, as far as it is needed.
#[derive(Message)]
struct Metadata {
    #[prost(string, tag = "1")]
    name: String,
}

/// Reads a namespace; `None` if the text is in another form.
pub(super) fn namespace(body: &[u8]) -> Option<Result<Value, DecodeError>> {
    let envelope = body.strip_prefix(MAGIC)?;
    let namespace = Envelope::decode(envelope).and_then(|e| Namespace::decode(&e.object[..]));
    Some(namespace.map(|namespace| {
        let name = namespace.metadata.unwrap_or_default().name;
        json!({"metadata": {"name": name}})
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespaces_name_is_read_and_garbage_is_an_error() {
        let metadata = Some(Metadata {
            name: "hello".to_owned(),
        });
        let object = Namespace { metadata }.encode_to_vec();
        let body = [MAGIC, &Envelope { object }.encode_to_vec()].concat();
        let read = namespace(&body).unwrap().unwrap();
        assert_eq!(read["metadata"]["name"], "hello");
        assert!(namespace(&[MAGIC, &[0xff; 20]].concat()).unwrap().is_err());
        assert!(namespace(b"{}").is_none());
    }
}
