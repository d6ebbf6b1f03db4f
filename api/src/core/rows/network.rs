//! Services and what is behind them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::fields::{at, items, text};
use super::workload::labels;
use super::{AGE, NAME, age, column, name, number, or_none, some, wide};
use crate::{Elapsed, kind::Col};

pub(in crate::core) const SERVICE: &[Col] = &[
    NAME,
    column("Type"),
    column("Cluster-IP"),
    column("External-IP"),
    column("Port(s)"),
    AGE,
    wide("Selector"),
];

pub(in crate::core) fn service(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let ports: Vec<String> = items(object, "/spec/ports")
        .iter()
        .map(|port| {
            let (of, protocol) = (number(port, "/port"), text(port, "/protocol"));
            match number(port, "/nodePort") {
                0 => format!("{of}/{protocol}"),
                node => format!("{of}:{node}/{protocol}"),
            }
        })
        .collect();
    let own = match text(object, "/spec/clusterIPs/0") {
        "" => text(object, "/spec/clusterIP"),
        first => first,
    };
    vec![
        name(object),
        text(object, "/spec/type").into(),
        or_none(own).into(),
        external(object).into(),
        or_none(&ports.join(",")).into(),
        age(object, elapsed),
        labels(at(object, "/spec/selector")).into(),
    ]
}

fn external(object: &Value) -> String {
    let given = items(object, "/spec/externalIPs").iter();
    let mut given: Vec<&str> = given.filter_map(Value::as_str).collect();
    match text(object, "/spec/type") {
        "ClusterIP" | "NodePort" => or_none(&given.join(",")).to_owned(),
        "LoadBalancer" => {
            let balanced: BTreeSet<&str> = items(object, "/status/loadBalancer/ingress")
                .iter()
                .map(|of| [text(of, "/ip"), text(of, "/hostname")])
                .filter_map(|of| of.into_iter().find(|name| !name.is_empty()))
                .collect();
            given.splice(0..0, balanced);
            match given.as_slice() {
                [] => "<pending>".to_owned(),
                given => given.join(","),
            }
        }
        "ExternalName" => text(object, "/spec/externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

pub(in crate::core) const ENDPOINTS: &[Col] = &[NAME, column("Endpoints"), AGE];

pub(in crate::core) fn endpoints(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in items(object, "/subsets") {
        let addresses = items(subset, "/addresses").iter();
        let addresses: Vec<&str> = addresses.map(|of| text(of, "/ip")).collect();
        let ports = items(subset, "/ports");
        if ports.is_empty() {
            all.extend(addresses.iter().map(|&of| of.to_owned()));
        }
        for port in ports {
            let port = number(port, "/port");
            all.extend(addresses.iter().map(|of| {
                if of.contains(':') {
                    format!("[{of}]:{port}")
                } else {
                    format!("{of}:{port}")
                }
            }));
        }
    }
    let shown = match (items(object, "/subsets").is_empty(), all.is_empty()) {
        (true, _) => "<none>".to_owned(),
        (false, true) => String::new(),
        (false, false) => some(&all),
    };
    vec![name(object), shown.into(), age(object, elapsed)]
}

pub(in crate::core) const ENDPOINT_SLICE: &[Col] = &[
    NAME,
    column("AddressType"),
    column("Ports"),
    column("Endpoints"),
    AGE,
];

pub(in crate::core) fn endpoint_slice(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let ports: Vec<String> = items(object, "/ports")
        .iter()
        .map(
            |port| match (at(port, "/port").as_i64(), at(port, "/name").as_str()) {
                (Some(number), _) => number.to_string(),
                (None, Some(name)) => name.to_owned(),
                (None, None) => "*".to_owned(),
            },
        )
        .collect();
    let addresses: Vec<String> = items(object, "/endpoints")
        .iter()
        .flat_map(|endpoint| items(endpoint, "/addresses"))
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    vec![
        name(object),
        text(object, "/addressType").into(),
        some(&ports).into(),
        some(&addresses).into(),
        age(object, elapsed),
    ]
}
