//! The older OpenAPI v2 document, one for all versions of all groups.
//!
//! It is made of what the v3 documents are made of, one version of a group
//! after the other, so that only its text is ever in memory as a whole; it is
//! made one at a time and not kept.

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use http::header::{ACCEPT, CONTENT_TYPE, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::components::{PREFIX, published, references};
use super::{paths, quoted, tag};
use crate::discovery::Request;
use crate::etag::etag;
use crate::negotiation::clauses;
use crate::{Body, Registry, Status};

mod gnostic;

/// The document of one registry.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What tells each form from others.
    json: OnceLock<String>,
    protobuf: OnceLock<String>,
    building: Mutex<()>,
}

/// How it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Json,
    Protobuf,
}

impl Document {
    /// The document, as the client knows it already or not.
    ///
    /// # Errors
    /// 406, if the client takes none of its forms.
    pub(super) fn answer(
        &self,
        registry: &Registry,
        request: Request<'_>,
    ) -> Result<Response<Body>, Status> {
        let form = Form::of(request.headers)?;
        let hash = match form {
            Form::Json => &self.json,
            Form::Protobuf => &self.protobuf,
        };
        let known = request.headers.get(IF_NONE_MATCH);
        if let (Some(known), Some(current)) = (known, hash.get())
            && known == quoted(current).as_str()
        {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            tag(response.headers_mut(), current);
            return Ok(response);
        }
        let text = {
            let _one = self.building.lock().unwrap_or_else(PoisonError::into_inner);
            match form {
                Form::Json => json_text(registry).into_bytes(),
                Form::Protobuf => gnostic::encode(registry),
            }
        };
        let current = hash.get_or_init(|| etag(&text));
        let mut response = Response::new(Body::from(text));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        tag(headers, current);
        Ok(response)
    }
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Self, Status> {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        let Some(accept) = accept.filter(|accept| !accept.is_empty()) else {
            return Ok(Self::Json);
        };
        for clause in clauses(accept) {
            if clause.takes("application/json") {
                return Ok(Self::Json);
            }
            if PROTOBUF.iter().any(|media| clause.takes(media)) {
                return Ok(Self::Protobuf);
            }
        }
        Err(Status::not_acceptable(&["application/json", PROTOBUF[0]]))
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => PROTOBUF[1],
        }
    }
}

