use proptest::prelude::*;
use serde_json::json;

use super::*;

fn object() -> Json {
    json!({
        "metadata": {
            "name": "web",
            "labels": {"a.b/c": "d", "tier": "front"},
            "creationTimestamp": "2026-01-02T03:04:05Z",
        },
        "spec": {"replicas": 3, "ratio": 0.5, "none": null, "list": [3, 1, 2], "cpu": "1500m"},
        "status": {
            "conditions": [
                {"type": "Ready", "status": "True"},
                {"type": "Stalled", "status": "False"},
            ],
        },
    })
}

/// The value as it is told, and its type.
fn eval(text: &str) -> Result<(String, &'static str), CelError> {
    let object = object();
    let program = Program::new(text, &["object"])?;
    let value = program.run(&[&object], &mut Budget::default())?;
    Ok((functions::display(&value), value.type_name()))
}

#[track_caller]
fn is_true(text: &str) {
    assert_eq!(eval(text), Ok(("true".to_owned(), "bool")), "{text}");
}

#[track_caller]
fn fails(text: &str, error: &str) {
    match eval(text) {
        Ok(value) => panic!("{text} is {value:?}"),
        Err(failed) => assert_eq!(failed.to_string(), error, "{text}"),
    }
}

#[test]
fn numbers_are_reckoned_with() {
    for text in [
        "1 + 2 * 3 == 7",
        "(1 + 2) * 3 == 9",
        "7 / 2 == 3",
        "-7 / 2 == -3",
        "7 % -2 == 1",
        "10 - 4 - 3 == 3",
        "-9223372036854775808 < 0",
        "--1 == 1",
        "1u + 2u == 3u",
        "0x1F == 31",
        "1.5 + .5 == 2.0",
        "1e3 == 1000.0",
        "1 == 1.0",
        "1u == 1",
        "1 < 1.5",
        "object.spec.replicas * 2 == 6",
        "object.spec.ratio == 0.5",
        "0.0 / 0.0 != 0.0 / 0.0",
        "!(0.0 / 0.0 < 1.0)",
        "9007199254740993 != 9007199254740992.0",
    ] {
        is_true(text);
    }
    fails("1 / 0", "division by zero");
    fails("1 % 0", "modulus by zero");
    fails("9223372036854775807 + 1", "integer overflow");
    fails("-9223372036854775808 / -1", "integer overflow");
    fails("-(-9223372036854775808)", "integer overflow");
    fails("1u - 2u", "unsigned integer overflow");
    fails("1 + 1.0", "no such overload");
    fails("1 + 'a'", "no such overload");
    fails("-'a'", "no such overload");
}

#[test]
fn what_decides_makes_up_for_what_fails() {
    for text in [
        "false && object.x",
        "!(object.x && false) || true",
        "true || object.x",
        "object.x || true",
        "!(false && 1 / 0 == 1)",
        "[1, 2].exists(x, x == 2 || x / 0 == 1)",
        "[0, 2].exists(x, 2 / x == 1)",
        "![0, 2].all(x, 2 / x == 5)",
        "true ? true : object.x",
        "!!true",
        "true || false && false",
    ] {
        if text.starts_with("false") {
            assert_eq!(eval(text).unwrap().0, "false");
        } else {
            is_true(text);
        }
    }
    fails("object.x && true", "no such key: x");
    fails("1 && true", "no such overload");
    fails("1 ? 2 : 3", "no such overload");
    fails("!1", "no such overload");
}

#[test]
fn fields_and_items_are_found() {
    for text in [
        "object.metadata.name == 'web'",
        "object['metadata']['name'] == 'web'",
        "object.metadata.labels['a.b/c'] == 'd'",
        "object.spec.list[0] == 3",
        "object.status.conditions[1].type == 'Stalled'",
        "object.spec.none == null",
        "has(object.spec.none)",
        "!has(object.spec.absent)",
        "has(object.spec)",
        "'tier' in object.metadata.labels",
        "!('x' in object.metadata.labels)",
        "2 in object.spec.list",
        "!(9 in object.spec.list)",
        "{'a': 1, 2: 'b', true: 3}[2] == 'b'",
        "{'a': 1}.a == 1",
        "{1: 'a'}[1u] == 'a'",
        "object.metadata.labels == {'tier': 'front', 'a.b/c': 'd'}",
        "[1, [2, 'x']] == [1, [2, 'x']]",
        "[1] != [2]",
        "1 != '1'",
        "null == null",
        "[1] + [2] == [1, 2]",
    ] {
        is_true(text);
    }
    fails("object.x", "no such key: x");
    fails("object.spec.x.y", "no such key: x");
    fails("object.spec.list[3]", "index out of bounds: 3");
    fails("object.spec.list[-1]", "index out of bounds: -1");
    fails("object.spec.none.x", "no such overload");
    fails("object.metadata.name.x", "no such overload");
    fails("has(object.x.y)", "no such key: x");
    fails("{'a': 1, 'a': 2}", "Failed with repeated key: a");
    fails("{1.5: 1}", "unsupported key type");
    fails("1 in 2", "no such overload");
    fails("'a' < 1", "no such overload");
}

