//! The known differences, each of which `docs/api-differences.md` tells of
//! under the same heading.

use serde_json::Value;

use crate::request::Request;
use crate::told::Told;

/// A difference that there is a reason for.
pub(crate) struct Known {
    /// Its heading in the document.
    pub(crate) heading: &'static str,
    /// Takes it out of two answers, and says whether it was there.
    take_out: fn(&Request, &mut Told, &mut Told) -> bool,
}

impl Known {
    /// Takes all known differences out of two answers, and tells which of
    /// them were there.
    pub(crate) fn reconcile(
        request: &Request,
        ours: &mut Told,
        real: &mut Told,
    ) -> Vec<&'static str> {
        if ours == real {
            return Vec::new();
        }
        let known = KNOWN.iter();
        known
            .filter(|known| (known.take_out)(request, ours, real))
            .map(|known| known.heading)
            .collect()
    }

    /// The headings of all.
    pub(crate) fn headings() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|known| known.heading)
    }
}

const KNOWN: &[Known] = &[
    Known {
        heading: "The columns of a Table have short descriptions",
        take_out: |_, ours, real| {
            let mut take = |value: &mut Value, name: &str| {
                let is = name == "columnDefinitions";
                for column in value.as_array_mut().into_iter().flatten().filter(|_| is) {
                    column["description"] = "".into();
                }
                is
            };
            walk(&mut ours.body, "", &mut take) & walk(&mut real.body, "", &mut take)
        },
    },
    Known {
        heading: "Nothing is answered in protobuf",
        take_out: |_, ours, real| {
            const MEDIA: [&str; 2] = [
                ", application/vnd.kubernetes.protobuf;stream=watch",
                ", application/vnd.kubernetes.protobuf",
            ];
            let same = real.status == ours.status;
            let Some(message) = message(real) else {
                return false;
            };
            let less = MEDIA
                .iter()
                .fold(message.clone(), |message, media| message.replace(media, ""));
            let there = less != *message && same;
            if there {
                *message = less;
            }
            there
        },
    },
    Known {
        heading: "Pods get no token of their service account",
        take_out: |_, _, real| {
            walk(&mut real.body, "", &mut |value, name| {
                let Value::Array(items) = value else {
                    return false;
                };
                let before = items.len();
                let of_account = |item: &Value| {
                    let name = item["name"].as_str().unwrap_or_default();
                    name.starts_with("kube-api-access-")
                };
                if matches!(name, "volumes" | "volumeMounts") {
                    items.retain(|item| !of_account(item));
                }
                before > items.len()
            })
        },
    },
];

fn message(told: &mut Told) -> Option<&mut String> {
    match told.body.get_mut("message") {
        Some(Value::String(message)) => Some(message),
        _ => None,
    }
}

/// Shows a change each value and its name, and tells whether one was made.
/// What is empty then is gone.
fn walk(value: &mut Value, name: &str, change: &mut dyn FnMut(&mut Value, &str) -> bool) -> bool {
    let mut changed = change(value, name);
    match value {
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            for name in names {
                let Some(value) = fields.get_mut(&name) else {
                    continue;
                };
                if walk(value, &name, change) {
                    changed = true;
                    if value.as_array().is_some_and(Vec::is_empty) {
                        fields.remove(&name);
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                changed |= walk(item, "", change);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    changed
}
