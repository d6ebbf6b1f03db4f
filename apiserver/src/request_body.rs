use std::fmt;
use std::pin::pin;
use std::time::Duration;

use api::canonicalise;
use bytes::Bytes;
use http::request::Parts;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::Status;
use crate::body_budget::{BodyBudget, Claim};
use crate::in_process::Within;
use crate::negotiation::{BodyMedia, Document, DocumentError, cannot_be_handled, unrecognized};
use crate::options::FieldValidation;
use crate::protobuf::Envelope;
use crate::schema::{check_types, coerce_embedded, default, drop_nulls, go_kind, prune};
use crate::scope::Scope;

/// A request's body, read whole.
#[derive(Debug)]
pub(crate) struct RequestBody<'a> {
    head: &'a Parts,
    bytes: Vec<u8>,
    /// Kept for as long as the body is, and with it what is made of it.
    _room: Claim,
}

impl<'a> RequestBody<'a> {
    /// Reads a body of [`BODY_MAX`] at most, as soon as there is room for it.
    pub(crate) async fn read<B>(
        head: &'a Parts,
        body: B,
        budget: &BodyBudget,
        user: &str,
    ) -> Result<Self, Status>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        let said = body.size_hint();
        let length = said.exact().map(usize::try_from);
        let length = length.map_or(BODY_MAX, |length| length.unwrap_or(usize::MAX));
        let within = head.extensions.get::<Within>().is_some();
        // Of what is too long nothing is kept.
        let mut room = if within || length <= BODY_SMALL || length > BODY_MAX {
            Claim::none()
        } else {
            budget.claim(user, length).await?
        };
        let reading = read_whole(body, said.exact().map(|_| length));
        let bytes = timeout(PATIENCE, reading).await.map_err(|_| {
            Status::timeout("request did not complete within the allotted timeout")
        })??;
        room.has_come(bytes.len()).await?;
        Ok(Self {
            head,
            bytes,
            _room: room,
        })
    }

    /// That of a request that has none to be read.
    pub(crate) const fn none(head: &'a Parts) -> Self {
        Self {
            head,
            bytes: Vec::new(),
            _room: Claim::none(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The object that was sent, in whatever form; what is wrong with it but
    /// no reason to refuse it goes to the warnings.
    pub(crate) fn object(
        &self,
        scope: &Scope,
        validation: FieldValidation,
        warnings: &mut Vec<String>,
    ) -> Result<Value, Status> {
        let (schema, kind) = expected(scope);
        let mut document = self.document(scope, schema, &kind)?;
        if document.value.is_null() && !scope.resource.custom {
            document.value = Value::Object(Map::new());
        }
        if !document.value.is_object() {
            let why = no_kind(&document.value);
            return Err(unrecognized(&kind, &why, &self.bytes));
        }
        let own = &scope.resource.names.kind;
        let said = document.value["kind"].as_str().unwrap_or_default();
        if *kind != **own && !matches!(said, "") && *said != *kind {
            return Err(Status::bad_request(format!(
                "{said} in version {:?} cannot be handled as a {kind}: unknown conversion",
                scope.resource.version
            )));
        }
        if scope.resource.custom && scope.subresource.is_empty() {
            self.check_kind(&document.value, &kind, &scope.resource.api_version())?;
        }
        let duplicates = document.duplicates.iter();
        let mut faults: Vec<String> = duplicates
            .map(|of| format!("duplicate field {of:?}"))
            .collect();
        let fitted = fit(scope, schema, &kind, &mut document.value, false);
        faults.extend(fitted.map_err(|unfit| unfit.status)?);
        // Of an object of another version nothing is known.
        let version = document.value["apiVersion"].as_str().unwrap_or_default();
        if version.is_empty() || *kind != **own || version == scope.resource.api_version() {
            tell(scope, validation, warnings, faults)?;
        }
        Ok(document.value)
    }

    /// Of a custom resource nobody guesses the kind.
    fn check_kind(&self, object: &Value, kind: &str, expected: &str) -> Result<(), Status> {
        if object["kind"].as_str().unwrap_or_default().is_empty() {
            let body = String::from_utf8_lossy(&self.bytes);
            let why = format!("Object 'Kind' is missing in '{body}'");
            return Err(unrecognized(kind, &why, &self.bytes));
        }
        if object["apiVersion"].as_str().unwrap_or_default().is_empty() {
            return Err(Status::bad_request(format!(
                "the API version in the data () does not match the expected API version ({expected})"
            )));
        }
        Ok(())
    }

    /// A patch: YAML for an apply, JSON for the others; and of the latter what
    /// is twice in it, in words.
    pub(crate) fn patch(
        &self,
        apply: bool,
        validation: FieldValidation,
        warnings: &mut Vec<String>,
    ) -> Result<(Value, Vec<String>), Status> {
        let read = if apply {
            Document::from_yaml(&self.bytes)
        } else {
            Document::from_json(&self.bytes)
        };
        let document = read.map_err(|error| {
            let what = if apply { "YAML" } else { "patch" };
            Status::bad_request(format!("error decoding {what}: {error}"))
        })?;
        let faults: Vec<String> = document
            .duplicates
            .iter()
            .map(|of| format!("duplicate field {of:?}"))
            .collect();
        if !apply {
            return Ok((document.value, faults));
        }
        match validation {
            FieldValidation::Ignore => {}
            FieldValidation::Strict if !faults.is_empty() => {
                return Err(Status::bad_request(format!(
                    "error strict decoding YAML: {}",
                    faults.join(", ")
                )));
            }
            FieldValidation::Strict => {}
            FieldValidation::Warn => warnings.extend(faults),
        }
        Ok((document.value, Vec::new()))
    }

    /// The options of a delete, whose kind need not be said.
    pub(crate) fn delete_options(&self, scope: &Scope) -> Result<Value, Status> {
        let options = self.document(scope, DELETE_OPTIONS, "DeleteOptions")?.value;
        if !options.is_object() {
            return Err(Status::bad_request(no_kind(&options)));
        }
        let kind = options["kind"].as_str().unwrap_or_default();
        if !matches!(kind, "" | "DeleteOptions") {
            let version = options["apiVersion"].as_str().unwrap_or_default();
            return Err(Status::bad_request(format!(
                "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\""
            )));
        }
        let definitions = scope.registry.definitions();
        let wrong = definitions
            .get(DELETE_OPTIONS)
            .and_then(|schema| check_types(&scope.registry, schema, &options, "DeleteOptions"));
        wrong.map_or(Ok(options), |why| Err(Status::bad_request(why)))
    }

    /// The body as an object of a schema, whatever form it is in.
    fn document(&self, scope: &Scope, schema: &str, kind: &str) -> Result<Document, Status> {
        let read = match BodyMedia::of(&self.head.headers)? {
            BodyMedia::Json => Document::from_json(&self.bytes),
            BodyMedia::Yaml => Document::from_yaml(&self.bytes),
            BodyMedia::Protobuf if scope.resource.custom && schema != DELETE_OPTIONS => {
                return Err(Status::unsupported_media_type(&[
                    "application/json",
                    "application/yaml",
                ]));
            }
            BodyMedia::Protobuf => return self.protobuf(scope, schema, kind),
        };
        read.map_err(|error| {
            let why = match &error {
                DocumentError::Json(why) => {
                    format!("couldn't get version/kind; json parse error: {why}")
                }
                DocumentError::TooMany | DocumentError::Yaml(_) => error.to_string(),
            };
            unrecognized(kind, &why, &self.bytes)
        })
    }

    fn protobuf(&self, scope: &Scope, schema: &str, kind: &str) -> Result<Document, Status> {
        let definitions = scope.registry.definitions();
        let no_schema = || Status::internal(&format!("{schema} is not defined"));
        let schema = definitions.get(schema).ok_or_else(no_schema)?;
        let decoded =
            Envelope::parse(&self.bytes).and_then(|envelope| envelope.decode(definitions, schema));
        let value = decoded.map_err(|error| {
            Status::bad_request(format!(
                "the object provided is unrecognized (must be of type {kind}): {error}"
            ))
        })?;
        Ok(Document {
            value,
            duplicates: Vec::new(),
        })
    }
}

/// The bytes of a body, whose length is known if it was said.
async fn read_whole<B>(body: B, length: Option<usize>) -> Result<Vec<u8>, Status>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: fmt::Display,
{
    let mut body = pin!(body);
    let kept = length.is_none_or(|length| length <= BODY_MAX);
    let mut bytes = Vec::with_capacity(length.filter(|_| kept).unwrap_or_default());
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let broken = |error| Status::bad_request(format!("the body broke off: {error}"));
        let Ok(data) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        read += data.len();
        // It is read so far so that its client comes to reading the answer.
        if read > BODY_MAX {
            return Err(Status::too_large(BODY_MAX));
        }
        if kept {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// That a value is no object, in the words of Go's decoder.
fn no_kind(value: &Value) -> String {
    let told = go_kind(value);
    format!(
        "couldn't get version/kind; json parse error: json: cannot unmarshal {told} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
    )
}

/// Makes an object one of a schema: checks its types, drops what the schema
/// does not know, fills in what is absent. What was dropped, in words.
pub(crate) fn fit(
    scope: &Scope,
    schema: &str,
    kind: &str,
    object: &mut Value,
    applied: bool,
) -> Result<Vec<String>, Unfit> {
    let (registry, custom) = (&*scope.registry, scope.resource.custom);
    let Some(schema) = registry.definitions().get(schema) else {
        return Ok(Vec::new());
    };
    if !custom && let Some(why) = check_types(registry, schema, object, kind) {
        return Err(Unfit::new(scope, kind, why));
    }
    if custom
        && let Some(metadata) = object.get("metadata")
        && let Some(schema) = registry.definitions().get(OBJECT_META)
        && let Some(why) = check_types(registry, schema, metadata, "ObjectMeta")
    {
        return Err(Unfit::new(scope, kind, why));
    }
    if custom && of_another_kind(scope, object) {
        return Ok(Vec::new());
    }
    let mut dropped = prune(registry, schema, object, custom);
    if custom && !applied {
        coerce_metadata(scope, object);
        drop_nulls(registry, schema, object);
        let within = coerce_embedded(registry, schema, object);
        dropped.extend(within.map_err(|why| Unfit::new(scope, kind, why))?);
    }
    default(registry, schema, object, custom);
    if !custom {
        // An empty list of owners asks to forget them all, none asks nothing.
        let owners = object.pointer("/metadata/managedFields");
        let forgets = owners.is_some_and(|of| of.as_array().is_some_and(Vec::is_empty));
        canonicalise(registry.definitions(), schema, object);
        if let (true, Some(Value::Object(metadata))) = (forgets, object.get_mut("metadata")) {
            let none = Value::Array(vec![Value::Object(Map::new())]);
            metadata.insert("managedFields".into(), none);
        }
    }
    let told = dropped.iter().map(|path| format!("unknown field {path:?}"));
    Ok(told.collect())
}

/// Whether a custom resource says that it is of another kind than the one that
/// is asked for, of which nothing is known.
fn of_another_kind(scope: &Scope, object: &Value) -> bool {
    let said = object["kind"].as_str().unwrap_or_default();
    !said.is_empty() && said != &*scope.resource.names.kind
}

/// A custom resource's metadata has the form of everybody's.
fn coerce_metadata(scope: &Scope, object: &mut Value) {
    let definitions = scope.registry.definitions();
    if let (Some(schema), Some(metadata)) =
        (definitions.get(OBJECT_META), object.get_mut("metadata"))
    {
        canonicalise(definitions, schema, metadata);
    }
}

/// The schema and the kind of what is sent to a resource or its subresource.
fn expected(scope: &Scope) -> (&str, Box<str>) {
    let subresource = scope.resource.subresource(&scope.subresource);
    let own = subresource.and_then(|of| of.kind.as_ref());
    let Some(kind) = own else {
        return (&scope.resource.schema, scope.resource.names.kind.clone());
    };
    let definitions = scope.registry.definitions().iter();
    let schema = definitions
        .filter(|(_, schema)| schema.kinds.contains(kind))
        .map(|(name, _)| name);
    let schema = schema.map(AsRef::as_ref).next().unwrap_or_default();
    (schema, kind.kind.clone())
}

/// What becomes of fields that should not be there.
pub(crate) fn tell(
    scope: &Scope,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
    faults: Vec<String>,
) -> Result<(), Status> {
    match validation {
        FieldValidation::Ignore => {}
        FieldValidation::Strict if !faults.is_empty() => {
            let kind = &scope.resource.names.kind;
            return Err(Status::bad_request(format!(
                "{kind} in version {:?} cannot be handled as a {kind}: strict decoding error: {}",
                scope.resource.version,
                faults.join(", ")
            )));
        }
        FieldValidation::Strict => {}
        FieldValidation::Warn => warnings.extend(faults),
    }
    Ok(())
}

/// What is no object of its schema.
#[derive(Debug)]
pub(crate) struct Unfit {
    /// Why, in the words of Go's decoder.
    pub(crate) why: String,
    /// What is answered if it was sent so.
    pub(crate) status: Status,
}

impl Unfit {
    fn new(scope: &Scope, kind: &str, why: String) -> Self {
        let told = scope.resource.group_version_kind();
        let status = cannot_be_handled(&told, kind, &why);
        Self { why, status }
    }
}

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
/// Bytes of the longest body that is read.
pub(crate) const BODY_MAX: usize = 3 * 1024 * 1024;
/// Bodies up to this length are bounded by the number of requests that run.
const BODY_SMALL: usize = 32 * 1024;
/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(60);
