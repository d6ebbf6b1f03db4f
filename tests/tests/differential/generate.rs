//! Requests made from a seed.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Map, Value, json};

use crate::request::{Request, apply, delete, get, json_patch, merge, post, put, strategic};

#[path = "generate/faults.rs"]
mod faults;
#[path = "generate/objects.rs"]
mod objects;
#[path = "generate/reads.rs"]
mod reads;
#[path = "generate/removals.rs"]
mod removals;
#[path = "generate/values.rs"]
mod values;

use objects::{KINDS, Kind};
use values::Values;

/// Makes the requests of one case.
pub(crate) struct Generator {
    random: StdRng,
    kind: &'static Kind,
}

const NAMES: [&str; 2] = ["a", "b"];
const MANAGERS: [&str; 3] = ["one", "two", "three"];
/// A manager whose name is too long.
const LONG: &str = concat!(
    "a-manager-with-a-name-of-more-than-one-hundred-and-twenty-eight-characters-which-is-",
    "more-than-anybody-needs-to-be-told-from-all-others"
);

impl Generator {
    pub(crate) fn new(seed: u64, case: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(case));
        let kind = KINDS.choose(&mut random).expect("kinds");
        Self { random, kind }
    }

    /// A dozen requests about two objects of one kind.
    pub(crate) fn requests(&mut self) -> Vec<Request> {
        let count = self.random.random_range(6..=14);
        let mut all = Vec::new();
        let name = self.name();
        all.push(self.write(&name));
        while all.len() < count {
            let name = self.name();
            let requests = match self.random.random_range(0..100) {
                0..20 => vec![self.write(&name)],
                20..42 => vec![self.apply(&name)],
                42..62 => vec![self.patch(&name)],
                62..75 => vec![self.replace(&name)],
                75..83 => vec![self.read(&name)],
                83..92 => self.remove(&name),
                _ => vec![self.through(&name)],
            };
            all.extend(requests);
        }
        for name in NAMES {
            all.push(get(self.path(&self.called(name))));
        }
        all.push(get(format!(
            "{}?fieldSelector=metadata.name={}",
            self.kind.path,
            self.called("a")
        )));
        all
    }

    /// What takes away the objects that are in no namespace.
    pub(crate) fn cleanup(&self) -> Vec<Request> {
        if self.kind.path.contains("<ns>") || self.kind.kind == "Namespace" {
            return Vec::new();
        }
        let paths = NAMES.map(|name| self.path(&self.called(name)));
        let free = json!({"metadata": {"finalizers": null}});
        let each = |path: String| [merge(path.as_str(), &free), delete(path)];
        paths.into_iter().flat_map(each).collect()
    }

    /// Names in no namespace are each case's own.
    fn called(&self, name: &str) -> String {
        if self.kind.path.contains("<ns>") {
            name.to_owned()
        } else {
            format!("<ns>-{name}")
        }
    }

    fn name(&mut self) -> String {
        let name = *NAMES.choose(&mut self.random).expect("names");
        self.called(name)
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.kind.path)
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.random).expect("something to choose of")
    }

    /// A path with some of a write's options.
    fn options(&mut self, path: String) -> String {
        let mut options = Vec::new();
        if self.chance(30) {
            options.push(format!("fieldManager={}", self.one(&MANAGERS)));
        }
        if self.chance(3) {
            options.push(format!("fieldManager={}", self.one(&[LONG, "a%09b", ""])));
        }
        if self.chance(10) {
            options.push("dryRun=All".to_owned());
        }
        if self.chance(2) {
            options.push(
                self.one(&["dryRun=Some", "fieldValidation=Some"])
                    .to_owned(),
            );
        }
        if self.chance(25) {
            options.push(format!(
                "fieldValidation={}",
                self.one(&["Strict", "Warn", "Ignore"])
            ));
        }
        queried(path, &options)
    }

    fn write(&mut self, name: &str) -> Request {
        let object = self.object(name);
        let path = self.options(self.kind.path.to_owned());
        post(path, &object)
    }

    fn replace(&mut self, name: &str) -> Request {
        let mut object = self.object(name);
        let version = match self.random.random_range(0..10) {
            0 => Some("1".to_owned()),
            1..=2 => None,
            _ => Some(format!("<rv {name}>")),
        };
        if let (Some(version), Some(metadata)) = (version, object["metadata"].as_object_mut()) {
            metadata.insert("resourceVersion".into(), version.into());
        }
        let path = self.options(self.path(name));
        put(path, &object)
    }

    fn apply(&mut self, name: &str) -> Request {
        let mut object = self.object(name);
        // An apply says only what it cares about.
        if let Some(spec) = object
            .get_mut(self.kind.body)
            .and_then(Value::as_object_mut)
        {
            let fields: Vec<String> = spec.keys().cloned().collect();
            for field in fields {
                if self.random.random_bool(0.4) && !self.kind.needed.contains(&&*field) {
                    spec.remove(&field);
                }
            }
        }
        let mut options = vec![format!("fieldManager={}", self.one(&MANAGERS))];
        if self.chance(40) {
            options.push("force=true".to_owned());
        }
        if self.chance(10) {
            options.push("dryRun=All".to_owned());
        }
        if self.chance(10) {
            options.push("fieldValidation=Strict".to_owned());
        }
        apply(queried(self.path(name), &options), &object)
    }

    fn patch(&mut self, name: &str) -> Request {
        let path = self.options(self.path(name));
        let object = self.object(name);
        let mut patch = json!({self.kind.body: object[self.kind.body]});
        if self.chance(40) {
            patch = json!({"metadata": object["metadata"]});
        }
        match self.random.random_range(0..10) {
            0..3 => {
                self.forget(&mut patch);
                merge(path, &patch)
            }
            3..6 => {
                self.forget(&mut patch);
                if self.chance(20) {
                    self.direct(&mut patch);
                }
                strategic(path, &patch)
            }
            _ => {
                let operations = self.operations(&object);
                json_patch(path, &operations)
            }
        }
    }

    /// Sets some of a patch's fields to null.
    fn forget(&mut self, value: &mut Value) {
        if let Value::Object(fields) = value {
            for (_, value) in fields.iter_mut() {
                if self.random.random_bool(0.06) {
                    *value = Value::Null;
                } else {
                    self.forget(value);
                }
            }
        }
    }

    fn operations(&mut self, object: &Value) -> Value {
        let count = self.random.random_range(1..4);
        let mut paths = Vec::new();
        pointers(object, String::new(), &mut paths);
        let operations = (0..count).map(|_| {
            let (path, value) = paths.choose(&mut self.random).cloned().unwrap_or_default();
            let (from, other) = paths.choose(&mut self.random).cloned().unwrap_or_default();
            let value = if self.random.random_bool(0.7) {
                value
            } else {
                other
            };
            match self.random.random_range(0..12) {
                0..4 => json!({"op": "add", "path": path, "value": value}),
                4..7 => json!({"op": "replace", "path": path, "value": value}),
                7..9 => json!({"op": "remove", "path": path}),
                9 => json!({"op": "test", "path": path, "value": value}),
                10 => json!({"op": "copy", "from": from, "path": path}),
                _ => json!({"op": "move", "from": from, "path": path}),
            }
        });
        operations.collect()
    }

    /// A write through a subresource, or a read of it.
    fn through(&mut self, name: &str) -> Request {
        let Some((subresource, values)) = self.kind.through else {
            return get(self.path(name));
        };
        let path = format!("{}/{subresource}", self.path(name));
        let mut value: Value = serde_json::from_str(self.one(values)).expect("JSON");
        if !self.kind.of_schema.is_empty() && self.chance(60) {
            let mut made = Values {
                catalogue: api::ocm(),
                random: &mut self.random,
            };
            if let Some(made) = made.field(self.kind.version, self.kind.kind, subresource) {
                value = json!({ subresource: made });
            }
        }
        if self.chance(15)
            && let Value::Object(fields) = &mut value
        {
            self.spoil(fields);
        }
        let mut object = value.clone();
        object["apiVersion"] = self.kind.version.into();
        object["kind"] = self.kind.kind.into();
        object["metadata"] = json!({"name": name});
        match self.random.random_range(0..8) {
            0..2 => merge(self.options(path), &value),
            2 => strategic(self.options(path), &value),
            3 => get(path),
            4 => {
                object["metadata"]["labels"] = self.texts("l");
                if self.chance(70) {
                    object["metadata"]["resourceVersion"] = format!("<rv {name}>").into();
                }
                put(self.options(path), &object)
            }
            5 => {
                let operations = self.operations(&value);
                json_patch(self.options(path), &operations)
            }
            _ => {
                let manager = self.one(&MANAGERS);
                let force = self.one(&["&force=true", ""]);
                apply(format!("{path}?fieldManager={manager}{force}"), &object)
            }
        }
    }

    fn object(&mut self, name: &str) -> Value {
        let mut metadata = Map::new();
        metadata.insert("name".into(), name.into());
        if self.chance(40) {
            metadata.insert("labels".into(), self.texts("l"));
        }
        if self.chance(30) {
            metadata.insert("annotations".into(), self.texts("n"));
        }
        if self.chance(8) {
            metadata.insert("finalizers".into(), json!([self.one(&["a.b/c", "d.e/f"])]));
        }
        let mut object = json!({"apiVersion": self.kind.version, "kind": self.kind.kind});
        object["metadata"] = metadata.into();
        let mut fields = self.fields();
        if self.chance(6) {
            self.spoil(&mut fields);
        }
        for (name, value) in fields {
            object[name] = value;
        }
        if self.chance(5) {
            object["undeclared"] = "x".into();
        }
        if self.chance(7) {
            self.mislead(&mut object);
        }
        object
    }

    fn texts(&mut self, key: &str) -> Value {
        let mut texts = Map::new();
        for suffix in ["", "2", ".io/x"] {
            if self.chance(50) {
                texts.insert(format!("{key}{suffix}"), self.one(&["a", "b", ""]).into());
            }
        }
        texts.into()
    }

    /// The object but for its metadata.
    fn fields(&mut self) -> Map<String, Value> {
        let mut fields = Map::new();
        for (path, values) in self.kind.always {
            set(&mut fields, path, self.parsed(values));
        }
        for (path, values) in self.kind.fields {
            if self.chance(35) {
                set(&mut fields, path, self.parsed(values));
            }
        }
        for field in self.kind.of_schema {
            let mut values = Values {
                catalogue: api::ocm(),
                random: &mut self.random,
            };
            if let Some(value) = values.field(self.kind.version, self.kind.kind, field) {
                fields.insert((*field).to_owned(), value);
            }
        }
        fields
    }

    fn parsed(&mut self, values: &[&'static str]) -> Value {
        let text = self.one(values);
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

fn queried(path: String, options: &[String]) -> String {
    if options.is_empty() {
        path
    } else {
        format!("{path}?{}", options.join("&"))
    }
}

fn set(fields: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            fields.insert(path.to_owned(), value);
        }
        Some((name, rest)) => {
            let inner = fields.entry(name).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// Every place in a value, but for its own, as a JSON pointer.
fn pointers(value: &Value, at: String, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if at.is_empty() && matches!(&**name, "apiVersion" | "kind") {
                    continue;
                }
                let path = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                found.push((path.clone(), value.clone()));
                pointers(value, path, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                let path = format!("{at}/{index}");
                found.push((path.clone(), value.clone()));
                pointers(value, path, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
