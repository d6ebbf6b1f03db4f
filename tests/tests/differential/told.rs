//! What an answer tells, without what is each server's own.

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::{Captures, Regex};
use serde_json::{Value, json};

use crate::request::{Request, cut};
use crate::server::{Answer, Memory};

/// An answer without times, ids and revisions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) status: u16,
    /// Those that matter, sorted by name.
    pub(crate) headers: Vec<(String, String)>,
    /// An object; of a watch the events; a text if it is neither.
    pub(crate) body: Value,
    /// Each `fieldsV1` as it was written.
    pub(crate) owned: Vec<String>,
}

impl Told {
    /// What it says to people.
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// A header's first value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(of, _)| of == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// That there was no answer.
    pub(crate) fn nothing(why: &str) -> Self {
        Self {
            status: 0,
            headers: Vec::new(),
            body: why.into(),
            owned: Vec::new(),
        }
    }

    pub(crate) fn of(request: &Request, answer: &Answer, memory: &mut Memory) -> Self {
        let text = String::from_utf8_lossy(&answer.body);
        let watches = request.path.contains("watch");
        let body = match serde_json::from_slice::<Value>(&answer.body) {
            Ok(body) if !watches || body.get("type").is_none() => body,
            _ => {
                let lines = text.lines().map(serde_json::from_str::<Value>);
                match lines.collect::<Result<Vec<_>, _>>() {
                    Ok(lines) if watches => {
                        let lines = lines.into_iter().filter(counts);
                        lines.take(request.lines.unwrap_or(usize::MAX)).collect()
                    }
                    _ => Value::String(text.trim_end().to_owned()),
                }
            }
        };
        let owned = match &body {
            Value::String(_) => Vec::new(),
            _ if watches => Vec::new(),
            _ => owned(&text),
        };
        // The events of a watch are history.
        let mut past = Memory::default();
        let memory = if watches { &mut past } else { memory };
        let mut body = body;
        if let (Value::String(text), Some(yaml)) = (&body, media(answer, "application/yaml"))
            && let Ok(read) = serde_saphyr::from_str::<Value>(text)
        {
            body = json!({yaml: read});
        }
        if let Some(Value::Array(causes)) = body.pointer_mut("/details/causes") {
            // The real server tells some twice.
            let mut seen = Vec::new();
            causes.retain(|cause| {
                !seen.contains(cause) && {
                    seen.push(cause.clone());
                    true
                }
            });
            // It tells conflicts in no order, nor faults of a map's entries.
            if matches!(body["reason"].as_str(), Some("Conflict" | "Invalid")) {
                let message = body["message"].as_str().unwrap_or_default();
                if let Some(head) = message.strip_suffix(&listed(&seen)) {
                    body["message"] = head.into();
                }
                seen.sort_by_cached_key(Value::to_string);
                body["details"]["causes"] = seen.into();
            }
        }
        let mut owned = owned;
        owned.sort();
        neutral(&mut body, "", memory);
        let mut headers: Vec<(String, String)> = answer
            .headers
            .iter()
            .filter(|(name, _)| HEADERS.contains(&&**name))
            .map(|(name, value)| (name.clone(), texts(value, &Memory::default())))
            .collect();
        headers.sort();
        Self {
            status: answer.status,
            headers,
            body,
            owned,
        }
    }
}

/// In what two answers differ, a line for each place.
pub(crate) fn differences(ours: &Told, real: &Told) -> String {
    let mut text = String::new();
    if ours.status != real.status {
        let _ = writeln!(text, "status: ours {}, real {}", ours.status, real.status);
    }
    for (name, value) in &ours.headers {
        if !real.headers.contains(&(name.clone(), value.clone())) {
            let _ = writeln!(text, "header only ours: {name}: {value}");
        }
    }
    for (name, value) in &real.headers {
        if !ours.headers.contains(&(name.clone(), value.clone())) {
            let _ = writeln!(text, "header only real: {name}: {value}");
        }
    }
    if ours.status == real.status {
        values(&ours.body, &real.body, "", &mut text);
    } else {
        for (whose, told) in [("ours", ours), ("real", real)] {
            let body = match &told.body["message"] {
                Value::String(message) => message.clone(),
                _ => told.body.to_string(),
            };
            let _ = writeln!(text, "  {whose} {}", cut(&body));
        }
    }
    if ours.body == real.body && ours.owned != real.owned {
        let _ = writeln!(
            text,
            "fieldsV1: ours {:?}\n          real {:?}",
            ours.owned, real.owned
        );
    }
    text
}

fn values(ours: &Value, real: &Value, path: &str, text: &mut String) {
    match (ours, real) {
        (Value::Object(ours), Value::Object(real)) => {
            let names: std::collections::BTreeSet<&String> =
                ours.keys().chain(real.keys()).collect();
            for name in names {
                let path = format!("{path}/{name}");
                match (ours.get(name), real.get(name)) {
                    (Some(ours), Some(real)) => values(ours, real, &path, text),
                    (Some(ours), None) => {
                        let _ = writeln!(text, "{path}: only ours {}", cut(&ours.to_string()));
                    }
                    (None, Some(real)) => {
                        let _ = writeln!(text, "{path}: only real {}", cut(&real.to_string()));
                    }
                    (None, None) => {}
                }
            }
        }
        (Value::Array(ours), Value::Array(real)) => {
            if ours.len() != real.len() {
                let _ = writeln!(
                    text,
                    "{path}: ours {} items, real {}",
                    ours.len(),
                    real.len()
                );
            }
            for (at, (ours, real)) in ours.iter().zip(real).enumerate() {
                values(ours, real, &format!("{path}/{at}"), text);
            }
        }
        _ if ours == real => {}
        _ => {
            let (ours, real) = (cut(&ours.to_string()), cut(&real.to_string()));
            let _ = writeln!(text, "{path}:\n  ours {ours}\n  real {real}");
        }
    }
}