#[test]
fn macros_go_through_lists_and_maps() {
    for text in [
        "object.spec.list.all(x, x > 0)",
        "object.spec.list.exists(x, x == 2)",
        "object.spec.list.exists_one(x, x > 2)",
        "!object.spec.list.exists_one(x, x > 1)",
        "object.spec.list.filter(x, x != 1) == [3, 2]",
        "object.spec.list.map(x, x * 2) == [6, 2, 4]",
        "object.spec.list.map(x, x > 1, x * 2) == [6, 4]",
        "object.metadata.labels.all(k, k.size() > 0)",
        "object.metadata.labels.map(k, object.metadata.labels[k]) == ['d', 'front']",
        "object.status.conditions.filter(c, c.type == 'Ready').all(c, c.status == 'True')",
        "[[1, 2], [3]].all(x, x.all(x, x > 0))",
        "[].all(x, false)",
        "![].exists(x, true)",
        "hasConditions(object.status)",
        "!hasConditions(object.spec)",
        "!hasConditions({'conditions': []})",
    ] {
        is_true(text);
    }
    fails(
        "[1].map(x, y)",
        "undeclared reference to 'y' (in container '')",
    );
    fails("[1].all(x, 1)", "no such overload");
    fails(
        "[1].all(x, x == 1) && x",
        "undeclared reference to 'x' (in container '')",
    );
    fails("1.all(x, true)", "no such overload");
    let error = eval("[1].all(1, true)").unwrap_err().to_string();
    assert!(error.ends_with("argument must be a simple name"), "{error}");
    let error = eval("has(object)").unwrap_err().to_string();
    assert!(
        error.ends_with("invalid argument to has() macro"),
        "{error}"
    );
}

#[test]
fn texts_are_worked_on() {
    for text in [
        "size('süß') == 3 && 'süß'.size() == 3",
        "'a' + 'b' == 'ab'",
        "'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c')",
        "'abc' < 'abd'",
        "'a-1'.matches('^[a-z]-[0-9]$') && matches('x', 'x')",
        "'tacocat'.indexOf('c') == 2 && 'tacocat'.indexOf('c', 3) == 4",
        "'tacocat'.lastIndexOf('at') == 5 && 'tacocat'.lastIndexOf('c', 3) == 2",
        "'abc'.indexOf('x') == -1",
        "'süß'.charAt(1) == 'ü' && 'süß'.charAt(3) == ''",
        "'süß'.substring(1) == 'üß' && 'süß'.substring(0, 2) == 'sü'",
        "'a,b,c'.split(',') == ['a', 'b', 'c']",
        "'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'a,b'.split(',', 0) == []",
        "'süß'.split('') == ['s', 'ü', 'ß'] && 'abc'.split('', 2) == ['a', 'bc']",
        "['a', 'b'].join('-') == 'a-b' && [].join() == ''",
        "'hello hello'.replace('he', 'we') == 'wello wello'",
        "'hello hello'.replace('he', 'we', 1) == 'wello hello'",
        "' a '.trim() == 'a' && 'aB'.upperAscii() == 'AB' && 'Ab'.lowerAscii() == 'ab'",
        "'abc'.reverse() == 'cba'",
        "'abc 123'.find('[0-9]+') == '123' && 'a1b2'.findAll('[0-9]') == ['1', '2']",
        r"'\x41\u00fc\101' == 'AüA'",
        r"r'\d' == '\\d'",
        r#""""a"b""" == 'a"b'"#,
        r"b'\xff' != b'\xfe'",
        "b'abc' == bytes('abc') && string(b'abc') == 'abc'",
        "'%s is %d of %.2f%%'.format(['a', 3, 1.0]) == 'a is 3 of 1.00%'",
        "'%s'.format([[1, {'a': true}]]) == '[1, {a: true}]'",
        "'%x %X %o %b'.format([255, 255, 8, 5]) == 'ff FF 10 101'",
    ] {
        is_true(text);
    }
    fails("'abc'.charAt(4)", "index out of range: 4");
    fails(
        "'abc'.substring(2, 1)",
        "invalid substring range. start: 2, end: 1",
    );
    fails("'a'.matches('(')", "error parsing regexp: \"(\"");
    fails("string(b'\\xff')", "invalid UTF-8 in bytes");
    fails(
        "'a'.nothing()",
        "undeclared reference to 'nothing' (in container '')",
    );
    fails(
        "nothing('a')",
        "undeclared reference to 'nothing' (in container '')",
    );
    fails(
        "'%s'.format([])",
        "index out of range: too few arguments to format",
    );
}

