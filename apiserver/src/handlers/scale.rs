//! The subresource `scale`: how many of something are wanted and there, of any
//! kind that says where it keeps that.

use api::{FieldError, FieldErrorKind, GroupVersionKind, Scale, Subresource};
use serde_json::{Value, json};

use crate::Status;
use crate::answer::Answer;
use crate::handlers::update::Update;
use crate::negotiation::PatchMedia;
use crate::object::{at, meta_str, metadata_mut, set_at};
use crate::patch::{json as operations, merge};
use crate::scope::Scope;

use super::patch::patch_failed;

/// The paths of the scale, if the request is about one.
pub(crate) fn paths(scope: &Scope) -> Option<&Scale> {
    let subresource = scope.resource.subresource(&scope.subresource);
    subresource.and_then(|of: &Subresource| of.scale.as_ref())
}

/// The answer about an object as one about its scale.
pub(crate) fn shown(scope: &Scope, paths: &Scale, answer: Answer) -> Result<Answer, Status> {
    let Answer::Object(code, object) = answer else {
        return Ok(answer);
    };
    let scale = scale_of(paths, &object.value(&scope.resource)?);
    Ok(Answer::Value(code, scale))
}

/// A change of an object's scale.
pub(crate) struct ScaleChange<'a> {
    pub(crate) paths: &'a Scale,
    pub(crate) change: Scaled,
}

/// How a scale is changed.
pub(crate) enum Scaled {
    /// By a patch of it.
    Patch(PatchMedia, Value),
    /// By another in its place.
    Replacement(Value),
}

impl Update for ScaleChange<'_> {
    fn next(&mut self, old: Option<&Value>) -> Result<Value, Status> {
        let mut object = old.cloned().unwrap_or_default();
        let scale = match &self.change {
            Scaled::Replacement(scale) => scale.clone(),
            Scaled::Patch(media, patch) => {
                let shown = scale_of(self.paths, &object);
                let patched = match media {
                    PatchMedia::Json => operations::apply(shown, patch),
                    // A scale has no lists, in whose merging they differ.
                    PatchMedia::Apply | PatchMedia::Merge | PatchMedia::Strategic => {
                        merge::apply(shown, patch.clone())
                    }
                };
                patched.map_err(patch_failed)?
            }
        };
        let wanted = at(&scale, "spec.replicas")
            .filter(|of| !of.is_null())
            .cloned()
            .unwrap_or_else(|| 0.into());
        if meta_str(&scale, "name").is_empty() {
            return Err(Status::bad_request(format!(
                "the name of the object ({} based on URL) was undeterminable: name must be provided",
                meta_str(&object, "name")
            )));
        }
        if wanted.as_i64().is_some_and(|wanted| wanted < 0) {
            return Err(negative(meta_str(&scale, "name"), &wanted));
        }
        set_at(
            &mut object,
            dotted(&self.paths.spec_replicas_path),
            Some(wanted),
        );
        let metadata = metadata_mut(&mut object)?;
        for field in ["name", "namespace", "resourceVersion", "uid"] {
            let said = meta_str(&scale, field);
            if field == "resourceVersion" || !said.is_empty() {
                metadata.insert(field.to_owned(), said.into());
            }
        }
        Ok(object)
    }

    fn creates(&self) -> bool {
        false
    }

    fn means_uid(&self) -> bool {
        matches!(self.change, Scaled::Replacement(_))
    }
}

/// 422: nobody wants less than none.
fn negative(name: &str, wanted: &Value) -> Status {
    let kind = GroupVersionKind {
        group: "autoscaling".into(),
        version: "v1".into(),
        kind: "Scale".into(),
    };
    let error = FieldError::new(
        "spec.replicas",
        FieldErrorKind::Invalid(wanted.to_string()),
        "must be greater than or equal to 0",
    );
    Status::invalid(&kind, name, &[error])
}

fn scale_of(paths: &Scale, object: &Value) -> Value {
    let number = |path: &str| {
        at(object, dotted(path))
            .cloned()
            .unwrap_or_else(|| 0.into())
    };
    let mut metadata = json!({});
    for field in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        let value = meta_str(object, field);
        if !value.is_empty() {
            metadata[field] = value.into();
        }
    }
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {},
        "status": {"replicas": number(&paths.status_replicas_path)},
    });
    let wanted = number(&paths.spec_replicas_path);
    // The real server leaves out that none is wanted.
    if wanted != 0 {
        scale["spec"]["replicas"] = wanted;
    }
    let selector = paths.label_selector_path.as_ref();
    if let Some(selector) = selector.and_then(|path| at(object, dotted(path))) {
        scale["status"]["selector"] = selector_text(selector).into();
    }
    scale
}

/// A `LabelSelector` as text; text as it is.
fn selector_text(selector: &Value) -> String {
    if let Some(text) = selector.as_str() {
        return text.to_owned();
    }
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let mut terms: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let text = |field: &str| expression[field].as_str().unwrap_or_default().to_owned();
        let values = expression["values"].as_array().into_iter().flatten();
        let mut values: Vec<&str> = values.filter_map(Value::as_str).collect();
        values.sort_unstable();
        let (key, values) = (text("key"), values.join(","));
        terms.push(match &*text("operator") {
            "DoesNotExist" => format!("!{key}"),
            "Exists" => key,
            "In" => format!("{key} in ({values})"),
            _ => format!("{key} notin ({values})"),
        });
    }
    terms.sort();
    terms.join(",")
}

fn dotted(path: &str) -> &str {
    path.strip_prefix('.').unwrap_or(path)
}
