use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::agent::conditions::COMPLETE;

fn now() -> Time {
    Time(Timestamp::UNIX_EPOCH)
}

fn cel(condition: &str, expressions: &[&str]) -> ConditionRule {
    ConditionRule {
        condition: condition.to_owned(),
        type_: ConditionRuleType::Cel,
        cel_expressions: expressions.iter().map(|one| (*one).to_owned()).collect(),
        ..ConditionRule::default()
    }
}

fn well_known(condition: &str) -> ConditionRule {
    ConditionRule {
        condition: condition.to_owned(),
        ..ConditionRule::default()
    }
}

fn one(object: &Value, rule: &ConditionRule) -> Option<(String, String, String)> {
    let mut made = evaluate(object, std::slice::from_ref(rule), 3, &now());
    assert!(made.len() <= 1);
    let one = made.pop()?;
    assert_eq!(one.observed_generation, Some(3));
    assert_eq!(one.type_, rule.condition);
    Some((one.status, one.reason, one.message))
}

fn of(status: &str, reason: &str, message: &str) -> Option<(String, String, String)> {
    Some((status.to_owned(), reason.to_owned(), message.to_owned()))
}

fn job(conditions: &Value) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": conditions}})
}

#[test]
fn a_job_is_complete_when_it_is_finished() {
    let complete = well_known(COMPLETE);
    for (conditions, expected) in [
        (json!([{"type": "Complete", "status": "True"}]), true),
        (json!([{"type": "Failed", "status": "True"}]), true),
        (json!([{"type": "Failed", "status": "False"}]), false),
        (json!([{"type": "Suspended", "status": "True"}]), false),
        (json!([]), false),
        (json!(null), false),
    ] {
        let (status, message) = if expected {
            ("True", "Job is finished")
        } else {
            ("False", "Job is not finished")
        };
        let expected = of(status, EVALUATED, message);
        assert_eq!(one(&job(&conditions), &complete), expected, "{conditions}");
    }
}

#[test]
fn a_pod_is_complete_when_its_phase_is_a_last_one() {
    let complete = well_known(COMPLETE);
    for (phase, status) in [
        ("Succeeded", "True"),
        ("Failed", "True"),
        ("Running", "False"),
    ] {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": phase}});
        let message = format!("Pod is in phase {phase}");
        assert_eq!(one(&pod, &complete), of(status, EVALUATED, &message));
    }
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "status": {}});
    let expected = of("False", EXPRESSION_ERROR, "no such key: phase");
    assert_eq!(one(&pod, &complete), expected);
}

#[test]
fn of_a_kind_or_condition_that_is_not_well_known_nothing_is_said() {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
    assert_eq!(one(&object, &well_known(COMPLETE)), None);
    let job = job(&json!([]));
    assert_eq!(one(&job, &well_known("Progressing")), None);
}

#[test]
fn a_well_known_rule_may_have_a_message_of_its_own() {
    let job = job(&json!([]));
    let mut rule = well_known(COMPLETE);
    rule.message = "mine".to_owned();
    assert_eq!(one(&job, &rule), of("False", EVALUATED, "mine"));
    rule.message_expression = "string(result) + ' it is'".to_owned();
    assert_eq!(one(&job, &rule), of("False", EVALUATED, "false it is"));
}

#[test]
fn a_condition_is_true_when_all_expressions_are() {
    let object = json!({"spec": {"replicas": 3}, "status": {"readyReplicas": 3}});
    let ready = "object.status.readyReplicas == object.spec.replicas";
    let expected = of("True", EVALUATED, "Manifest is Ready");
    assert_eq!(one(&object, &cel("Ready", &[ready])), expected);
    let expected = of("False", EVALUATED, "Manifest is not Ready");
    assert_eq!(one(&object, &cel("Ready", &[ready, "false"])), expected);
    // What comes behind is not looked at.
    let expressions = ["false", "object.nothing.there"];
    assert_eq!(one(&object, &cel("Ready", &expressions)), expected);
}

#[test]
fn a_rule_without_expressions_is_invalid() {
    let (status, reason, _) = one(&json!({}), &cel("Ready", &[])).unwrap();
    assert_eq!((status.as_str(), reason.as_str()), ("Unknown", INVALID));
}

#[test]
fn an_expression_that_fails_says_why() {
    let object = json!({"status": {}});
    for (expression, message) in [
        ("object.status.x == 1", "no such key: x"),
        ("1", "expected bool result, got int64"),
        ("'a'", "expected bool result, got string"),
        ("1 / 0 == 1", "division by zero"),
        ("x == 1", "undeclared reference to 'x' (in container '')"),
        (
            "result",
            "undeclared reference to 'result' (in container '')",
        ),
        (
            "object.",
            "ERROR: <input>:1:8: Syntax error: mismatched input '<EOF>'",
        ),
    ] {
        let expected = of("False", EXPRESSION_ERROR, message);
        assert_eq!(one(&object, &cel("Ready", &[expression])), expected);
    }
}

#[test]
fn a_message_may_be_an_expression_of_the_object_and_the_result() {
    let object = json!({"metadata": {"name": "web"}});
    let mut rule = cel("Ready", &["true"]);
    rule.message_expression = "object.metadata.name + (result ? ' is' : ' is not')".to_owned();
    assert_eq!(one(&object, &rule), of("True", EVALUATED, "web is"));
    rule.message_expression = "''".to_owned();
    assert_eq!(
        one(&object, &rule),
        of("True", EVALUATED, "Manifest is Ready")
    );
    rule.message_expression = "1".to_owned();
    let message = "expected message expression to have a string result, got int64";
    assert_eq!(one(&object, &rule), of("True", EVALUATED, message));
}

#[test]
fn the_rules_of_an_object_share_a_budget() {
    let object = json!({"list": vec![0; 1000]});
    let costly = "object.list.all(a, object.list.all(b, a == b))";
    let rules: Vec<_> = (0..30).map(|_| cel("Ready", &[costly])).collect();
    let made = evaluate(&object, &rules, 3, &now());
    assert_eq!(made.len(), 30);
    for one in made {
        assert_eq!(one.message, "CEL evaluation budget exceeded");
    }
}