fn json_text(registry: &Registry) -> String {
    let mut text = format!(
        r#"{{"swagger":"2.0","info":{{"title":"Kubernetes","version":"{}"}},"paths":{{"#,
        super::RELEASE
    );
    let mut separator = "";
    each_path(registry, |path, item| {
        text.push_str(&format!("{separator}{}:{item}", json!(path)));
        separator = ",";
    });
    text.push_str(r#"},"definitions":{"#);
    separator = "";
    each_definition(registry, |name, schema| {
        text.push_str(&format!("{separator}{}:{schema}", json!(name)));
        separator = ",";
    });
    text.push_str(
        r#"},"securityDefinitions":{"BearerToken":{"description":"Bearer Token authentication","in":"header","name":"authorization","type":"apiKey"}},"security":[{"BearerToken":[]}]}"#,
    );
    text
}

/// All paths, with what may be done there.
fn each_path(registry: &Registry, mut with: impl FnMut(&str, Value)) {
    for (group, versions) in registry.groups() {
        for version in versions {
            let paths = paths::paths(registry, group, version);
            for (path, of) in paths.as_object().into_iter().flatten() {
                with(path, item(of));
            }
        }
    }
}

/// All schemas that the paths refer to, and those that they refer to.
fn each_definition(registry: &Registry, mut with: impl FnMut(&str, Value)) {
    let mut wanted = BTreeSet::new();
    for (group, versions) in registry.groups() {
        for version in versions {
            references(&paths::paths(registry, group, version), &mut wanted);
        }
    }
    let mut done = BTreeSet::new();
    while let Some(name) = wanted.pop_first() {
        if let Some(of) = registry.definitions().get(name.as_str()) {
            let of = published(serde_json::to_value(of).unwrap_or_default());
            references(&of, &mut wanted);
            with(&name, schema(of));
        }
        done.insert(name);
        wanted.retain(|name| !done.contains(name));
    }
}

fn item(of: &Value) -> Value {
    let parts = of.as_object().into_iter().flatten();
    let parts = parts.map(|(name, part)| {
        let part = match name.as_str() {
            "parameters" => parameters(part).into(),
            _ => operation(part),
        };
        (name.clone(), part)
    });
    Value::Object(parts.collect())
}

fn operation(of: &Value) -> Value {
    let mut operation = of.as_object().cloned().unwrap_or_default();
    let mut parameters = parameters(&of["parameters"]);
    if let Some(body) = operation.remove("requestBody") {
        let content = body["content"].as_object();
        let media: Vec<&String> = content.into_iter().flat_map(Map::keys).collect();
        let of = content.and_then(|content| content.values().next());
        let mut parameter = json!({
            "in": "body",
            "name": "body",
            "schema": schema(of.map(|of| of["schema"].clone()).unwrap_or_default()),
        });
        if body["required"] == true {
            parameter["required"] = true.into();
        }
        operation.insert("consumes".to_owned(), json!(media));
        parameters.insert(0, parameter);
    }
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), parameters.into());
    }
    let mut responses = Map::new();
    for (code, of) in of["responses"].as_object().into_iter().flatten() {
        let mut response = json!({"description": of["description"]});
        if let Some(content) = of["content"].as_object() {
            let media: Vec<&String> = content.keys().collect();
            operation.insert("produces".to_owned(), json!(media));
            if let Some(of) = content.values().next() {
                response["schema"] = schema(of["schema"].clone());
            }
        }
        responses.insert(code.clone(), response);
    }
    operation.insert("responses".to_owned(), responses.into());
    operation.insert("schemes".to_owned(), json!(["https"]));
    operation.into()
}

/// In v2 a parameter has its type beside its name.
fn parameters(of: &Value) -> Vec<Value> {
    let all = of.as_array().into_iter().flatten();
    let all = all.filter_map(|of| {
        let mut parameter = of.as_object()?.clone();
        if let Some(Value::Object(schema)) = parameter.remove("schema") {
            parameter.extend(schema);
        }
        Some(parameter.into())
    });
    all.collect()
}

/// A schema in the words that v2 has; what it has no words for is left out.
fn schema(of: Value) -> Value {
    let Value::Object(fields) = of else {
        return of;
    };
    let mut all = Map::new();
    for (name, value) in fields {
        let value = match (name.as_str(), value) {
            ("anyOf" | "not" | "nullable" | "oneOf", _) => continue,
            ("$ref", Value::String(target)) => definition(&target).into(),
            ("properties", Value::Object(of)) => {
                let of = of.into_iter().map(|(name, of)| (name, schema(of)));
                Value::Object(of.collect())
            }
            ("additionalProperties" | "items", of) => schema(of),
            ("allOf", Value::Array(of)) => match reference(&of) {
                // What v3 has to wrap stands by itself here.
                Some(target) => {
                    all.insert("$ref".to_owned(), target.into());
                    continue;
                }
                None => of.into_iter().map(schema).collect(),
            },
            (_, value) => value,
        };
        all.insert(name, value);
    }
    Value::Object(all)
}

/// The one reference that a list of schemas is, if it is that.
fn reference(of: &[Value]) -> Option<String> {
    match of {
        [one] => Some(definition(one.get("$ref")?.as_str()?)),
        _ => None,
    }
}

fn definition(target: &str) -> String {
    let name = target.strip_prefix(PREFIX).unwrap_or(target);
    format!("#/definitions/{name}")
}

/// The protobuf form as it is asked for, and as it is called in the answer.
const PROTOBUF: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
];
