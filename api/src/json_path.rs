//! The part of Kubernetes' JSONPath that columns and works' feedback use: fields,
//! indices, slices, several of these, everything below, and filters by one
//! comparison.

use serde_json::Value;

mod parse;

/// A path to values in an object.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath(Vec<Step>);

/// Why a text is no such path.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not understood from {rest:?} on")]
pub struct JsonPathError {
    rest: String,
}

/// The object is not as the path takes it to be, other than by lacking something.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the value is not of the form that the path goes through")]
pub struct Mismatch;

#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// What has something in it, wherever below.
    Descend,
    Field(Box<str>),
    Filter(Filter),
    Slice(Slice),
    /// What the first finds of all values, then what the next one does.
    Union(Vec<Self>),
    Wildcard,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Slice {
    start: Option<i64>,
    end: Option<i64>,
    /// Whether it is a single index, of which `end` is the one behind.
    single: bool,
    step: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    left: JsonPath,
    /// `None` asks only whether `left` is there.
    test: Option<(Comparison, Operand)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    NotEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Literal(Value),
    Path(JsonPath),
}

impl JsonPath {
    /// The values there, in their order. What is absent gives none.
    ///
    /// # Errors
    /// If the path takes an index of something that is no array or too short,
    /// compares what cannot be compared, or finds too much.
    pub fn find<'a>(&self, object: &'a Value) -> Result<Vec<&'a Value>, Mismatch> {
        let mut found = vec![object];
        for step in &self.0 {
            found.retain(|value| !value.is_null());
            let mut next = Vec::new();
            let several = match step {
                Step::Union(several) => several.as_slice(),
                Step::Descend
                | Step::Field(_)
                | Step::Filter(_)
                | Step::Slice(_)
                | Step::Wildcard => std::slice::from_ref(step),
            };
            for step in several {
                for value in &found {
                    step.walk(value, &mut next)?;
                    if next.len() > FOUND_MAX {
                        return Err(Mismatch);
                    }
                }
            }
            found = next;
        }
        Ok(found)
    }
}

/// Values at most that a step finds: what is below several others is found as
/// often.
const FOUND_MAX: usize = 100_000;

impl Step {
    fn walk<'a>(&self, value: &'a Value, found: &mut Vec<&'a Value>) -> Result<(), Mismatch> {
        match self {
            Self::Descend => descend(value, found)?,
            Self::Field(name) => found.extend(value.get(&**name)),
            // Unions are not in each other.
            Self::Union(_) => {}
            Self::Wildcard => {
                found.extend(value.as_object().into_iter().flat_map(|of| of.values()));
                found.extend(value.as_array().into_iter().flatten());
            }
            Self::Slice(slice) => {
                let items = value.as_array().ok_or(Mismatch)?;
                found.extend(slice.of(items)?);
            }
            Self::Filter(filter) => {
                for item in value.as_array().ok_or(Mismatch)? {
                    if filter.admits(item)? {
                        found.push(item);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Adds a value and all below it, but for what has nothing in it.
fn descend<'a>(value: &'a Value, found: &mut Vec<&'a Value>) -> Result<(), Mismatch> {
    if found.len() >= FOUND_MAX {
        return Err(Mismatch);
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            found.push(value);
            fields.values().try_for_each(|field| descend(field, found))
        }
        Value::Array(items) if !items.is_empty() => {
            found.push(value);
            items.iter().try_for_each(|item| descend(item, found))
        }
        Value::Array(_)
        | Value::Bool(_)
        | Value::Null
        | Value::Number(_)
        | Value::Object(_)
        | Value::String(_) => Ok(()),
    }
}

impl Slice {
    fn of<'a>(&self, items: &'a [Value]) -> Result<impl Iterator<Item = &'a Value>, Mismatch> {
        let length = i64::try_from(items.len()).map_err(|_| Mismatch)?;
        let from_end = |at: i64| if at < 0 { at + length } else { at };
        let start = from_end(self.start.unwrap_or(0));
        let end = match self.end {
            Some(0) if self.single => length,
            Some(end) => from_end(end),
            None => length,
        };
        let step = match self.step {
            Some(step) => usize::try_from(step).ok().filter(|step| *step > 0),
            None => Some(1),
        };
        let range = match (usize::try_from(start), usize::try_from(end)) {
            _ if start == end => 0..0,
            (Ok(from), Ok(to)) => from..to,
            _ => return Err(Mismatch),
        };
        let taken = items.get(range).ok_or(Mismatch)?;
        Ok(taken.iter().step_by(step.ok_or(Mismatch)?))
    }
}

impl Filter {
    fn admits(&self, item: &Value) -> Result<bool, Mismatch> {
        let lefts = self.left.find(item);
        let Some((comparison, right)) = &self.test else {
            return Ok(lefts.is_ok_and(|lefts| !lefts.is_empty()));
        };
        let left = match lefts?.as_slice() {
            [] => return Ok(false),
            [one] => *one,
            _ => return Err(Mismatch),
        };
        match right {
            Operand::Literal(right) => comparison.holds(left, right),
            Operand::Path(path) => match path.find(item)?.as_slice() {
                [] => Ok(false),
                [right] => comparison.holds(left, right),
                _ => Err(Mismatch),
            },
        }
    }
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> Result<bool, Mismatch> {
        use std::cmp::Ordering;
        let order = match (left, right) {
            (Value::String(left), Value::String(right)) => left.cmp(right),
            (Value::Bool(left), Value::Bool(right)) if self.is_equality() => left.cmp(right),
            (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => left.cmp(&right),
                (None, None) => {
                    let order = left.as_f64().partial_cmp(&right.as_f64());
                    order.ok_or(Mismatch)?
                }
                _ => return Err(Mismatch),
            },
            _ => return Err(Mismatch),
        };
        Ok(match self {
            Self::Equal => order == Ordering::Equal,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::NotEqual => order != Ordering::Equal,
        })
    }

