//! Deployments and jobs.

use serde_json::Value;

use super::super::fields::{at, items, text};
use super::{AGE, NAME, age, column, name, number, wide};
use crate::{Elapsed, kind::Col};

pub(in crate::core) const DEPLOYMENT: &[Col] = &[
    NAME,
    column("Ready"),
    column("Up-to-date"),
    column("Available"),
    AGE,
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(in crate::core) fn deployment(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let ready = number(object, "/status/readyReplicas");
    let wanted = number(object, "/spec/replicas");
    vec![
        name(object),
        format!("{ready}/{wanted}").into(),
        number(object, "/status/updatedReplicas").into(),
        number(object, "/status/availableReplicas").into(),
        age(object, elapsed),
        containers(object, "/name").into(),
        containers(object, "/image").into(),
        selector(at(object, "/spec/selector")).into(),
    ]
}

pub(in crate::core) const JOB: &[Col] = &[
    NAME,
    column("Status"),
    column("Completions"),
    column("Duration"),
    AGE,
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(in crate::core) fn job(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let succeeded = number(object, "/status/succeeded");
    let completions = match (
        at(object, "/spec/completions").as_i64(),
        number(object, "/spec/parallelism"),
    ) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{succeeded}/1 of {parallel}"),
        (None, _) => format!("{succeeded}/1"),
    };
    let duration = match text(object, "/status/startTime") {
        "" => String::new(),
        start => (elapsed.between)(start, text(object, "/status/completionTime")),
    };
    vec![
        name(object),
        job_status(object).into(),
        completions.into(),
        duration.into(),
        age(object, elapsed),
        containers(object, "/name").into(),
        containers(object, "/image").into(),
        super::or_none(&selector(at(object, "/spec/selector"))).into(),
    ]
}

fn job_status(object: &Value) -> &'static str {
    let is = |kind: &str| {
        let mut conditions = items(object, "/status/conditions").iter();
        conditions.any(|of| of["type"] == kind && of["status"] == "True")
    };
    let mut of = ["Complete", "Failed"].into_iter().filter(|kind| is(kind));
    if let Some(ended) = of.next() {
        return ended;
    }
    if !at(object, "/metadata/deletionTimestamp").is_null() {
        return "Terminating";
    }
    let of = ["Suspended", "FailureTarget", "SuccessCriteriaMet"].into_iter();
    let mut of = of;
    of.find(|kind| is(kind)).unwrap_or("Running")
}

fn containers(object: &Value, pointer: &str) -> String {
    let containers = items(object, "/spec/template/spec/containers").iter();
    let of: Vec<&str> = containers.map(|of| text(of, pointer)).collect();
    of.join(",")
}

/// A map of labels as one text.
pub(super) fn labels(labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten();
    let of: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    super::or_none(&of.join(",")).to_owned()
}

/// A `LabelSelector` as one text, in the order of its keys.
fn selector(selector: &Value) -> String {
    let equal = at(selector, "/matchLabels")
        .as_object()
        .into_iter()
        .flatten();
    let mut terms: Vec<(String, String)> = equal
        .map(|(key, value)| {
            (
                key.clone(),
                format!("{key}={}", value.as_str().unwrap_or_default()),
            )
        })
        .collect();
    for of in items(selector, "/matchExpressions") {
        let key = text(of, "/key");
        let values = items(of, "/values").iter().filter_map(Value::as_str);
        let mut values: Vec<&str> = values.collect();
        values.sort_unstable();
        let values = values.join(",");
        let term = match text(of, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return "<invalid>".to_owned(),
        };
        terms.push((key.to_owned(), term));
    }
    terms.sort();
    let terms: Vec<String> = terms.into_iter().map(|(_, term)| term).collect();
    terms.join(",")
}
