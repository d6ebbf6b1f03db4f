use serde_json::json;

use super::*;

#[test]
fn duplicates_are_told_and_the_last_counts() {
    let body = br#"{"a": 1, "spec": {"x": 1, "x": 2, "l": [{"n": 1}, {"n": 1, "n": 3, "n": 4}]}}"#;
    let read = Document::from_json(body).unwrap();
    assert_eq!(
        read.value,
        json!({"a": 1, "spec": {"x": 2, "l": [{"n": 1}, {"n": 4}]}})
    );
    assert_eq!(read.duplicates, ["spec.x", "spec.l[1].n"]);
}

#[test]
fn no_more_than_a_hundred_duplicates_are_told() {
    let fields: Vec<String> = (0..300)
        .map(|at| format!("\"{at}\":1,\"{at}\":2"))
        .collect();
    let body = format!("{{{}}}", fields.join(","));
    let read = Document::from_json(body.as_bytes()).unwrap();
    assert_eq!(read.duplicates.len(), 100);
}

#[test]
fn yaml_says_the_same_as_json() {
    let yaml = b"# a comment\nkind: A\nn: 1\nbig: 18446744073709551615\nf: 1.5\nt: true\nnothing: ~\nempty:\ns: \"1\"\ndate: 2020-01-01\nlist:\n- a\n- {b: c}\ntext: |\n  one\n  two\n";
    let read = Document::from_yaml(yaml).unwrap();
    assert_eq!(
        read.value,
        json!({
            "kind": "A", "n": 1, "big": 18_446_744_073_709_551_615_u64, "f": 1.5, "t": true, "nothing": null,
            "empty": null, "s": "1", "date": "2020-01-01", "list": ["a", {"b": "c"}],
            "text": "one\ntwo\n",
        })
    );
    let json = br#"{"a": 1, "a": 2}"#;
    assert_eq!(Document::from_yaml(json).unwrap().duplicates, ["a"]);
}

#[test]
fn yaml_is_read_as_its_first_version_had_it() {
    let yaml = b"yes: yes\noff: off\nmode: 0644\n1: one\n";
    assert_eq!(
        Document::from_yaml(yaml).unwrap().value,
        json!({"yes": true, "off": false, "mode": 420, "1": "one"})
    );
}

#[test]
fn a_field_that_is_there_twice_in_yaml_counts_as_the_last() {
    let read = Document::from_yaml(b"a: 1\nb: 2\na: 3\n").unwrap();
    assert_eq!(read.value, json!({"a": 3, "b": 2}));
}

#[test]
fn aliases_are_followed_as_long_as_they_stay_small() {
    let read = Document::from_yaml(b"a: &x {k: v}\nb: *x\n").unwrap();
    assert_eq!(read.value, json!({"a": {"k": "v"}, "b": {"k": "v"}}));

    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..12 {
        let before = vec![format!("*a{}", at - 1); 9].join(", ");
        bomb.push_str(&format!("a{at}: &a{at} [{before}]\n"));
    }
    assert!(matches!(
        Document::from_yaml(bomb.as_bytes()),
        Err(DocumentError::Yaml(_))
    ));
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let refused = Document::from_json(deep.as_bytes()).unwrap_err();
    assert_eq!(refused.to_string(), "exceeded max depth");
    assert!(Document::from_yaml(deep.as_bytes()).is_err());
    let yaml: String = (0..1_000)
        .map(|at| format!("{}a:\n", " ".repeat(at)))
        .collect();
    assert!(Document::from_yaml(yaml.as_bytes()).is_err());
}

#[test]
fn what_says_more_than_is_read_is_refused() {
    // The list is a value too.
    let items = |count: usize| format!("[{}1]", "1,".repeat(count - 2));
    let fields = |count: usize| {
        let fields: Vec<String> = (1..count).map(|at| format!("\"{at}\": 1")).collect();
        format!("{{{}}}", fields.join(", "))
    };
    for text in [items(MAX_VALUES), fields(MAX_VALUES)] {
        assert!(Document::from_json(text.as_bytes()).is_ok());
    }
    assert!(Document::from_yaml(items(MAX_VALUES).as_bytes()).is_ok());
    for text in [items(MAX_VALUES + 1), fields(MAX_VALUES + 1)] {
        for read in [
            Document::from_json(text.as_bytes()),
            Document::from_yaml(text.as_bytes()),
        ] {
            let refused = read.unwrap_err().to_string();
            assert_eq!(refused, "more than 200000 values");
        }
    }
}

#[test]
fn what_is_no_text_becomes_replacement_characters() {
    let read = Document::from_json(b"{\"a\": \"\xff\"}").unwrap();
    assert_eq!(read.value, json!({"a": "\u{fffd}"}));
}

#[test]
fn a_body_that_cannot_be_read_is_shown_in_short() {
    let body = br#"{"apiVersion": "v1", "kind": "ConfigMap", }"#;
    let error = Document::from_json(body).unwrap_err();
    let why = format!("couldn't get version/kind; json parse error: {error}");
    assert_eq!(
        unrecognized("ConfigMap", &why, body).message(),
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '}' looking for beginning of object key string ({\"apiVersion\": \"v1\", \"kind\": \" ...)"
    );
    assert!(
        unrecognized("A", "x", b"\x01\xff")
            .message()
            .ends_with("x (01ff)")
    );
    assert!(
        unrecognized("A", "x", b"")
            .message()
            .ends_with("x (<empty>)")
    );
}
