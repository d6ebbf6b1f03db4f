//! JSON patches (RFC 6902), as the real server reads them: a missing field is
//! null, a negative index counts from the end, `replace` adds.

use std::fmt::Display;

use serde_json::Value;

use super::{PatchError, cannot_unmarshal};

/// How many operations a patch may have.
const MOST_OPERATIONS: usize = 10_000;

/// How many bytes of JSON a patch may copy.
const MOST_COPIED: usize = 3 * 1024 * 1024;

/// How deep a patch may make an object: deeper than any that can be read.
const MOST_DEPTH: usize = 512;

/// How many values a patch may look at or move aside, so that inserting into
/// a long list again and again ends.
const MOST_STEPS: usize = 50_000_000;

/// `document` after all operations of `patch`.
///
/// # Errors
///
/// If `patch` is no list of operations, or one of them cannot be done. None is
/// done then.
pub fn apply(mut document: Value, patch: &Value) -> Result<Value, PatchError> {
    let operations = operations(patch)?;
    let mut work = Work::default();
    for operation in operations {
        operation
            .run(&mut document, &mut work)
            .map_err(PatchError::Unprocessable)?;
    }
    Ok(document)
}

/// What has been done so far of what may be.
#[derive(Default)]
struct Work {
    copied: usize,
    steps: usize,
}

impl Work {
    fn step(&mut self, count: usize) -> Result<(), String> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > MOST_STEPS {
            return Err(format!("the patch moves more than {MOST_STEPS} values"));
        }
        Ok(())
    }

    fn copy(&mut self, value: &Value) -> Result<(), String> {
        self.copied = self.copied.saturating_add(value.to_string().len());
        if self.copied > MOST_COPIED {
            return Err(format!(
                "Unable to complete the copy, the accumulated size increase of copy is {}, exceeding the limit {MOST_COPIED}",
                self.copied
            ));
        }
        Ok(())
    }

    /// That `value` does not make the document too deep where it is to be.
    fn depth(&mut self, path: &str, value: &Value) -> Result<(), String> {
        let above = path.matches('/').count();
        let mut level = vec![value];
        let mut depth = 0;
        while !level.is_empty() {
            self.step(level.len())?;
            depth += 1;
            if above + depth > MOST_DEPTH {
                return Err(format!(
                    "the patch makes the object deeper than {MOST_DEPTH}"
                ));
            }
            level = level.into_iter().flat_map(within).collect();
        }
        Ok(())
    }
}

fn within(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Box::new(std::iter::empty())
        }
    }
}

fn operations(patch: &Value) -> Result<Vec<Operation<'_>>, PatchError> {
    let refuse = |value: &Value, into: &str| {
        let error = cannot_unmarshal(value, into);
        PatchError::BadRequest(format!("error decoding patch: {error}"))
    };
    let list = match patch {
        Value::Array(list) => list.as_slice(),
        Value::Null => &[],
        Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::String(_) => {
            return Err(refuse(patch, "value of type []handlers.jsonPatchOp"));
        }
    };
    if list.len() > MOST_OPERATIONS {
        return Err(PatchError::TooLarge(format!(
            "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
            list.len()
        )));
    }
    let mut operations = Vec::with_capacity(list.len());
    for item in list {
        if !item.is_object() && !item.is_null() {
            return Err(refuse(item, "value of type handlers.jsonPatchOp"));
        }
        for field in ["op", "path", "from"] {
            if let Some(value) = item.get(field)
                && !value.is_string()
                && !value.is_null()
            {
                let into = format!("struct field jsonPatchOp.{field} of type string");
                return Err(refuse(value, &into));
            }
        }
        let text = |field| item.get(field).and_then(Value::as_str);
        operations.push(Operation {
            kind: text("op").unwrap_or("unknown"),
            path: text("path"),
            from: text("from"),
            value: item.get("value"),
        });
    }
    Ok(operations)
}

struct Operation<'p> {
    kind: &'p str,
    path: Option<&'p str>,
    from: Option<&'p str>,
    value: Option<&'p Value>,
}

