use serde_json::Value;

use super::super::{
    fields::{at, immutable, not_supported, open, or_set, required, text},
    pod_spec,
    v1::pod,
};
use crate::{Change, FieldError, Hooks};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    prepare: Some(prepare),
    validate: Some(validate),
    ..Hooks::NONE
};

fn default(object: &mut Value) {
    share_labels(object);
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    if spec["parallelism"].is_null() {
        or_set(spec, "completions", 1);
    }
    or_set(spec, "parallelism", 1);
    let limit = if spec["backoffLimitPerIndex"].is_null() {
        6
    } else {
        i32::MAX
    };
    or_set(spec, "backoffLimit", limit);
    or_set(spec, "completionMode", "NonIndexed");
    or_set(spec, "suspend", false);
    or_set(spec, "manualSelector", false);
    let replacement = if spec["podFailurePolicy"].is_null() {
        "TerminatingOrFailed"
    } else {
        "Failed"
    };
    or_set(spec, "podReplacementPolicy", replacement);
    if let Some(spec) = spec.pointer_mut("/template/spec") {
        pod_spec::default(spec);
    }
}

/// A job without labels has those of its pods.
fn share_labels(object: &mut Value) {
    let labels = at(object, "/spec/template/metadata/labels").clone();
    if labels.is_object()
        && let Some(metadata) = object.get_mut("metadata")
    {
        or_set(metadata, "labels", labels);
    }
}

/// A new job gets a selector of its own, unless it says that it has one.
fn prepare(object: &mut Value, change: Change<'_>) {
    if !matches!(change, Change::Create) || object["spec"]["manualSelector"] == true {
        return;
    }
    let name = at(object, "/metadata/name").clone();
    let uid = at(object, "/metadata/uid").clone();
    let Some(spec) = object.get_mut("spec") else {
        return;
    };
    let metadata = open(spec, "template").and_then(|of| open(of, "metadata"));
    if let Some(labels) = metadata.and_then(|of| open(of, "labels")) {
        for (key, value) in [
            ("batch.kubernetes.io/controller-uid", &uid),
            ("batch.kubernetes.io/job-name", &name),
            ("controller-uid", &uid),
            ("job-name", &name),
        ] {
            or_set(labels, key, value.clone());
        }
    }
    if let Some(labels) = open(spec, "selector").and_then(|of| open(of, "matchLabels")) {
        or_set(labels, "batch.kubernetes.io/controller-uid", uid);
    }
    share_labels(object);
}

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if let Change::Update { old, subresource } = change {
        if subresource.is_none() {
            for (field, pointer) in [
                ("spec.completionMode", "/spec/completionMode"),
                ("spec.selector", "/spec/selector"),
                ("spec.template", "/spec/template"),
            ] {
                wrong.extend(immutable(field, object, old, pointer));
            }
        }
        return wrong;
    }
    let spec = at(object, "/spec/template/spec");
    wrong.extend(pod::template("spec.template.spec", spec));
    match text(spec, "/restartPolicy") {
        "Never" | "OnFailure" => {}
        "" | "Always" => wrong.push(required(
            "spec.template.spec.restartPolicy",
            r#"valid values: "OnFailure", "Never""#,
        )),
        other => wrong.push(not_supported(
            "spec.template.spec.restartPolicy",
            other,
            &["OnFailure", "Never"],
        )),
    }
    wrong
}
