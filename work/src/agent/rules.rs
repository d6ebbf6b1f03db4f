//! Conditions that rules make of objects: by a table of well-known kinds, or by
//! expressions that the work has.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every type but one is an error, or named as it names itself"
)]

use api::types::work::{ConditionRule, ConditionRuleType};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::Value;

use super::conditions;
use crate::cel::{self, Budget, CelError, Program};

mod well_known;

/// The condition that each rule makes of an object. A rule by the table of which
/// the table knows nothing makes none.
///
/// It may take as long as [`Budget::default`] allows, so it is not for a task
/// that others wait for.
#[must_use]
pub fn evaluate(
    object: &Value,
    rules: &[ConditionRule],
    generation: i64,
    now: &Time,
) -> Vec<Condition> {
    let mut budget = Budget::default();
    let mut made = Vec::new();
    for rule in rules {
        let known;
        let rule = match rule.type_ {
            ConditionRuleType::Cel => rule,
            ConditionRuleType::WellKnownConditions => {
                let Some(found) = well_known::rule(object, rule) else {
                    continue;
                };
                known = found;
                &known
            }
        };
        if !rule.condition.is_empty() {
            let (status, reason, message) = verdict(object, rule, &mut budget);
            let of = (rule.condition.as_str(), status, reason);
            made.push(conditions::condition(of, message, generation, now));
        }
    }
    made
}

const EVALUATED: &str = "ConditionRuleEvaluated";
const EXPRESSION_ERROR: &str = "ConditionRuleExpressionError";
const INVALID: &str = "ConditionRuleInvalid";

type Verdict = (&'static str, &'static str, String);

fn verdict(object: &Value, rule: &ConditionRule, budget: &mut Budget) -> Verdict {
    if rule.cel_expressions.is_empty() {
        // The schema asks for one. Without any, all of them would be true.
        let message = "the rule has no expressions".to_owned();
        return ("Unknown", INVALID, message);
    }
    match holds(object, &rule.cel_expressions, budget) {
        Ok(result) => {
            let status = if result { "True" } else { "False" };
            let message = message(object, rule, result, budget);
            (status, EVALUATED, message.unwrap_or_else(|error| error))
        }
        Err(error) => ("False", EXPRESSION_ERROR, error),
    }
}

/// Whether all expressions are true of the object.
fn holds(object: &Value, expressions: &[String], budget: &mut Budget) -> Result<bool, String> {
    let told = |error: CelError| error.to_string();
    for expression in expressions {
        let program = Program::new(expression, &["object"]).map_err(told)?;
        match program.run(&[object], budget).map_err(told)? {
            cel::Value::Bool(true) => {}
            cel::Value::Bool(false) => return Ok(false),
            other => return Err(format!("expected bool result, got {}", go_type(&other))),
        }
    }
    Ok(true)
}

/// What is said of the result, or why nothing can be.
fn message(
    object: &Value,
    rule: &ConditionRule,
    result: bool,
    budget: &mut Budget,
) -> Result<String, String> {
    if !rule.message_expression.is_empty() {
        let told = |error: CelError| error.to_string();
        let program = Program::new(&rule.message_expression, &["object", "result"]);
        let program = program.map_err(told)?;
        let result = Value::Bool(result);
        match program.run(&[object, &result], budget).map_err(told)? {
            cel::Value::Text(text) if text.is_empty() => {}
            cel::Value::Text(text) => return Ok(text.to_string()),
            other => {
                return Err(format!(
                    "expected message expression to have a string result, got {}",
                    go_type(&other)
                ));
            }
        }
    }
    if !rule.message.is_empty() {
        return Ok(rule.message.clone());
    }
    let not = if result { "" } else { "not " };
    Ok(format!("Manifest is {not}{}", rule.condition))
}

/// A value's type as upstream tells it.
fn go_type(value: &cel::Value<'_>) -> &'static str {
    match value {
        cel::Value::Bytes(_) => "[]uint8",
        cel::Value::Double(_) => "float64",
        cel::Value::Int(_) => "int64",
        cel::Value::List(_) => "[]interface {}",
        cel::Value::Map(_) => "map[string]interface {}",
        cel::Value::Null => "structpb.NullValue",
        cel::Value::Uint(_) => "uint64",
        other => other.type_name(),
    }
}

#[cfg(test)]
mod tests;
