use api::types::work::{ConditionRule, ConditionRuleType};
use serde_json::Value;

use crate::agent::conditions::COMPLETE;
use crate::agent::feedback::Gvk;

/// An expression, and one for the message.
const JOB: (&str, &str) = (
    "hasConditions(object.status) && object.status.conditions.exists(c, \
     c.type in ['Complete', 'Failed'] && c.status == 'True')",
    "result ? 'Job is finished' : 'Job is not finished'",
);

const POD: (&str, &str) = (
    "object.status.phase in ['Succeeded', 'Failed']",
    "'Pod is in phase ' + object.status.phase",
);

/// The rule that a rule stands for with an object of this kind; its messages come
/// before those of the table.
pub(super) fn rule(object: &Value, asked: &ConditionRule) -> Option<ConditionRule> {
    let Gvk {
        group,
        version,
        kind,
    } = Gvk::of(object);
    let (expression, message) = match (group, version, kind, asked.condition.as_str()) {
        ("batch", "v1", "Job", COMPLETE) => JOB,
        ("", "v1", "Pod", COMPLETE) => POD,
        _ => return None,
    };
    let message_expression = if asked.message_expression.is_empty() && asked.message.is_empty() {
        message.to_owned()
    } else {
        asked.message_expression.clone()
    };
    Some(ConditionRule {
        condition: COMPLETE.to_owned(),
        type_: ConditionRuleType::Cel,
        cel_expressions: vec![expression.to_owned()],
        message: asked.message.clone(),
        message_expression,
    })
}
