//! What structured-merge-diff's own tests hold of single walks, said again:
//! merging, comparing, removing, the fields a value sets and whether it is of
//! its type.

use api::{Catalogue, Schema};
use serde_json::{Value, json};

use crate::apply::compare::compare;
use crate::apply::field_set::field_set;
use crate::apply::fields_v1::{from_json, to_text};
use crate::apply::merge::merge;
use crate::apply::path_set::PathSet;
use crate::apply::reconcile::reconcile;
use crate::apply::remove::remove;
use crate::apply::schema::{TypeRef, Types};
use crate::apply::typed::{Duplicates, validate};

/// One of every sort of field.
fn everything() -> Schema {
    let keyed = json!({
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key", "id"],
        "items": {"type": "object", "properties": {
            "key": {"type": "string"}, "id": {"type": "number"}, "bool": {"type": "boolean"},
            "number": {"type": "number"}, "map": {"type": "object", "additionalProperties": {"type": "string"}},
        }},
    });
    let ports = json!({
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": {"type": "object", "properties": {
            "port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}, "name": {"type": "string"},
        }},
    });
    schema(json!({"type": "object", "properties": {
        "text": {"type": "string"},
        "number": {"type": "number"},
        "bool": {"type": "boolean"},
        "any": {"x-kubernetes-int-or-string": true},
        "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "numbers": {"type": "array", "items": {"type": "number"}, "x-kubernetes-list-type": "set"},
        "bools": {"type": "array", "items": {"type": "boolean"}, "x-kubernetes-list-type": "set"},
        "list": {"type": "array", "items": {"type": "string"}},
        "keyed": keyed,
        "ports": ports,
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "whole": {"type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-map-type": "atomic"},
        "struct": {"type": "object", "properties": {
            "a": {"type": "string"}, "b": {"type": "object", "properties": {"c": {"type": "string"}}},
        }},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }}))
}

fn schema(text: Value) -> Schema {
    serde_json::from_value(text).unwrap()
}

fn with<T>(schema: &Schema, walk: impl FnOnce(Types<'_>, TypeRef<'_>) -> T) -> T {
    let catalogue = Catalogue::default();
    let of = TypeRef::Schema {
        schema,
        preserve: false,
        whole: false,
    };
    // Both live as long as the walk.
    walk(Types::new(&catalogue), of)
}

fn set(fields: &Value) -> PathSet {
    from_json(fields).unwrap()
}

