use std::fmt;

use api::canonicalise;
use bytes::Bytes;
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;

use crate::Status;
use crate::negotiation::{BodyMedia, Document, DocumentError, cannot_be_handled, unrecognized};
use crate::options::FieldValidation;
use crate::protobuf::Envelope;
use crate::schema::{check_types, default, prune};
use crate::scope::Scope;

/// A request's body, read whole.
#[derive(Debug)]
pub(crate) struct RequestBody<'a> {
    head: &'a Parts,
    bytes: Bytes,
}

impl<'a> RequestBody<'a> {
    /// Reads a body of 3 MiB at most.
    pub(crate) async fn read<B>(head: &'a Parts, body: B) -> Result<Self, Status>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        let body = body.map_err(|error| BrokenBody(error.to_string()));
        match Limited::new(body, BODY_MAX).collect().await {
            Ok(body) => Ok(Self {
                head,
                bytes: body.to_bytes(),
            }),
            Err(error) if error.is::<LengthLimitError>() => Err(Status::too_large(BODY_MAX)),
            Err(error) => Err(Status::bad_request(format!("the body broke off: {error}"))),
        }
    }

    /// That of a request that has none to be read.
    pub(crate) const fn none(head: &'a Parts) -> Self {
        Self {
            head,
            bytes: Bytes::new(),
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
        if !document.value.is_object() {
            let why = "couldn't get version/kind; json parse error: json: cannot unmarshal into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";
            return Err(unrecognized(&kind, why, &self.bytes));
        }
        let duplicates = document.duplicates.iter();
        let mut faults: Vec<String> = duplicates
            .map(|of| format!("duplicate field {of:?}"))
            .collect();
        faults.extend(fit(scope, schema, &kind, &mut document.value)?);
        tell(scope, validation, warnings, faults)?;
        Ok(document.value)
    }

    /// A patch: YAML for an apply, JSON for the others.
    pub(crate) fn patch(
        &self,
        apply: bool,
        validation: FieldValidation,
        warnings: &mut Vec<String>,
    ) -> Result<Value, Status> {
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
        Ok(document.value)
    }

    /// The options of a delete, whose kind need not be said.
    pub(crate) fn delete_options(&self, scope: &Scope) -> Result<Value, Status> {
        Ok(self.document(scope, DELETE_OPTIONS, "DeleteOptions")?.value)
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
        read.map_err(|error| match error {
            DocumentError::Json(why) | DocumentError::Yaml(why) => {
                unrecognized(kind, &why, &self.bytes)
            }
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

/// Makes an object one of a schema: checks its types, drops what the schema
/// does not know, fills in what is absent. What was dropped, in words.
pub(crate) fn fit(
    scope: &Scope,
    schema: &str,
    kind: &str,
    object: &mut Value,
) -> Result<Vec<String>, Status> {
    let (registry, custom) = (&*scope.registry, scope.resource.custom);
    let Some(schema) = registry.definitions().get(schema) else {
        return Ok(Vec::new());
    };
    if !custom && let Some(why) = check_types(registry, schema, object, kind) {
        let told = scope.resource.group_version_kind();
        return Err(cannot_be_handled(&told, kind, &why));
    }
    let dropped = prune(registry, schema, object, custom);
    default(registry, schema, object, custom);
    if !custom {
        canonicalise(registry.definitions(), schema, object);
    }
    let told = dropped.iter().map(|path| format!("unknown field {path:?}"));
    Ok(told.collect())
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

/// The client went away, or its connection broke.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BrokenBody(String);

const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
const BODY_MAX: usize = 3 * 1024 * 1024;
