//! Kinds that hold little but their own data.

use serde_json::Value;

use super::super::fields::{at, text};
use super::{AGE, NAME, age, column, name, number};
use crate::{Elapsed, kind::Col};

pub(in crate::core) const CONFIG_MAP: &[Col] = &[NAME, column("Data"), AGE];

pub(in crate::core) fn config_map(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let data = entries(object, "/data") + entries(object, "/binaryData");
    vec![name(object), data.into(), age(object, elapsed)]
}

pub(in crate::core) const SECRET: &[Col] = &[NAME, column("Type"), column("Data"), AGE];

pub(in crate::core) fn secret(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    vec![
        name(object),
        text(object, "/type").into(),
        entries(object, "/data").into(),
        age(object, elapsed),
    ]
}

pub(in crate::core) const SERVICE_ACCOUNT: &[Col] = &[NAME, AGE];

pub(in crate::core) fn service_account(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    vec![name(object), age(object, elapsed)]
}

pub(in crate::core) const NAMESPACE: &[Col] = &[NAME, column("Status"), AGE];

pub(in crate::core) fn namespace(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    vec![
        name(object),
        text(object, "/status/phase").into(),
        age(object, elapsed),
    ]
}

pub(in crate::core) const LEASE: &[Col] = &[NAME, column("Holder"), AGE];

pub(in crate::core) fn lease(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    vec![
        name(object),
        text(object, "/spec/holderIdentity").into(),
        age(object, elapsed),
    ]
}

pub(in crate::core) const SIGNING_REQUEST: &[Col] = &[
    NAME,
    AGE,
    column("SignerName"),
    column("Requestor"),
    column("RequestedDuration"),
    column("Condition"),
];

pub(in crate::core) fn signing_request(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let asked = number(object, "/spec/expirationSeconds");
    let asked = if asked == 0 {
        "<none>".to_owned()
    } else {
        (elapsed.seconds)(asked)
    };
    let conditions = at(object, "/status/conditions").as_array();
    let is = |kind| {
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|condition| condition["type"] == kind)
    };
    let mut condition = match (is("Denied"), is("Approved")) {
        (true, _) => "Denied",
        (false, true) => "Approved",
        (false, false) => "Pending",
    }
    .to_owned();
    if is("Failed") {
        condition.push_str(",Failed");
    }
    if !text(object, "/status/certificate").is_empty() {
        condition.push_str(",Issued");
    }
    vec![
        name(object),
        age(object, elapsed),
        super::or_none(text(object, "/spec/signerName")).into(),
        text(object, "/spec/username").into(),
        asked.into(),
        condition.into(),
    ]
}

fn entries(object: &Value, pointer: &str) -> usize {
    at(object, pointer)
        .as_object()
        .map_or(0, serde_json::Map::len)
}
