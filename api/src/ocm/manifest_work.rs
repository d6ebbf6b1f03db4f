use std::collections::BTreeSet;

use serde_json::Value;

use crate::core::fields::{at, items, text};
use crate::{Admission, Change, FieldError, FieldErrorKind, Grounds, Hooks, Refusal, Right};

/// What Open Cluster Management's webhook does with a ManifestWork.
pub(super) const WORK: Hooks = Hooks {
    admit: Some(admit_work),
    validate: Some(|object, _| rules("spec", at(object, "/spec"))),
    ..Hooks::NONE
};

/// The same, for the works that a ManifestWorkReplicaSet makes.
pub(super) const REPLICA_SET: Hooks = Hooks {
    admit: Some(admit_set),
    validate: Some(|object, _| {
        let template = at(object, "/spec/manifestWorkTemplate");
        rules("spec.manifestWorkTemplate", template)
    }),
    ..Hooks::NONE
};

/// How many bytes all manifests of a work have together at most: two thirds of
/// what one request may have, so that the status has room beside them. Open
/// Cluster Management's webhook takes 500 KiB, as etcd takes 1.5 MiB.
const MOST: usize = 2 << 20;

/// The webhook that looks at works. Sets of them have none of their own.
const WEBHOOK: &str = "manifestworkvalidators.admission.work.open-cluster-management.io";

fn admit_work(object: &Value, change: Change<'_>, ask: &Admission<'_>) -> Result<(), Refusal> {
    check_work(object, change, ask).map_err(|why| Refusal::bad_request(WEBHOOK, why))
}

fn check_work(object: &Value, change: Change<'_>, ask: &Admission<'_>) -> Result<(), String> {
    let old = match change {
        Change::Create => None,
        Change::Update {
            old,
            subresource: None,
        } => Some(old),
        Change::Update { .. } => return Ok(()),
    };
    let manifests = items(object, "/spec/workload/manifests");
    if manifests.is_empty() {
        return Err("manifests should not be empty".to_owned());
    }
    check(manifests)?;
    let executor = at(object, "/spec/executor");
    if executor.is_null() || old.is_some_and(|old| at(old, "/spec/executor") == executor) {
        return Ok(());
    }
    check_executor(object, executor, ask)
}

fn admit_set(object: &Value, change: Change<'_>, _: &Admission<'_>) -> Result<(), Refusal> {
    if let Change::Update {
        subresource: Some(_),
        ..
    } = change
    {
        return Ok(());
    }
    let manifests = items(object, "/spec/manifestWorkTemplate/workload/manifests");
    let checked = if manifests.is_empty() {
        Err("Workload manifests should not be empty".to_owned())
    } else {
        check(manifests)
    };
    checked.map_err(|why| Refusal {
        webhook: None,
        grounds: Grounds::BadRequest(why),
    })
}

fn check(manifests: &[Value]) -> Result<(), String> {
    let size: usize = manifests.iter().map(size).sum();
    if size > MOST {
        return Err(format!(
            "the size of manifests is {size} bytes which exceeds the {MOST} limit"
        ));
    }
    let mut seen = BTreeSet::new();
    for manifest in manifests {
        let kind = text(manifest, "/kind");
        if kind.is_empty() {
            return Err(format!("Object 'Kind' is missing in '{manifest}'"));
        }
        let name = text(manifest, "/metadata/name");
        if name.is_empty() {
            return Err("name must be set in manifest".to_owned());
        }
        if !text(manifest, "/metadata/generateName").is_empty() {
            return Err("generateName must not be set in manifest".to_owned());
        }
        let namespace = text(manifest, "/metadata/namespace");
        let version = text(manifest, "/apiVersion");
        if !seen.insert((version, kind, namespace, name)) {
            return Err(format!(
                "duplicate manifest for resource {namespace}/{name} with resource type {version}.{kind}"
            ));
        }
    }
    Ok(())
}

/// A manifest's size as the webhook counts it: as a field of a protobuf
/// message.
fn size(manifest: &Value) -> usize {
    let length = manifest.to_string().len();
    let prefix = (usize::BITS - length.leading_zeros()).div_ceil(7).max(1);
    1 + prefix as usize + length
}

/// Whoever has a work done as somebody in the cluster has to be allowed that.
fn check_executor(object: &Value, executor: &Value, ask: &Admission<'_>) -> Result<(), String> {
    let account = at(executor, "/subject/serviceAccount");
    if account.is_null() {
        return Err("executor service account can not be nil".to_owned());
    }
    let (there, name) = (text(account, "/namespace"), text(account, "/name"));
    let namespace = text(object, "/metadata/namespace");
    let right = Right {
        verb: "execute-as",
        group: "work.open-cluster-management.io",
        resource: "manifestworks",
        namespace,
        name: &format!("system:serviceaccount:{there}:{name}"),
        ..Right::default()
    };
    if (ask.may)(&right) {
        return Ok(());
    }
    let user = ask.request.user;
    Err(format!(
        "user {user} cannot manipulate the Manifestwork with executor {there}/{name} in namespace {namespace}"
    ))
}

/// The rules in CEL that the kinds' schemas have: a condition that is found
/// out by CEL says how.
fn rules(field: &str, spec: &Value) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    for (i, config) in items(spec, "/manifestConfigs").iter().enumerate() {
        for (j, rule) in items(config, "/conditionRules").iter().enumerate() {
            if FieldError::enough(&wrong) {
                break;
            }
            if text(rule, "/type") == "CEL" && text(rule, "/condition").is_empty() {
                let field = format!("{field}.manifestConfigs[{i}].conditionRules[{j}]");
                // Of an object the real server tells no value.
                let why = "Condition is required for CEL rules".to_owned();
                wrong.push(FieldError::new(field, FieldErrorKind::Invalid(why), ""));
            }
        }
    }
    wrong
}