#[test]
fn values_are_of_types() {
    for text in [
        "int('12') == 12 && int(1.9) == 1 && int(-1.9) == -1 && int(3u) == 3",
        "uint(3) == 3u && uint('4') == 4u",
        "double(1) == 1.0 && double('1.5') == 1.5",
        "string(1) == '1' && string(1.5) == '1.5' && string(true) == 'true'",
        "bool('true') && !bool('false')",
        "type(1) == int && type('') == string && type([]) == list && type({}) == map",
        "type(type(1)) == type && type(null) == null_type",
        "dyn(1) == 1",
        "size([1, 2]) == 2 && size({'a': 1}) == 1 && [1].size() == 1",
        "[1, 2, 3].sum() == 6 && [1, 3, 2].max() == 3 && [2, 1].min() == 1",
        "[].sum() == 0 && ['a', 'b'].isSorted() && ![2, 1].isSorted()",
        "[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2",
        "[[1], [2, 3]].flatten() == [1, 2, 3] && [1, 2].reverse() == [2, 1]",
    ] {
        is_true(text);
    }
    fails(
        "int('x')",
        "type conversion error from 'string' to 'int': \"x\"",
    );
    fails("int(1e30)", "integer overflow");
    fails("uint(-1)", "unsigned integer overflow");
    fails("[].max()", "max called on empty list");
    fails("size(1)", "no such overload");
}

#[test]
fn times_quantities_and_optional_values_are_known() {
    for text in [
        "timestamp(object.metadata.creationTimestamp).getFullYear() == 2026",
        "timestamp('2026-01-02T03:04:05Z').getMonth() == 0",
        "timestamp('2026-01-02T03:04:05Z').getDate() == 2",
        "timestamp('2026-01-02T03:04:05Z').getDayOfWeek() == 5",
        "timestamp('2026-01-02T03:04:05Z') < timestamp('2026-01-02T03:04:06Z')",
        "timestamp('2026-01-02T03:04:05Z') + duration('1h') == timestamp('2026-01-02T04:04:05Z')",
        "timestamp('2026-01-02T03:04:05Z') - timestamp('2026-01-02T03:04:00Z') == duration('5s')",
        "duration('1h30m').getMinutes() == 90 && duration('-1.5s') < duration('0')",
        "string(duration('90m')) == '5400s' && string(duration('1500ms')) == '1.5s'",
        "int(timestamp('1970-01-01T00:00:07Z')) == 7",
        "quantity(object.spec.cpu).isGreaterThan(quantity('1'))",
        "quantity('1Gi') == quantity('1024Mi') && quantity('1G').isLessThan(quantity('1Gi'))",
        "quantity('50k').add(quantity('20k')) == quantity('70k') && quantity('2').sub(1) == quantity('1')",
        "quantity('50000000G').isInteger() && !quantity('1500m').isInteger()",
        "quantity('2k').asInteger() == 2000 && quantity('-1').sign() == -1",
        "quantity('200M').compareTo(quantity('0.2G')) == 0 && isQuantity('1e3') && !isQuantity('x')",
        "object.?spec.?absent.orValue(7) == 7",
        "object.?spec.?replicas.orValue(7) == 3",
        "object.?spec.absent.hasValue() == false",
        "object.spec.list[?9].orValue(1) == 1",
        "object.spec.list[?0].value() == 3",
        "optional.none().or(optional.of(1)).value() == 1",
        "[?object.?spec.?absent, 1] == [1] && [1, ?object.?spec.?replicas] == [1, 3]",
        "{?'a': object.?spec.?absent} == {}",
        "object.?spec.?replicas.optMap(x, x + 1).value() == 4",
        "optional.ofNonZeroValue('').hasValue() == false",
    ] {
        is_true(text);
    }
    fails("timestamp('x')", "invalid timestamp: \"x\"");
    fails("duration('x')", "invalid duration: \"x\"");
    fails("optional.none().value()", "optional.none() dereference");
}

