//! Of the text in which values stand in messages and in the names of fields.

use serde_json::json;

use crate::apply::value::{Encoder, compare, equal, go_syntax, go_value, write_json, write_plain};

#[test]
fn values_of_all_types_are_in_one_order() {
    let sorted = [
        json!(-1.5),
        json!(1),
        json!(1.5),
        json!("a"),
        json!("b"),
        json!(false),
        json!(true),
        json!([]),
        json!([1]),
        json!([1, "a"]),
        json!({"a": 1}),
        json!({"a": 2}),
        json!(null),
    ];
    for (at, left) in sorted.iter().enumerate() {
        for (other, right) in sorted.iter().enumerate() {
            assert_eq!(compare(left, right), at.cmp(&other), "{left} {right}");
        }
    }
}

#[test]
fn a_whole_float_is_the_integer() {
    assert!(equal(
        &json!({"a": [1.0, {"b": 2}]}),
        &json!({"a": [1, {"b": 2.0}]})
    ));
    assert!(!equal(&json!({"a": 1}), &json!({"a": 1, "b": null})));
    assert!(!equal(&json!("1"), &json!(1)));
}

#[test]
fn json_is_written_as_each_encoder_does() {
    let value = json!({"<a>": ["&\u{2028}\u{8}\"\\", 1e-7, 1e21, 80.0, 0.5, -3, null, true]});
    let written = |encoder| {
        let mut out = String::new();
        write_json(&mut out, &value, encoder);
        out
    };
    assert_eq!(
        written(Encoder::Paths),
        r#"{"\u003ca\u003e":["\u0026\u2028\u0008\"\\",1e-07,1e+21,80,0.5,-3,null,true]}"#
    );
    assert_eq!(
        written(Encoder::Standard),
        r#"{"\u003ca\u003e":["\u0026\u2028\b\"\\",1e-7,1e+21,80,0.5,-3,null,true]}"#
    );
}

#[test]
fn values_stand_in_messages_as_go_prints_them() {
    let value = json!({"a": [1, "x\n", null], "b": {"c": true}});
    assert_eq!(go_value(&value), "map[a:[1 x\n <nil>] b:map[c:true]]");
    assert_eq!(
        go_syntax(&value),
        r#"map[string]interface {}{"a":[]interface {}{1, "x\n", interface {}(nil)}, "b":map[string]interface {}{"c":true}}"#
    );
    let mut plain = String::new();
    write_plain(&mut plain, &json!([1e21, "q\"", {"k": false}]));
    assert_eq!(plain, r#"[1e+21,"q\"",k=false]"#);
}
