use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::super::fields::{at, immutable, invalid, open, or_set, required, set, text};
use super::config_map::{decoded_length, fixed, key_errors, too_long};
use crate::{Change, FieldError, Hooks};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    validate: Some(validate),
    ..Hooks::NONE
};

/// What was given as text is kept as what is given in base64.
fn default(object: &mut Value) {
    or_set(object, "type", "Opaque");
    let texts = object
        .as_object_mut()
        .and_then(|of| of.remove("stringData"));
    let Some(Value::Object(texts)) = texts else {
        return;
    };
    if texts.is_empty() {
        return;
    }
    if let Some(data) = open(object, "data") {
        for (key, value) in texts {
            let encoded = BASE64_STANDARD.encode(value.as_str().unwrap_or_default());
            set(data, &key, encoded);
        }
    }
}

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if let Change::Update { old, .. } = change {
        wrong.extend(immutable("type", object, old, "/type"));
    }
    wrong.extend(fixed(object, change, &["data"]));
    let mut size = 0;
    for (key, value) in at(object, "/data").as_object().into_iter().flatten() {
        if !FieldError::enough(&wrong) {
            wrong.extend(key_errors("data", key));
        }
        size += decoded_length(value.as_str().unwrap_or_default());
    }
    wrong.extend(too_long("data", size));
    wrong.extend(of_type(object));
    wrong
}

/// What a secret of its type has to have.
fn of_type(object: &Value) -> Vec<FieldError> {
    let lacks = |key: &str| object["data"].get(key).is_none();
    let needs = |key: &str| required(format!("data[{key}]"), "");
    match text(object, "/type") {
        "kubernetes.io/service-account-token" => {
            const NAME: &str = "kubernetes.io/service-account.name";
            let named = at(object, "/metadata/annotations").get(NAME);
            if named.and_then(Value::as_str).is_none_or(str::is_empty) {
                return vec![required(format!("metadata.annotations[{NAME}]"), "")];
            }
        }
        "kubernetes.io/dockercfg" => return docker(object, ".dockercfg"),
        "kubernetes.io/dockerconfigjson" => return docker(object, ".dockerconfigjson"),
        "kubernetes.io/basic-auth" if lacks("username") && lacks("password") => {
            return vec![needs("username"), needs("password")];
        }
        "kubernetes.io/ssh-auth" if text(object, "/data/ssh-privatekey").is_empty() => {
            return vec![needs("ssh-privatekey")];
        }
        "kubernetes.io/tls" => {
            let keys = ["tls.crt", "tls.key"].into_iter();
            return keys.filter(|key| lacks(key)).map(needs).collect();
        }
        _ => {}
    }
    Vec::new()
}

fn docker(object: &Value, key: &str) -> Vec<FieldError> {
    let Some(config) = object["data"].get(key).and_then(Value::as_str) else {
        return vec![required(format!("data[{key}]"), "")];
    };
    let config = BASE64_STANDARD.decode(config).unwrap_or_default();
    match serde_json::from_slice::<serde_json::Map<String, Value>>(&config) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let why = if error.is_eof() {
                "unexpected end of JSON input".to_owned()
            } else {
                error.to_string()
            };
            let field = format!("data[{key}]");
            vec![invalid(field, "<secret contents redacted>", why)]
        }
    }
}