const MISSING: &str = "missing value";

impl<'p> Operation<'p> {
    fn run(&self, document: &mut Value, work: &mut Work) -> Result<(), String> {
        work.step(1)?;
        match self.kind {
            "add" => self.add(document, work),
            "remove" => self.remove(document, work),
            "replace" => self.replace(document, work),
            "move" => self.move_value(document, work),
            "copy" => self.copy(document, work),
            "test" => self.test(document, work),
            other => Err(format!("Unexpected kind: {other}")),
        }
    }

    fn path(&self) -> Result<&'p str, String> {
        let failed = match self.kind {
            "add" | "remove" | "copy" => MISSING.to_owned(),
            _ => format!("operation missing path field: {MISSING}"),
        };
        let failed = || format!("{} operation failed to decode path: {failed}", self.kind);
        self.path.ok_or_else(failed)
    }

    fn from(&self) -> Result<&'p str, String> {
        self.from.ok_or_else(|| {
            format!(
                "{} operation failed to decode from: operation, missing from field: {MISSING}",
                self.kind
            )
        })
    }

    fn value(&self) -> Value {
        self.value.cloned().unwrap_or_default()
    }

    fn add(&self, document: &mut Value, work: &mut Work) -> Result<(), String> {
        let path = self.path()?;
        let Some((target, key)) = find(document, path) else {
            return Err(format!(
                "add operation does not apply: doc is missing path: \"{path}\": {MISSING}"
            ));
        };
        let value = self.value();
        work.depth(path, &value)?;
        insert(target, &key, value, work).map_err(in_operation("add", path))
    }

    fn remove(&self, document: &mut Value, work: &mut Work) -> Result<(), String> {
        let path = self.path()?;
        let Some((target, key)) = find(document, path) else {
            return Err(format!(
                "remove operation does not apply: doc is missing path: \"{path}\": {MISSING}"
            ));
        };
        take(target, &key, work).map_err(in_operation("remove", path))?;
        Ok(())
    }

    fn replace(&self, document: &mut Value, work: &mut Work) -> Result<(), String> {
        let path = self.path()?;
        let value = self.value();
        work.depth(path, &value)?;
        if path.is_empty() {
            if !value.is_object() && !value.is_array() {
                return Err(
                    "replace operation value must be object or array: %!w(<nil>)".to_owned(),
                );
            }
            *document = value;
            return Ok(());
        }
        let Some((target, key)) = find(document, path) else {
            return Err(format!(
                "replace operation does not apply: doc is missing path: {path}: {MISSING}"
            ));
        };
        if let Value::Object(fields) = target {
            fields.insert(key, value);
            return Ok(());
        }
        let place = target.as_array_mut().and_then(|items| {
            let place = place(items, &key).ok()?;
            items.get_mut(place)
        });
        let place = place.ok_or_else(|| {
            format!("replace operation does not apply: doc is missing key: {path}: {MISSING}")
        })?;
        *place = value;
        Ok(())
    }

    fn move_value(&self, document: &mut Value, work: &mut Work) -> Result<(), String> {
        let from = self.from()?;
        let Some((source, key)) = find(document, from) else {
            return Err(format!(
                "move operation does not apply: doc is missing from path: {from}: {MISSING}"
            ));
        };
        let value = take(source, &key, work).map_err(in_operation("move", &key))?;
        let path = self.path()?;
        let Some((target, key)) = find(document, path) else {
            return Err(format!(
                "move operation does not apply: doc is missing destination path: {path}: {MISSING}"
            ));
        };
        work.depth(path, &value)?;
        insert(target, &key, value, work).map_err(in_operation("move", path))
    }

    fn copy(&self, document: &mut Value, work: &mut Work) -> Result<(), String> {
        let from = self.from()?;
        let Some((source, key)) = find(document, from) else {
            return Err(format!(
                "copy operation does not apply: doc is missing from path: {from}: {MISSING}"
            ));
        };
        let value = get(source, &key)
            .map_err(|error| format!("error in copy for from: '{from}': {error}"))?;
        if let Some(value) = value {
            work.copy(value)?;
        }
        let value = value.cloned().unwrap_or_default();
        let path = self.path()?;
        let Some((target, key)) = find(document, path) else {
            return Err(format!(
                "copy operation does not apply: doc is missing destination path: {path}: {MISSING}"
            ));
        };
        work.depth(path, &value)?;
        insert(target, &key, value, work)
            .map_err(|error| format!("error while adding value during copy: {error}"))
    }

    fn test(&self, document: &mut Value, work: &mut Work) -> Result<(), String> {
        let path = self.path()?;
        let found = if path.is_empty() {
            Some(&*document)
        } else {
            let Some((target, key)) = find(document, path) else {
                return Err(format!(
                    "test operation does not apply: is missing path: {path}: {MISSING}"
                ));
            };
            get(target, &key).map_err(in_operation("test", path))?
        };
        let wanted = self.value.unwrap_or(&Value::Null);
        work.depth("", wanted)?;
        if found.unwrap_or(&Value::Null) == wanted {
            Ok(())
        } else {
            Err(format!("testing value {path} failed: test failed"))
        }
    }
}

