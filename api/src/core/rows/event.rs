use serde_json::Value;

use super::super::fields::{at, text};
use super::{column, name, number, since, wide};
use crate::{Elapsed, kind::Col};

pub(in crate::core) const COLUMNS: &[Col] = &[
    column("Last Seen"),
    column("Type"),
    column("Reason"),
    column("Object"),
    wide("Subobject"),
    wide("Source"),
    column("Message"),
    wide("First Seen"),
    wide("Count"),
    wide("Name"),
];

/// An event of the core group.
pub(in crate::core) fn row(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let of = |pointer| text(object, pointer);
    let first = since(first_of(of("/firstTimestamp"), of("/eventTime")), elapsed);
    let series = at(object, "/series");
    let last = match (series.is_null(), of("/lastTimestamp")) {
        (false, _) => since(text(series, "/lastObservedTime"), elapsed),
        (true, "") => first.clone(),
        (true, time) => since(time, elapsed),
    };
    let count = match (series.is_null(), number(object, "/count")) {
        (false, _) => number(series, "/count"),
        (true, count) => count.max(1),
    };
    let mut target = of("/involvedObject/kind").to_lowercase();
    if !of("/involvedObject/name").is_empty() {
        target = format!("{target}/{}", of("/involvedObject/name"));
    }
    let mut source = first_of(of("/source/component"), of("/reportingComponent")).to_owned();
    let instance = first_of(of("/source/host"), of("/reportingInstance"));
    if !instance.is_empty() {
        source = format!("{source}, {instance}");
    }
    vec![
        last.into(),
        of("/type").into(),
        of("/reason").into(),
        target.into(),
        of("/involvedObject/fieldPath").into(),
        source.into(),
        of("/message").trim().into(),
        first.into(),
        count.into(),
        name(object),
    ]
}

fn first_of<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.is_empty() { other } else { one }
}
