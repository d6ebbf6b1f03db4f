//! Patches as the real server's own code applies them: `tests/oracle` writes
//! the cases.

use apiserver::patch::{PatchError, json, merge, strategic};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    definition: String,
    object: Value,
    patch: Value,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: String,
}

#[test]
fn strategic_patches_are_applied_as_by_the_real_server() {
    replay(include_str!("fixtures/strategic.json"), |case| {
        strategic::apply(api::core(), &case.definition, case.object, case.patch)
    });
}

#[test]
fn json_patches_are_applied_as_by_the_real_server() {
    replay(include_str!("fixtures/json.json"), |case| {
        json::apply(case.object, &case.patch)
    });
}

#[test]
fn merge_patches_are_applied_as_by_the_real_server() {
    replay(include_str!("fixtures/merge.json"), |case| {
        merge::apply(case.object, case.patch)
    });
}

fn replay(cases: &str, apply: impl Fn(Case) -> Result<Value, PatchError>) {
    let cases: Vec<Case> = serde_json::from_str(cases).expect("what the oracle wrote");
    let count = cases.len();
    let mut wrong = Vec::new();
    for (number, case) in cases.into_iter().enumerate() {
        let shown = format!("{}\n  with   {}", case.object, case.patch);
        let theirs = if case.error.is_empty() {
            case.result.to_string()
        } else {
            case.error.clone()
        };
        let ours = match apply(case) {
            Ok(object) => object.to_string(),
            Err(error) => error.to_string(),
        };
        if ours != theirs {
            wrong.push(format!(
                "case {number}: {shown}\n  gives  {ours}\n  should {theirs}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} cases differ, the first of them:\n{}",
        wrong.len(),
        wrong
            .iter()
            .take(6)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n\n")
    );
}
