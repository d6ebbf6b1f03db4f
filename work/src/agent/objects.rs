use http::{Method, Request, header};
use kube::Client;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::failure::Failure;
use super::place::Place;

/// The objects of an API server, of whatever kind, as they are on the wire.
#[derive(Clone)]
pub(super) struct Objects {
    client: Client,
}

/// Who writes objects, where a work does not say otherwise.
pub(super) const MANAGER: &str = "work-agent";

impl Objects {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The object; `None` if it is not there.
    pub(super) async fn get(&self, place: &Place) -> Result<Option<Value>, Failure> {
        found(self.send(Method::GET, &path(place)?, "", Vec::new()).await)
    }

    pub(super) async fn create(&self, place: &Place, object: &Value) -> Result<Value, Failure> {
        let path = place.collection().ok_or_else(|| no_place(place))?;
        let path = format!("{path}?fieldManager={MANAGER}");
        self.send(Method::POST, &path, JSON, bytes(object)).await
    }

    /// Puts an object in the place of the one it was read as.
    pub(super) async fn update(&self, place: &Place, object: &Value) -> Result<Value, Failure> {
        let path = format!("{}?fieldManager={MANAGER}", path(place)?);
        self.send(Method::PUT, &path, JSON, bytes(object)).await
    }

    /// Applies by the server's own algorithm.
    pub(super) async fn apply(
        &self,
        place: &Place,
        object: &Value,
        manager: &str,
        force: bool,
    ) -> Result<Value, Failure> {
        let path = format!("{}?fieldManager={manager}&force={force}", path(place)?);
        self.send(Method::PATCH, &path, APPLY, bytes(object)).await
    }

    /// Patches an object, which is to be of the `resourceVersion` in `patch`.
    /// `None` if it is not there.
    pub(super) async fn merge(
        &self,
        place: &Place,
        patch: &Value,
        part: Part,
    ) -> Result<Option<Value>, Failure> {
        let part = match part {
            Part::Object => "",
            Part::Status => "/status",
        };
        let path = format!("{}{part}?fieldManager={MANAGER}", path(place)?);
        found(self.send(Method::PATCH, &path, MERGE, bytes(patch)).await)
    }

    /// Deletes an object that is still the one of this `uid` and `version`, and
    /// what depends on it in the background. An object that is not there is deleted.
    pub(super) async fn delete(
        &self,
        place: &Place,
        uid: &str,
        version: Option<&str>,
    ) -> Result<(), Failure> {
        let mut preconditions = json!({"uid": uid});
        if let Some(version) = version {
            preconditions["resourceVersion"] = version.into();
        }
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": preconditions,
            "propagationPolicy": "Background",
        });
        let path = path(place)?;
        let sent = self.send::<Value>(Method::DELETE, &path, JSON, bytes(&options));
        found(sent.await).map(drop)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let mut request = Request::builder().method(method).uri(path);
        if !media.is_empty() {
            request = request.header(header::CONTENT_TYPE, media);
        }
        let request = request.body(body).map_err(kube::Error::HttpError)?;
        // It is large, and in every future there is.
        Ok(Box::pin(self.client.request(request)).await?)
    }
}

/// What of an object is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// All but its status.
    Object,
    Status,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

fn found<T>(sent: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match sent {
        Ok(object) => Ok(Some(object)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn path(place: &Place) -> Result<String, Failure> {
    place.path().ok_or_else(|| no_place(place))
}

fn no_place(place: &Place) -> Failure {
    Failure::Name(place.to_string())
}

fn bytes(object: &Value) -> Vec<u8> {
    object.to_string().into_bytes()
}

const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
