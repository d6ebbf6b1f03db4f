use serde_json::Value;

use super::super::{
    fields::{at, forbidden, immutable, invalid, not_supported, open, or_set, required, set, text},
    pod_spec,
    values::{self, naturals},
};
use crate::{Change, FieldError, FieldErrorKind, Hooks};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    prepare: Some(prepare),
    validate: Some(validate),
    ..Hooks::NONE
};

fn default(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    or_set(spec, "replicas", 1);
    or_set(spec, "revisionHistoryLimit", 10);
    or_set(spec, "progressDeadlineSeconds", 600);
    if let Some(strategy) = open(spec, "strategy") {
        or_set(strategy, "type", "RollingUpdate");
        if strategy["type"] == "RollingUpdate"
            && let Some(rolling) = open(strategy, "rollingUpdate")
        {
            or_set(rolling, "maxUnavailable", "25%");
            or_set(rolling, "maxSurge", "25%");
        }
    }
    if let Some(spec) = spec.pointer_mut("/template/spec") {
        pod_spec::default(spec);
    }
}

/// Annotations count as something that is asked for: a rollout writes its
/// revision there.
fn prepare(object: &mut Value, change: Change<'_>) {
    if let Change::Update {
        old,
        subresource: None,
    } = change
        && at(object, "/metadata/annotations") != at(old, "/metadata/annotations")
        && let Some(generation) = at(old, "/metadata/generation").as_i64()
        && let Some(metadata) = object.get_mut("metadata")
    {
        set(metadata, "generation", generation + 1);
    }
}

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut frozen = Vec::new();
    if let Change::Update { old, subresource } = change {
        if subresource.is_some() {
            return status(at(object, "/status"));
        }
        frozen.extend(immutable("spec.selector", object, old, "/spec/selector"));
    }
    let spec = at(object, "/spec");
    wrong.extend(naturals("spec", spec, &["replicas"]));
    let selector = at(object, "/spec/selector");
    if selector.is_null() {
        wrong.push(required("spec.selector", ""));
    }
    wrong.extend(values::selector("spec.selector", selector));
    if selector.as_object().is_some_and(serde_json::Map::is_empty) {
        let detail = "empty selector is invalid for deployment";
        wrong.push(invalid("spec.selector", selector.clone(), detail));
    } else {
        let labels = at(object, "/spec/template/metadata/labels");
        let mut wanted = at(selector, "/matchLabels")
            .as_object()
            .into_iter()
            .flatten();
        if selector.is_null() || wanted.any(|(name, value)| labels.get(name) != Some(value)) {
            let detail = "`selector` does not match template `labels`";
            wrong.push(invalid(
                "spec.template.metadata.labels",
                labels.clone(),
                detail,
            ));
        }
    }
    let template = at(spec, "/template");
    wrong.extend(pod_spec::check_template("spec.template", template));
    let policy = &template["spec"]["restartPolicy"];
    if policy != "Always" {
        let text = policy.as_str().unwrap_or_default();
        let field = "spec.template.spec.restartPolicy";
        wrong.push(not_supported(field, text, &["Always"]));
    }
    if !template["spec"]["activeDeadlineSeconds"].is_null() {
        let detail = "activeDeadlineSeconds in ReplicaSet is not Supported";
        let field = "spec.template.spec.activeDeadlineSeconds";
        wrong.push(forbidden(field, detail));
    }
    wrong.extend(strategy("spec.strategy", at(spec, "/strategy")));
    let counts = [
        "minReadySeconds",
        "revisionHistoryLimit",
        "progressDeadlineSeconds",
    ];
    wrong.extend(naturals("spec", spec, &counts));
    let seconds = |name: &str| spec[name].as_i64();
    if let Some(deadline) = seconds("progressDeadlineSeconds")
        && deadline <= seconds("minReadySeconds").unwrap_or(0)
    {
        let detail = "must be greater than minReadySeconds";
        wrong.push(invalid("spec.progressDeadlineSeconds", deadline, detail));
    }
    wrong.extend(frozen);
    wrong
}

/// What is wrong with the numbers of pods that there are said to be.
fn status(status: &Value) -> Vec<FieldError> {
    const COUNTS: &[&str] = &[
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "collisionCount",
    ];
    let mut wrong: Vec<_> = naturals("status", status, COUNTS).collect();
    let number = |name: &str| status[name].as_i64().unwrap_or(0);
    for (some, of, told) in [
        ("updatedReplicas", "replicas", "status.replicas"),
        ("readyReplicas", "replicas", "status.replicas"),
        ("availableReplicas", "replicas", "status.replicas"),
        ("availableReplicas", "readyReplicas", "readyReplicas"),
    ] {
        if number(some) > number(of) {
            let detail = format!("cannot be greater than {told}");
            wrong.push(invalid(format!("status.{some}"), number(some), detail));
        }
    }
    wrong
}

/// What is wrong with how pods are replaced.
fn strategy(field: &str, strategy: &Value) -> Vec<FieldError> {
    let rolling = at(strategy, "/rollingUpdate");
    let field_of_rolling = format!("{field}.rollingUpdate");
    match text(strategy, "/type") {
        "Recreate" if rolling.is_null() => Vec::new(),
        "Recreate" => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            vec![forbidden(field_of_rolling, detail)]
        }
        "RollingUpdate" => {
            let (unavailable, surge) = (&rolling["maxUnavailable"], &rolling["maxSurge"]);
            let child = |name: &str| format!("{field_of_rolling}.{name}");
            let mut wrong = share(child("maxUnavailable"), unavailable);
            wrong.extend(share(child("maxSurge"), surge));
            if count(unavailable) == 0 && count(surge) == 0 {
                let detail = "may not be 0 when `maxSurge` is 0";
                let value = unavailable.clone();
                wrong.push(invalid(child("maxUnavailable"), value, detail));
            }
            if unavailable.is_string() && count(unavailable) > 100 {
                let detail = "must not be greater than 100%";
                let value = unavailable.clone();
                wrong.push(invalid(child("maxUnavailable"), value, detail));
            }
            wrong
        }
        _ => {
            let shown = FieldErrorKind::NotSupported(strategy.to_string());
            let detail = "supported values: \"Recreate\", \"RollingUpdate\"";
            vec![FieldError::new(field, shown, detail)]
        }
    }
}

/// What is wrong with a number of pods, or a share of all.
fn share(field: String, value: &Value) -> Vec<FieldError> {
    match value.as_str() {
        Some(text) if !is_percent(text) => {
            let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
            vec![invalid(field, text, detail)]
        }
        None if value.as_i64().is_some_and(|count| count < 0) => {
            let detail = "must be greater than or equal to 0";
            vec![invalid(field, value.clone(), detail)]
        }
        _ => Vec::new(),
    }
}

fn is_percent(text: &str) -> bool {
    let digits = text.strip_suffix('%').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number of pods, or of percents; nothing for what is neither.
fn count(value: &Value) -> i64 {
    let percent = value.as_str().and_then(|text| text.strip_suffix('%'));
    let percent = percent.and_then(|text| text.parse().ok());
    value.as_i64().or(percent).unwrap_or(0)
}