#[test]
fn the_right_is_laid_over_the_left() {
    for (left, right, merged) in [
        // What one has and the other does not is kept.
        (
            json!({"text": "a"}),
            json!({"bool": true}),
            json!({"text": "a", "bool": true}),
        ),
        (json!({"any": 1}), json!({"any": "1"}), json!({"any": "1"})),
        // Null and empty are values.
        (json!({}), json!({"map": {}}), json!({"map": {}})),
        (json!({}), json!({"map": null}), json!({"map": null})),
        (json!({"map": null}), json!({"map": {}}), json!({"map": {}})),
        (
            json!({"map": {}}),
            json!({"map": null}),
            json!({"map": null}),
        ),
        (
            json!({"map": {"a": "b"}}),
            json!({"map": null}),
            json!({"map": {"a": "b"}}),
        ),
        (
            json!({"set": ["a"]}),
            json!({"set": []}),
            json!({"set": ["a"]}),
        ),
        (
            json!({"struct": {"a": "x"}}),
            json!({"struct": {}}),
            json!({"struct": {"a": "x"}}),
        ),
        // What is taken as one is replaced.
        (
            json!({"list": ["a", "a"]}),
            json!({"list": []}),
            json!({"list": []}),
        ),
        (
            json!({"list": ["a"]}),
            json!({"list": null}),
            json!({"list": null}),
        ),
        (
            json!({"whole": {"a": "b"}}),
            json!({"whole": {"c": "d"}}),
            json!({"whole": {"c": "d"}}),
        ),
        // Undeclared things: objects are merged, lists replaced.
        (
            json!({"free": {"a": {"x": 1}, "l": [1]}}),
            json!({"free": {"a": {"y": 2}, "l": [2]}}),
            json!({"free": {"a": {"x": 1, "y": 2}, "l": [2]}}),
        ),
        (
            json!({"free": {"a": 1}}),
            json!({"free": {"a": {"b": 1}}}),
            json!({"free": {"a": {"b": 1}}}),
        ),
        // Items of a keyed list are merged one by one.
        (
            json!({"keyed": [{"key": "a", "id": 1, "map": {"x": "1"}}]}),
            json!({"keyed": [{"key": "a", "id": 1, "map": {"y": "2"}}]}),
            json!({"keyed": [{"key": "a", "id": 1, "map": {"x": "1", "y": "2"}}]}),
        ),
        (
            json!({"keyed": [{"key": "a", "id": 1}, {"key": "b", "id": 1}]}),
            json!({"keyed": [{"key": "a", "id": 2}]}),
            json!({"keyed": [{"key": "a", "id": 1}, {"key": "b", "id": 1}, {"key": "a", "id": 2}]}),
        ),
        // A key that is left out is its default.
        (
            json!({"ports": [{"port": 1, "name": "x"}]}),
            json!({"ports": [{"port": 1, "protocol": "TCP"}, {"port": 1, "protocol": "UDP"}]}),
            json!({"ports": [{"port": 1, "protocol": "TCP", "name": "x"}, {"port": 1, "protocol": "UDP"}]}),
        ),
        // Of what is there twice on the left, one is left if the right has it.
        (
            json!({"keyed": [{"key": "a", "id": 1, "bool": true}, {"key": "b", "id": 2}, {"key": "a", "id": 1}]}),
            json!({"keyed": [{"key": "a", "id": 1, "number": 3}, {"key": "b", "id": 2}]}),
            json!({"keyed": [{"key": "a", "id": 1, "number": 3}, {"key": "b", "id": 2}]}),
        ),
        (
            json!({"keyed": [{"key": "a", "id": 1, "number": 1}, {"key": "a", "id": 1, "number": 2}]}),
            json!({}),
            json!({"keyed": [{"key": "a", "id": 1, "number": 1}, {"key": "a", "id": 1, "number": 2}]}),
        ),
    ] {
        let got = with(&everything(), |types, of| merge(types, of, &left, &right));
        assert_eq!(got, Ok(merged), "{left} {right}");
    }
}

#[test]
fn merged_lists_keep_the_order_of_the_right_and_the_places_of_the_left() {
    for (left, right, merged) in [
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("ab", "ab", "ab"),
        ("abc", "ad", "abcd"),
        ("abc", "cb", "acb"),
        ("abc", "ca", "bca"),
        ("abc", "xby", "axbcy"),
        ("abcd", "dcba", "dcba"),
        ("ab", "cd", "abcd"),
        ("abcde", "1b2ed", "a1bc2ed"),
        ("abcdefghijkl", "1234", "abcdefghijkl1234"),
        // Duplicates on the left.
        ("abb", "c", "abbc"),
        ("abb", "b", "ab"),
        ("abb", "a", "abb"),
        ("aabb", "bcd", "aabcd"),
        ("aabb", "", "aabb"),
        ("abcdec", "1b2ed", "a1bc2ecd"),
        ("abcdec", "1b2ced", "a1b2ced"),
        ("cagfca", "cfag", "cfag"),
    ] {
        let list = |text: &str| -> Value {
            json!({"set": text.chars().map(String::from).collect::<Vec<_>>()})
        };
        let got = with(&everything(), |types, of| {
            merge(types, of, &list(left), &list(right))
        });
        assert_eq!(got, Ok(list(merged)), "{left} {right}");
    }
    let (left, right) = (
        json!({"numbers": [1, 2, 3.5, 1]}),
        json!({"numbers": [1.0, 2, 3]}),
    );
    let got = with(&everything(), |types, of| merge(types, of, &left, &right));
    assert_eq!(got, Ok(json!({"numbers": [1.0, 2, 3.5, 3]})));
}