#[test]
fn what_is_no_expression_says_where_it_goes_wrong() {
    for (text, line, column) in [
        ("", 1, 1),
        ("1 +", 1, 4),
        ("1 2", 1, 3),
        ("(1", 1, 3),
        ("[1, 2", 1, 6),
        ("{'a'}", 1, 5),
        ("a b", 1, 3),
        ("\n  'x", 2, 3),
        ("'ü' ==\n= 1", 2, 1),
        ("for", 1, 1),
        ("1 ? 2", 1, 6),
        ("@", 1, 1),
        ("18446744073709551616", 1, 21),
        ("9223372036854775808", 1, 1),
        ("object..x", 1, 8),
    ] {
        match Program::new(text, &["object", "a"]) {
            Err(CelError::Syntax {
                line: l, column: c, ..
            }) => {
                assert_eq!((l, c), (line, column), "{text:?}");
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }
    is_true("true // a comment");
    is_true("// before\ntrue");
}

#[test]
fn an_expression_is_as_long_and_deep_as_the_limits_allow() {
    let nested = |times: usize| format!("{}true{}", "(".repeat(times), ")".repeat(times));
    is_true(&nested(DEPTH_MAX - 2));
    for (text, what) in [
        (nested(DEPTH_MAX), "recursion"),
        (nested(7_000), "recursion"),
        (format!("true{}", " && true".repeat(2_500)), "longer"),
        (format!("1{} == 1", " + 0".repeat(200)), "recursion"),
        (format!("object{}", ".a".repeat(200)), "recursion"),
        ("[".repeat(10_000), "recursion"),
        ("{1:".repeat(5_000), "recursion"),
        ("a?b:".repeat(4_000), "recursion"),
        ("x.all(x, ".repeat(1_500), "recursion"),
    ] {
        let error = eval(&text).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    // These are not nested.
    is_true(&format!("true{}", " && true".repeat(1_500)));
    is_true(&format!("{}true", "!".repeat(1_000)));
}

#[test]
fn an_evaluation_takes_a_bounded_number_of_steps() {
    let list = json!(vec![1; 2_000]);
    let long = json!("x".repeat(10_000));
    for text in [
        "list.all(a, list.all(b, a == b))",
        // What decides does not make up for it.
        "list.all(a, list.all(b, a == b)) || true",
        "list.map(a, list.map(b, list))",
        "list.map(a, long + long).size() > 0",
        "list.map(a, long.replace('x', 'y'.replace('y', 'zzzzzzzzzz')))",
        "list.exists(a, long.matches('(x+x+)+y'))",
        "list.map(a, list).map(l, l.map(i, '%s'.format([l])))",
    ] {
        let program = Program::new(text, &["list", "long"]).unwrap();
        let mut budget = Budget::default();
        let value = program.run(&[&list, &long], &mut budget);
        assert_eq!(value.unwrap_err(), CelError::Budget, "{text}");
        assert_eq!(budget.left(), Budget::default().left() - STEPS_MAX);
    }
    let program = Program::new("1 + 1 == 2", &[]).unwrap();
    assert_eq!(
        program.run(&[], &mut Budget::new(3)).unwrap_err(),
        CelError::Budget
    );
    assert!(program.run(&[], &mut Budget::new(10)).is_ok());
}

fn pieces() -> impl Strategy<Value = String> {
    const PIECES: [&str; 60] = [
        "object",
        ".",
        ".?",
        "spec",
        "list",
        "[",
        "[?",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        ":",
        "?",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "&&",
        "||",
        "==",
        "<",
        ">=",
        " in ",
        "1",
        "0",
        "-9223372036854775808",
        "1.5",
        "1e308",
        "2u",
        "'a'",
        "\"ü\"",
        "b'x'",
        "r'\\d'",
        "null",
        "true",
        "has(",
        ".all(x,",
        ".map(x,",
        ".exists(x,",
        ".filter(x,",
        "x",
        ".size()",
        "duration('1h')",
        "timestamp(",
        "'2026-01-02T03:04:05Z'",
        ".format(",
        ".split(",
        ".substring(",
        ".matches(",
        "quantity(",
        "'1Gi'",
        ".orValue(",
        "optional.of(",
        "int(",
        "string(",
        " ",
    ];
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40).prop_map(|all| all.concat())
}

proptest! {
    #[test]
    fn any_text_is_evaluated_or_refused(text in "\\PC{0,200}") {
        let _ = eval(&text);
    }

    #[test]
    fn any_pieces_are_evaluated_or_refused_the_same_each_time(text in pieces()) {
        prop_assert_eq!(eval(&text), eval(&text));
    }

    #[test]
    fn whole_numbers_are_as_rust_has_them(a: i64, b: i64) {
        let text = |value: Option<i64>| value.map(|value| value.to_string());
        let cel = |operator: &str| eval(&format!("{a} {operator} {b}")).ok().map(|value| value.0);
        prop_assert_eq!(cel("+"), text(a.checked_add(b)));
        prop_assert_eq!(cel("-"), text(a.checked_sub(b)));
        prop_assert_eq!(cel("*"), text(a.checked_mul(b)));
        prop_assert_eq!(cel("/"), text(a.checked_div(b)));
        prop_assert_eq!(cel("%"), text(a.checked_rem(b)));
        prop_assert_eq!(cel("<"), Some((a < b).to_string()));
    }

    #[test]
    fn a_text_is_read_as_it_was_written(text in "\\PC{0,40}") {
        let quoted = format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        prop_assert_eq!(eval(&quoted), Ok((text, "string")));
    }
}
