//! The columns of Tables and what stands in them, as the real server has them.

use serde_json::Value;

use super::fields::{at, text};
use crate::{Elapsed, kind::Col};

pub(super) mod access;
pub(super) mod config;
pub(super) mod event;
pub(super) mod network;
pub(super) mod node;
pub(super) mod pod;
pub(super) mod workload;

const NAME: Col = column("Name");
const AGE: Col = column("Age");

/// A column that is always shown.
const fn column(name: &'static str) -> Col {
    Col {
        name,
        kind: "string",
        wide: false,
    }
}

/// A column that is shown with `-o wide` only.
const fn wide(name: &'static str) -> Col {
    Col {
        wide: true,
        ..column(name)
    }
}

fn name(object: &Value) -> Value {
    text(object, "/metadata/name").into()
}

fn age(object: &Value, elapsed: Elapsed<'_>) -> Value {
    since(text(object, "/metadata/creationTimestamp"), elapsed).into()
}

/// How long ago that was.
fn since(time: &str, elapsed: Elapsed<'_>) -> String {
    if time.is_empty() {
        "<unknown>".to_owned()
    } else {
        (elapsed.between)(time, "")
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

fn number(object: &Value, pointer: &str) -> i64 {
    at(object, pointer).as_i64().unwrap_or_default()
}

/// The first three, and how many more there are.
fn some(list: &[String]) -> String {
    const SHOWN: usize = 3;
    match list.len() {
        0 => "<unset>".to_owned(),
        of if of > SHOWN => format!("{} + {} more...", list[..SHOWN].join(","), of - SHOWN),
        _ => list.join(","),
    }
}
