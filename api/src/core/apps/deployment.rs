use serde_json::Value;

use super::super::{
    fields::{at, forbidden, immutable, invalid, keep, open, or_set, required, set},
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

/// Labels are not written with the status, annotations are. Those count as
/// something that is asked for: a rollout writes its revision there.
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
    if let Change::Update {
        old,
        subresource: Some("status"),
    } = change
        && let Some(metadata) = object.get_mut("metadata")
    {
        keep(metadata, &old["metadata"], "labels");
    }
}

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut frozen = Vec::new();
    if let Change::Update { old, subresource } = change {
        if subresource.is_some() {
            return wrong;
        }
        frozen.extend(immutable("spec.selector", object, old, "/spec/selector"));
    }
    wrong.extend(natural("spec.replicas", at(object, "/spec/replicas")));
    let selector = at(object, "/spec/selector");
    if selector.is_null() {
        wrong.push(required("spec.selector", ""));
    }
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
    wrong.extend(pod::template(
        "spec.template.spec",
        at(object, "/spec/template/spec"),
    ));
    let rolling = at(object, "/spec/strategy/rollingUpdate");
    if at(object, "/spec/strategy/type") == "Recreate" && !rolling.is_null() {
        let detail = "may not be specified when strategy `type` is 'Recreate'";
        wrong.push(forbidden("spec.strategy.rollingUpdate", detail));
    }
    wrong.extend(frozen);
    wrong
}

/// What is wrong with a number that counts something.
fn natural(field: &str, value: &Value) -> Option<FieldError> {
    let negative = value.as_i64().is_some_and(|value| value < 0);
    negative.then(|| invalid(field, value.clone(), "must be greater than or equal to 0"))
}