#[test]
fn a_value_sets_its_leaves_items_and_free_entries() {
    for (value, fields) in [
        (
            json!({"text": "a", "number": 1, "bool": false}),
            json!({"f:text": {}, "f:number": {}, "f:bool": {}}),
        ),
        (json!({"text": null}), json!({"f:text": {}})),
        (json!({"list": []}), json!({"f:list": {}})),
        (json!({"set": []}), json!({})),
        (json!({"set": null}), json!({"f:set": {}})),
        (
            json!({"set": ["a", "b"]}),
            json!({"f:set": {"v:\"a\"": {}, "v:\"b\"": {}}}),
        ),
        (
            json!({"numbers": [1, 2.5]}),
            json!({"f:numbers": {"v:1": {}, "v:2.5": {}}}),
        ),
        (json!({"bools": [true]}), json!({"f:bools": {"v:true": {}}})),
        (json!({"map": {}}), json!({"f:map": {}})),
        (json!({"map": {"a": "b"}}), json!({"f:map": {"f:a": {}}})),
        (json!({"whole": {"a": "b"}}), json!({"f:whole": {}})),
        (
            json!({"struct": {"b": {"c": "x"}}}),
            json!({"f:struct": {"f:b": {"f:c": {}}}}),
        ),
        (
            json!({"struct": {"b": {}}}),
            json!({"f:struct": {"f:b": {}}}),
        ),
        (
            json!({"keyed": [{"key": "a", "id": 1, "bool": true}]}),
            json!({"f:keyed": {"k:{\"id\":1,\"key\":\"a\"}": {".": {}, "f:key": {}, "f:id": {}, "f:bool": {}}}}),
        ),
        // Of an item that is there twice, nothing within it.
        (
            json!({"keyed": [{"key": "a", "id": 1}, {"key": "a", "id": 1, "bool": true}]}),
            json!({"f:keyed": {"k:{\"id\":1,\"key\":\"a\"}": {}}}),
        ),
        (
            json!({"ports": [{"port": 1}]}),
            json!({"f:ports": {"k:{\"port\":1,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}),
        ),
        (
            json!({"free": {"a": {"b": [1], "c": 2}}}),
            json!({"f:free": {"f:a": {".": {}, "f:b": {}, "f:c": {}}}}),
        ),
    ] {
        let got = with(&everything(), |types, of| field_set(types, of, &value)).unwrap();
        assert_eq!(to_text(&got), to_text(&set(&fields)), "{value}");
    }
}

#[test]
fn what_differs_was_added_modified_or_removed() {
    let none = json!({});
    for (left, right, [added, modified, removed]) in [
        (json!({"text": "a"}), json!({"text": "a"}), [&none; 3]),
        (
            json!({"text": "a"}),
            json!({"text": "b"}),
            [&none, &json!({"f:text": {}}), &none],
        ),
        (
            json!({"text": "a"}),
            json!({"bool": true}),
            [&json!({"f:bool": {}}), &none, &json!({"f:text": {}})],
        ),
        (
            json!({"any": 1}),
            json!({"any": "1"}),
            [&none, &json!({"f:any": {}}), &none],
        ),
        (json!({"number": 1}), json!({"number": 1.0}), [&none; 3]),
        // A container that comes or goes does so with all that is in it.
        (
            json!({}),
            json!({"struct": {"b": {"c": "x"}}}),
            [
                &json!({"f:struct": {".": {}, "f:b": {".": {}, "f:c": {}}}}),
                &none,
                &none,
            ],
        ),
        (
            json!({"map": {"a": "b"}}),
            json!({}),
            [&none, &none, &json!({"f:map": {".": {}, "f:a": {}}})],
        ),
        // One that is emptied stays.
        (
            json!({"map": {"a": "b"}}),
            json!({"map": {}}),
            [&none, &none, &json!({"f:map": {"f:a": {}}})],
        ),
        (
            json!({"map": {}}),
            json!({"map": null}),
            [&none, &json!({"f:map": {}}), &none],
        ),
        (
            json!({"set": null}),
            json!({"set": ["a"]}),
            [&json!({"f:set": {"v:\"a\"": {}}}), &none, &none],
        ),
        // Order is nothing in a set, all in a list.
        (
            json!({"set": ["a", "b"]}),
            json!({"set": ["b", "a"]}),
            [&none; 3],
        ),
        (
            json!({"list": ["a", "b"]}),
            json!({"list": ["b", "a"]}),
            [&none, &json!({"f:list": {}}), &none],
        ),
        (
            json!({"keyed": [{"key": "a", "id": 1, "number": 1}]}),
            json!({"keyed": [{"key": "a", "id": 1, "number": 2}]}),
            [
                &none,
                &json!({"f:keyed": {"k:{\"id\":1,\"key\":\"a\"}": {"f:number": {}}}}),
                &none,
            ],
        ),
        // Those that are there twice are taken as one.
        (
            json!({"set": ["a", "a"]}),
            json!({"set": ["a", "a"]}),
            [&none; 3],
        ),
        (
            json!({"set": ["a", "a"]}),
            json!({"set": ["a", "a", "a"]}),
            [&none, &json!({"f:set": {"v:\"a\"": {}}}), &none],
        ),
        (
            json!({"set": ["a"]}),
            json!({"set": ["a", "a"]}),
            [
                &json!({"f:set": {"v:\"a\"": {}}}),
                &none,
                &json!({"f:set": {"v:\"a\"": {}}}),
            ],
        ),
        // Of another type than before.
        (
            json!({"free": {"a": 1}}),
            json!({"free": {"a": {"b": 1}}}),
            [
                &json!({"f:free": {"f:a": {"f:b": {}}}}),
                &json!({"f:free": {"f:a": {}}}),
                &none,
            ],
        ),
    ] {
        let got = with(&everything(), |types, of| compare(types, of, &left, &right)).unwrap();
        let sets = [
            (&got.added, added),
            (&got.modified, modified),
            (&got.removed, removed),
        ];
        for (got, wanted) in sets {
            assert_eq!(to_text(got), to_text(&set(wanted)), "{left} {right}");
        }
    }
}

#[test]
fn fields_and_items_are_taken_out() {
    for (value, gone, left) in [
        (
            json!({"text": "a", "bool": true}),
            json!({"f:text": {}}),
            json!({"bool": true}),
        ),
        (json!({"text": "a"}), json!({"f:text": {}}), json!(null)),
        (
            json!({"text": "a"}),
            json!({"f:other": {}}),
            json!({"text": "a"}),
        ),
        (
            json!({"set": ["a", "b"]}),
            json!({"f:set": {"v:\"a\"": {}}}),
            json!({"set": ["b"]}),
        ),
        (
            json!({"set": ["a"]}),
            json!({"f:set": {"v:\"a\"": {}}}),
            json!({"set": null}),
        ),
        (
            json!({"map": {"a": "1", "b": "2"}}),
            json!({"f:map": {"f:a": {}}}),
            json!({"map": {"b": "2"}}),
        ),
        (
            json!({"list": ["a"]}),
            json!({"f:list": {"v:\"a\"": {}}}),
            json!({"list": null}),
        ),
        (
            json!({"whole": {"a": "b"}}),
            json!({"f:whole": {"f:a": {}}}),
            json!({"whole": null}),
        ),
        (
            json!({"keyed": [{"key": "a", "id": 1, "bool": true}, {"key": "b", "id": 1}]}),
            json!({"f:keyed": {"k:{\"id\":1,\"key\":\"a\"}": {"f:bool": {}}, "k:{\"id\":1,\"key\":\"b\"}": {}}}),
            json!({"keyed": [{"key": "a", "id": 1}]}),
        ),
    ] {
        let got = with(&everything(), |types, of| {
            remove(types, of, &value, &set(&gone))
        });
        assert_eq!(got, left, "{value} {gone}");
    }
}

#[test]
fn a_value_of_another_type_is_told() {
    for (value, error) in [
        (
            json!({"text": 1}),
            ".text: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (
            json!({"number": "x"}),
            ".number: expected numeric (int or float), got string",
        ),
        (json!({"bool": "x"}), ".bool: expected boolean, got &{x}"),
        (json!({"map": []}), ".map: expected map, got &{[]}"),
        (
            json!({"set": {"a": 1}}),
            ".set: expected list, got &{map[a:1]}",
        ),
        (
            json!({"list": [1]}),
            ".list[0]: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (json!({"x": 1}), ".x: field not declared in schema"),
        (
            json!({"set": ["a", "a"]}),
            ".set: duplicate entries for key [=\"a\"]",
        ),
        (
            json!({"set": [null]}),
            ".set: element 0: associative list without keys has an element that's an explicit null",
        ),
        (
            json!({"set": [{}]}),
            ".set: element 0: associative list without keys has an element that's a map type",
        ),
        (
            json!({"set": [[]]}),
            ".set: element 0: not supported: associative list with lists as elements",
        ),
        (
            json!({"keyed": [1]}),
            ".keyed: element 0: associative list with keys may not have non-map elements",
        ),
        (
            json!({"keyed": [null]}),
            ".keyed: element 0: associative list with keys may not have a null element",
        ),
        (
            json!({"keyed": [{}]}),
            ".keyed: element 0: associative list with keys has an element that omits all key fields [\"key\" \"id\"] (and doesn't have default values for any key fields)",
        ),
        (
            json!({"bool": 1, "text": 1}),
            "errors:\n  .bool: expected boolean, got &{1}\n  .text: expected string, got &value.valueUnstructured{Value:1}",
        ),
    ] {
        let got = with(&everything(), |types, of| {
            validate(types, of, &value, Duplicates::Refused)
        });
        assert_eq!(
            got.map_err(|errors| errors.to_string()),
            Err(error.to_owned()),
            "{value}"
        );
    }
    let twice = json!({"set": ["a", "a"]});
    with(&everything(), |types, of| {
        validate(types, of, &twice, Duplicates::Allowed)
    })
    .unwrap();
}

#[test]
fn who_owned_parts_owns_the_whole_once_it_is_taken_as_one() {
    let atomic = schema(json!({"type": "object", "properties": {
        "list": {"type": "array", "items": {"type": "string"}},
        "map": {"type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-map-type": "atomic"},
        "keyed": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {
                "name": {"type": "string"},
                "list": {"type": "array", "items": {"type": "string"}},
            }},
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }}));
    for (before, after) in [
        (
            json!({"f:list": {"v:\"a\"": {}}}),
            Some(json!({"f:list": {}})),
        ),
        (json!({"f:list": {}}), None),
        (
            json!({"f:map": {".": {}, "f:a": {}}}),
            Some(json!({"f:map": {}})),
        ),
        (json!({"f:map": {}}), None),
        (
            json!({"f:keyed": {"k:{\"name\":\"a\"}": {".": {}, "f:list": {"v:\"x\"": {}}, "f:name": {}}}}),
            Some(json!({"f:keyed": {"k:{\"name\":\"a\"}": {".": {}, "f:list": {}, "f:name": {}}}})),
        ),
        (
            json!({"f:free": {"f:a": {"f:b": {}}}, "f:unknown": {"f:a": {}}}),
            None,
        ),
    ] {
        let got = with(&atomic, |types, of| reconcile(types, of, &set(&before)));
        assert_eq!(
            got.map(|set| to_text(&set)),
            after.map(|fields| to_text(&set(&fields))),
            "{before}"
        );
    }
}