fn in_operation<'t>(what: &'t str, path: &'t str) -> impl FnOnce(String) -> String + 't {
    move |error| format!("error in {what} for path: '{path}': {error}")
}

/// The object or list that the last step of a path is in, and that step.
fn find<'d>(document: &'d mut Value, path: &str) -> Option<(&'d mut Value, String)> {
    let mut steps = path
        .split('/')
        .skip(1)
        .map(|step| step.replace("~1", "/").replace("~0", "~"));
    let mut step = steps.next()?;
    let mut target = document;
    for next in steps {
        target = match target {
            Value::Object(fields) => fields.get_mut(&step)?,
            Value::Array(items) => {
                let place = place(items, &step).ok()?;
                items.get_mut(place)?
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
        step = next;
    }
    (target.is_object() || target.is_array()).then_some((target, step))
}

/// What is at a key; `None` for a field that is not there.
fn get<'d>(target: &'d Value, key: &str) -> Result<Option<&'d Value>, String> {
    match target.as_array() {
        Some(items) => Ok(items.get(place(items, key)?)),
        None => Ok(target.get(key)),
    }
}

fn insert(target: &mut Value, key: &str, value: Value, work: &mut Work) -> Result<(), String> {
    let items = match target {
        Value::Array(items) => items,
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
            return Ok(());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Ok(()),
    };
    if key == "-" {
        items.push(value);
        return Ok(());
    }
    let index = number(key)
        .map_err(|error| format!("value was not a proper array index: '{key}': {error}"))?;
    let place = within_bounds(index, items.len() + 1)?;
    work.step(items.len() - place)?;
    items.insert(place, value);
    Ok(())
}

fn take(target: &mut Value, key: &str, work: &mut Work) -> Result<Value, String> {
    match target {
        Value::Array(items) => {
            let place = place(items, key)?;
            work.step(items.len() - place)?;
            Ok(items.remove(place))
        }
        Value::Object(fields) => fields
            .remove(key)
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: {MISSING}")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Value::Null),
    }
}

fn place(items: &[Value], key: &str) -> Result<usize, String> {
    within_bounds(number(key)?, items.len())
}

/// An index as a place in a list of that length; a negative one counts from
/// its end.
fn within_bounds(index: i64, length: usize) -> Result<usize, String> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = if index < 0 { index + length } else { index };
    usize::try_from(place)
        .ok()
        .filter(|_| place < length)
        .ok_or_else(|| format!("Unable to access invalid index: {index}: invalid index referenced"))
}

fn number(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let failed = |why: &dyn Display| {
        format!(
            "strconv.Atoi: parsing {}: {why}",
            crate::quoted::Quoted(text)
        )
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(failed(&"invalid syntax"));
    }
    text.parse().map_err(|_| failed(&"value out of range"))
}