/// Faults as a message lists them.
fn listed(causes: &[Value]) -> String {
    let text = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
    let all: Vec<String> = causes
        .iter()
        .map(|of| format!("{}: {}", text(of, "field"), text(of, "message")))
        .collect();
    format!("[{}]", all.join(", "))
}

/// The media type, if it is the answer's.
fn media<'m>(answer: &Answer, media: &'m str) -> Option<&'m str> {
    let headers = &answer.headers;
    let is = headers
        .iter()
        .any(|(name, value)| name == "content-type" && value == media);
    is.then_some(media)
}

/// Bookmarks come when they come, but for the one behind the initial events.
fn counts(event: &Value) -> bool {
    let annotations = &event["object"]["metadata"]["annotations"];
    event["type"] != "BOOKMARK" || !annotations["k8s.io/initial-events-end"].is_null()
}

/// Takes out of a value what is each server's own.
fn neutral(value: &mut Value, name: &str, memory: &mut Memory) {
    match value {
        Value::Object(fields) => {
            revision(fields, memory);
            generated(fields);
            for (name, value) in fields.iter_mut() {
                if name != "fieldsV1" {
                    neutral(value, name, memory);
                }
            }
        }
        Value::Array(items) => {
            items
                .iter_mut()
                .for_each(|item| neutral(item, name, memory));
            if name == "managedFields" {
                // They go by the second of their writing, which may be another.
                items.sort_by_cached_key(|entry| {
                    ["operation", "manager", "subresource", "apiVersion"]
                        .map(|field| entry[field].to_string())
                });
            }
        }
        Value::String(text) if name == "cells" && AGE.is_match(text) => "AGE".clone_into(text),
        Value::String(text) => {
            *text = match name {
                "continue" => token(text).unwrap_or_else(|| text.clone()),
                "message" => texts(text, memory),
                // A number elsewhere is no revision, however it looks.
                _ => texts(text, &Memory::default()),
            };
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Of an object's version it counts only whether it is another than before.
fn revision(fields: &mut serde_json::Map<String, Value>, memory: &mut Memory) {
    let uid = fields
        .get("uid")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned);
    let Some(Value::String(version)) = fields.get_mut("resourceVersion") else {
        return;
    };
    let Some(uid) = uid else {
        *version = if version == "0" { "0" } else { "RV" }.to_owned();
        return;
    };
    let name = format!("<rv of {uid}>");
    let told = match memory.get(&name) {
        Some(before) if before == version => "RV as before",
        _ => "RV",
    };
    memory.set(name, std::mem::replace(version, told.to_owned()));
}

/// The random letters of a name.
fn generated(fields: &mut serde_json::Map<String, Value>) {
    let base = fields.get("generateName").and_then(Value::as_str);
    let Some(base) = base.map(ToOwned::to_owned) else {
        return;
    };
    if let Some(Value::String(name)) = fields.get_mut("name")
        && name.len() == base.len().min(58) + 5
    {
        *name = format!("{base}+5");
    }
}

/// What a token of a list says of where to go on.
fn token(token: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let mut token: Value = serde_json::from_slice(&bytes).ok()?;
    if token["rv"].as_i64()? > 0 {
        token["rv"] = "RV".into();
    }
    Some(token.to_string())
}

fn texts(text: &str, memory: &Memory) -> String {
    let mut text = text.to_owned();
    for (pattern, replacement) in RULES.iter() {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    NUMBERS
        .replace_all(&text, |number: &Captures<'_>| {
            let number = &number[0];
            let known = memory.versions().any(|version| version == number);
            if known {
                "RV".to_owned()
            } else {
                number.to_owned()
            }
        })
        .into_owned()
}

/// Each `fieldsV1` in a body, as it was written.
fn owned(body: &str) -> Vec<String> {
    const NAME: &str = "\"fieldsV1\":";
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find(NAME) {
        rest = &rest[at + NAME.len()..];
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        let mut end = rest.len();
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                b'{' if !quoted => depth += 1,
                b'}' if !quoted => {
                    depth -= 1;
                    if depth == 0 {
                        end = at + 1;
                        break;
                    }
                }
                _ => {}
            }
        }
        found.push(rest[..end].to_owned());
        rest = &rest[end..];
    }
    found
}

static AGE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(\d+[smhd]){1,2}$").expect("a pattern"));

static NUMBERS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b\d{2,}\b").expect("a pattern"));

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "MICROTIME"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "UID",
        ),
        (
            r"Too large resource version: (\d+), current: \d+",
            "Too large resource version: $1, current: RV",
        ),
        (r"\bG-[a-z0-9]{5}\b", "G-+5"),
    ]
    .into_iter()
    .map(|(pattern, replacement)| (Regex::new(pattern).expect("a pattern"), replacement))
    .collect()
});

/// What of a head clients act on.
const HEADERS: [&str; 8] = [
    "allow",
    "cache-control",
    "content-encoding",
    "content-type",
    "location",
    "retry-after",
    "vary",
    "warning",
];
