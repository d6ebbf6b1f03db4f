//! Of sets of paths, against sets that are nothing but lists of paths.

mod library;
mod owners;
mod values;
mod walks;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fields_v1::{from_json, to_json, to_text};
use super::path::{Path, PathElement};
use super::path_set::PathSet;

fn element() -> impl Strategy<Value = PathElement> {
    prop_oneof![
        4 => "[abc]".prop_map(|name| PathElement::field(&name)),
        1 => (0..3_i64, "[ab]").prop_map(|(port, name)| {
            PathElement::Key([("n".into(), json!(name)), ("p".into(), json!(port))].into())
        }),
        1 => prop_oneof![Just(json!("x")), Just(json!(1)), Just(json!(1.5)), Just(json!(true))]
            .prop_map(PathElement::Value),
        1 => (0..2_i64).prop_map(PathElement::Index),
    ]
}

fn path_set() -> impl Strategy<Value = PathSet> {
    prop::collection::vec(prop::collection::vec(element(), 1..4), 0..12).prop_map(|paths| {
        let mut set = PathSet::new();
        for path in paths {
            set.insert(&path);
        }
        set
    })
}

fn listed(set: &PathSet) -> BTreeSet<Path> {
    set.paths().into_iter().collect()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let name = prop_oneof!["[fkvi]:.{0,8}", Just(".".to_owned()), ".{0,4}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_set_is_read_back_as_it_was_written(set in path_set()) {
        prop_assert_eq!(from_json(&to_json(&set)), Ok(set.clone()));
        let text: Value = serde_json::from_str(&to_text(&set)).unwrap();
        prop_assert_eq!(text, to_json(&set));
    }

    #[test]
    fn whatever_is_read_is_written_the_same_from_then_on(value in any_value()) {
        if let Ok(set) = from_json(&value) {
            prop_assert_eq!(from_json(&to_json(&set)), Ok(set));
        }
    }

    #[test]
    fn sets_are_joined_and_parted_path_by_path(left in path_set(), right in path_set()) {
        let (lefts, rights) = (listed(&left), listed(&right));
        let union: BTreeSet<_> = lefts.union(&rights).cloned().collect();
        prop_assert_eq!(listed(&left.clone().union(&right)), union);
        let both: BTreeSet<_> = lefts.intersection(&rights).cloned().collect();
        prop_assert_eq!(listed(&left.intersection(&right)), both);
        let only: BTreeSet<_> = lefts.difference(&rights).cloned().collect();
        prop_assert_eq!(listed(&left.clone().difference(&right)), only);
        prop_assert!(lefts.iter().all(|path| left.contains(&path.0)));
    }

    #[test]
    fn a_path_takes_those_below_it_along(left in path_set(), right in path_set()) {
        let rights = listed(&right);
        let starts = |path: &Path, with: &Path| path.0.starts_with(&with.0);
        let kept: BTreeSet<_> = listed(&left)
            .into_iter()
            .filter(|path| !rights.iter().any(|right| starts(path, right)))
            .collect();
        prop_assert_eq!(listed(&left.clone().recursive_difference(&right)), kept);
        let along: BTreeSet<_> = listed(&left)
            .into_iter()
            .filter(|path| rights.iter().any(|right| starts(path, right) || starts(right, path)))
            .collect();
        prop_assert_eq!(listed(&left.along(&right)), along);
    }
}

#[test]
fn steps_of_an_unknown_sort_are_passed_over() {
    let set = from_json(&json!({"f:a": {"x:later": {}}, "x:b": {}, "f:c": null})).unwrap();
    assert_eq!(to_text(&set), r#"{"f:a":{},"f:c":{}}"#);
}

#[test]
fn what_is_no_set_is_refused() {
    for (bad, error) in [
        (json!({"f": {}}), "key must be 2 characters long:"),
        (json!({"fa:": {}}), "missing colon: fa:"),
        (json!({"f:a": 1}), "expect { or n"),
        (json!([]), "expect { or n"),
    ] {
        assert_eq!(from_json(&bad), Err(error.to_owned()));
    }
    for bad in ["k:[]", "k:{", "v:", "v:nope", "i:x"] {
        from_json(&json!({bad: {}})).unwrap_err();
    }
}

#[test]
fn numbers_stand_by_what_they_amount_to() {
    let fields = json!({
        "k:{\"port\":8080}": {}, "k:{\"port\":443}": {}, "k:{\"port\":80}": {}, "v:1e3": {}, "v:2.5": {},
    });
    assert_eq!(
        to_text(&from_json(&fields).unwrap()),
        r#"{"k:{\"port\":80}":{},"k:{\"port\":443}":{},"k:{\"port\":8080}":{},"v:2.5":{},"v:1000":{}}"#
    );
}
