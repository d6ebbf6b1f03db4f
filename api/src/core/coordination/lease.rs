use serde_json::Value;

use super::super::fields::{at, invalid};
use crate::{Change, FieldError, Hooks};

pub(super) const HOOKS: Hooks = Hooks {
    prepare: Some(prepare),
    validate: Some(validate),
    ..Hooks::NONE
};

/// Coordinated elections are not taken part in, as where they are turned off.
fn prepare(object: &mut Value, _: Change<'_>) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("preferredHolder");
        spec.remove("strategy");
    }
}

fn validate(object: &Value, _: Change<'_>) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    for (name, least, detail) in [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ] {
        let number = at(object, &format!("/spec/{name}"));
        if number.as_i64().is_some_and(|number| number < least) {
            wrong.push(invalid(format!("spec.{name}"), number.clone(), detail));
        }
    }
    wrong
}
