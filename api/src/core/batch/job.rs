use serde_json::Value;

use super::super::{
    fields::{at, immutable, invalid, not_supported, open, or_set, required, text},
    pod_spec,
    values::{naturals, one_of},
};
use crate::{Change, FieldError, Hooks};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    prepare: Some(prepare),
    rewritten: Some(has_labels_of_pods),
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

/// Whether it is labelled as its pods are, for want of labels of its own.
fn has_labels_of_pods(object: &Value) -> bool {
    let labels = at(object, "/metadata/labels");
    labels.get(CONTROLLER).is_some() && labels == at(object, "/spec/template/metadata/labels")
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
            (CONTROLLER, &uid),
            ("batch.kubernetes.io/job-name", &name),
            ("controller-uid", &uid),
            ("job-name", &name),
        ] {
            or_set(labels, key, value.clone());
        }
    }
    if let Some(labels) = open(spec, "selector").and_then(|of| open(of, "matchLabels")) {
        or_set(labels, CONTROLLER, uid);
    }
    share_labels(object);
}

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    if let Change::Update {
        subresource: Some(_),
        ..
    } = change
    {
        return Vec::new();
    }
    let spec = at(object, "/spec");
    let mut wrong: Vec<_> = naturals("spec", spec, COUNTS).collect();
    wrong.extend(one_of(
        "spec.completionMode".to_owned(),
        &spec["completionMode"],
        &["NonIndexed", "Indexed"],
    ));
    let template = at(spec, "/template");
    wrong.extend(pod_spec::check_template("spec.template", template));
    match text(template, "/spec/restartPolicy") {
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
    if at(spec, "/selector").is_null() {
        wrong.push(required("spec.selector", ""));
    }
    let wanted = at(spec, "/selector/matchLabels").as_object();
    let labels = at(template, "/metadata/labels");
    let mut wanted = wanted.into_iter().flatten();
    if at(spec, "/selector").is_null()
        || wanted.any(|(name, value)| labels.get(name) != Some(value))
    {
        let detail = "`selector` does not match template `labels`";
        let field = "spec.template.metadata.labels";
        wrong.push(invalid(field, labels.clone(), detail));
    }
    if let Change::Update { old, .. } = change {
        let of_count = (spec["completionMode"] != "Indexed")
            .then_some(("spec.completions", "/spec/completions"));
        for (field, pointer) in of_count.into_iter().chain([
            ("spec.selector", "/spec/selector"),
            ("spec.completionMode", "/spec/completionMode"),
        ]) {
            wrong.extend(immutable(field, object, old, pointer));
        }
        let waits = old["spec"]["suspend"] == true && at(old, "/status/startTime").is_null();
        let (field, pointer) = ("spec.template", "/spec/template");
        if !waits || placeless(template) != placeless(at(old, pointer)) {
            wrong.extend(immutable(field, object, old, pointer));
        }
    }
    wrong
}

/// A template without what says where its pods run, which may change until
/// they are made.
fn placeless(template: &Value) -> Value {
    let mut template = template.clone();
    for (of, names) in [
        ("metadata", &["annotations", "labels"][..]),
        ("spec", &["nodeSelector", "schedulingGates", "tolerations"]),
    ] {
        if let Some(Value::Object(fields)) = template.get_mut(of) {
            fields.retain(|name, _| !names.contains(&name.as_str()));
        }
    }
    template
}

const CONTROLLER: &str = "batch.kubernetes.io/controller-uid";

const COUNTS: &[&str] = &[
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
];