    const fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(path: &str) -> Result<Vec<Value>, Mismatch> {
        let object = json!({
            "metadata": {"labels": {"a.b/c": "dotted", "x": "1"}},
            "spec": {"n": 3, "list": ["a", "b", "c", "d"], "none": null},
            "status": {"conditions": [
                {"type": "Ready", "status": "True", "n": 1},
                {"type": "Joined", "status": "False", "n": 2},
                {"status": "Unknown"},
            ]},
        });
        let path: JsonPath = path.parse().unwrap();
        let found = path.find(&object)?;
        Ok(found.into_iter().cloned().collect())
    }

    #[test]
    fn fields_are_found_by_name() {
        assert_eq!(find(".spec.n"), Ok(vec![json!(3)]));
        assert_eq!(find("$.spec.n"), Ok(vec![json!(3)]));
        assert_eq!(find(".metadata.labels.x"), Ok(vec![json!("1")]));
        assert_eq!(find(r".metadata.labels.a\.b/c"), Ok(vec![json!("dotted")]));
        assert_eq!(find(".metadata.labels['x']"), Ok(vec![json!("1")]));
        assert_eq!(
            find(r".metadata.labels['a\.b/c']"),
            Ok(vec![json!("dotted")])
        );
        assert_eq!(find(".metadata.absent.x"), Ok(vec![]));
        assert_eq!(find(".spec.none"), Ok(vec![Value::Null]));
        assert_eq!(find(".spec.none.x"), Ok(vec![]));
        assert_eq!(find(".spec.n.x"), Ok(vec![]));
    }

    #[test]
    fn items_are_found_by_index() {
        assert_eq!(find(".spec.list[0]"), Ok(vec![json!("a")]));
        assert_eq!(find(".spec.list[-1]"), Ok(vec![json!("d")]));
        assert_eq!(find(".spec.list[1:3]"), Ok(vec![json!("b"), json!("c")]));
        assert_eq!(find(".spec.list[::2]"), Ok(vec![json!("a"), json!("c")]));
        assert_eq!(find(".spec.list[*]").unwrap().len(), 4);
        assert_eq!(find(".spec.list[9]"), Err(Mismatch));
        assert_eq!(find(".spec.n[0]"), Err(Mismatch));
        assert_eq!(find(".spec.absent[*].x"), Ok(vec![]));
        assert_eq!(find(".status.conditions[*].status").unwrap().len(), 3);
        assert_eq!(find(".metadata.labels.*").unwrap().len(), 2);
    }

    #[test]
    fn items_are_found_by_comparison() {
        let status = |filter: &str| find(&format!(".status.conditions[?({filter})].status"));
        assert_eq!(status(r#"@.type=="Ready""#), Ok(vec![json!("True")]));
        assert_eq!(status("@.type == 'Joined'"), Ok(vec![json!("False")]));
        assert_eq!(status(r#"@.type!="Ready""#), Ok(vec![json!("False")]));
        assert_eq!(status("@.n>=2"), Ok(vec![json!("False")]));
        assert_eq!(status("@.n<2"), Ok(vec![json!("True")]));
        assert_eq!(status("@.type").unwrap().len(), 2);
        assert_eq!(status(r#"@.type=="Absent""#), Ok(vec![]));
        assert_eq!(status("@.n==\"1\""), Err(Mismatch));
        assert_eq!(status(r#"@.type=="a)b""#), Ok(vec![]));
    }

    #[test]
    fn values_are_found_wherever_below() {
        let all = json!(["Ready", "Joined"]);
        assert_eq!(Value::from(find("..type").unwrap()), all);
        assert_eq!(find("..conditions[0].type"), Ok(vec![json!("Ready")]));
        assert_eq!(find(".spec..n"), Ok(vec![json!(3)]));
        assert_eq!(find("..absent"), Ok(vec![]));
        assert_eq!(find(".metadata..*").unwrap().len(), 3);
    }

    #[test]
    fn several_values_are_found_one_kind_after_another() {
        let found = json!(["c", "a"]);
        assert_eq!(Value::from(find(".spec.list[2,0]").unwrap()), found);
        let found = json!(["1", "dotted"]);
        let path = r".metadata.labels['x','a\.b/c']";
        assert_eq!(Value::from(find(path).unwrap()), found);
        let found = json!(["Ready", "Joined", "True", "False", "Unknown"]);
        let path = ".status.conditions[*]['type','status']";
        assert_eq!(Value::from(find(path).unwrap()), found);
    }

    #[test]
    fn paths_that_find_too_much_are_given_up() {
        let mut object = json!({"a": 1});
        for _ in 0..60 {
            object = json!({ "a": object, "b": {"a": 1} });
        }
        let path: JsonPath = "..*..*..*..*".parse().unwrap();
        assert_eq!(path.find(&object), Err(Mismatch));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for wrong in [
            ".a[",
            ".a[x]",
            ".a[?(@.b=='c')",
            "...a",
            "..",
            ".a['b',]",
            ".a[9223372036854775807]",
            "a.b{",
            ".a[?(@.b~'c')]",
        ] {
            assert!(wrong.parse::<JsonPath>().is_err(), "{wrong}");
        }
    }
}
