use serde_json::Value;

/// A path to fields of an object: kubectl's JSONPath without recursive descent and
/// ranges, and of jq's expressions those that are nothing but a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    All,
    Field(String),
    Index(usize),
    /// The elements that have this value there, or have not.
    Where {
        path: Vec<Self>,
        is: bool,
        value: Value,
    },
}

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let text = text
            .strip_prefix('{')
            .and_then(|of| of.strip_suffix('}'))
            .unwrap_or(text);
        let text = text.strip_prefix('$').unwrap_or(text);
        steps(text, false).map(Self)
    }

    /// Reads an expression of jq.
    pub(super) fn parse_jq(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.contains(['|', '(', ',', ';', '?']) || text.contains("..") {
            return Err("of jq's expressions only paths are supported, as .spec.a[0].b");
        }
        steps(text, true).map(Self)
    }

    /// The JSON pointers to what the path leads to in an object.
    pub(super) fn find(&self, object: &Value) -> Vec<String> {
        let mut found = vec![(String::new(), object)];
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|(to, of)| step.take(&to, of))
                .collect();
        }
        found.into_iter().map(|(to, _)| to).collect()
    }
}

impl Step {
    fn take<'a>(&self, to: &str, of: &'a Value) -> Vec<(String, &'a Value)> {
        let field = |(key, value): (&String, &'a Value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            (format!("{to}/{key}"), value)
        };
        let item = |(at, value): (usize, &'a Value)| (format!("{to}/{at}"), value);
        match (self, of) {
            (Self::All, Value::Object(fields)) => fields.iter().map(field).collect(),
            (Self::All, Value::Array(items)) => items.iter().enumerate().map(item).collect(),
            (Self::Field(key), Value::Object(fields)) => {
                fields.get_key_value(key).map(field).into_iter().collect()
            }
            (Self::Index(at), Value::Array(items)) => items
                .get(*at)
                .map(|of| item((*at, of)))
                .into_iter()
                .collect(),
            (Self::Where { path, is, value }, Value::Array(items)) => {
                let path = Path(path.clone());
                let has = |of: &Value| {
                    let found = path.find(of);
                    found.iter().any(|to| of.pointer(to) == Some(value))
                };
                let items = items.iter().enumerate();
                items.filter(|(_, of)| has(of) == *is).map(item).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn steps(mut text: &str, jq: bool) -> Result<Vec<Step>, &'static str> {
    let mut steps = Vec::new();
    while !text.is_empty() {
        if let Some(rest) = text.strip_prefix('.') {
            if rest.starts_with('[') && jq {
                text = rest;
                continue;
            }
            if let Some(rest) = rest.strip_prefix('"') {
                let (key, rest) = rest.split_once('"').ok_or(UNCLOSED)?;
                steps.push(Step::Field(key.to_owned()));
                text = rest;
                continue;
            }
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            match &rest[..end] {
                "" => return Err("a field's name is missing"),
                "*" => steps.push(Step::All),
                key => steps.push(Step::Field(key.to_owned())),
            }
            text = &rest[end..];
        } else if let Some(rest) = text.strip_prefix('[') {
            let (step, rest) = bracket(rest, jq)?;
            steps.push(step);
            text = rest;
        } else {
            return Err("a path begins with a dot");
        }
    }
    if steps.is_empty() {
        return Err("it is the whole object");
    }
    Ok(steps)
}

/// What is in brackets, and what comes behind them.
fn bracket(text: &str, jq: bool) -> Result<(Step, &str), &'static str> {
    if let Some(rest) = text.strip_prefix("?(") {
        let (filter, rest) = rest.split_once(")]").ok_or(UNCLOSED)?;
        return Ok((condition(filter)?, rest));
    }
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            let (key, rest) = rest.split_once(quote).ok_or(UNCLOSED)?;
            let rest = rest.strip_prefix(']').ok_or(UNCLOSED)?;
            return Ok((Step::Field(key.to_owned()), rest));
        }
    }
    let (inner, rest) = text.split_once(']').ok_or(UNCLOSED)?;
    let step = match inner {
        "*" => Step::All,
        "" if jq => Step::All,
        number => Step::Index(
            number
                .parse()
                .map_err(|_| "only an index or * may stand in []")?,
        ),
    };
    Ok((step, rest))
}

/// `@.name == "a"`
fn condition(text: &str) -> Result<Step, &'static str> {
    let parted = text
        .split_once("==")
        .map(|(path, value)| (path, true, value));
    let parted = parted.or_else(|| {
        text.split_once("!=")
            .map(|(path, value)| (path, false, value))
    });
    let (path, is, value) = parted.ok_or("only == and != are supported in filters")?;
    let path = path.trim().strip_prefix('@').ok_or("a filter is about @")?;
    let value = value.trim();
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    let value = match quoted('\'').or_else(|| quoted('"')) {
        Some(text) => Value::from(text),
        None => serde_json::from_str(value).map_err(|_| "a filter compares with a JSON value")?,
    };
    let path = steps(path, false)?;
    Ok(Step::Where { path, is, value })
}

const UNCLOSED: &str = "a bracket or a quote is not closed";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Value {
        json!({"spec": {"a/b": 1, "replicas": 2,
            "containers": [{"name": "x", "image": "1"}, {"name": "y", "image": "2"}]}})
    }

    #[test]
    fn paths_lead_to_where_kubectl_finds_them() {
        let find = |path: &str| Path::parse(path).unwrap().find(&object());
        for path in [".spec.replicas", "{.spec.replicas}", "$.spec['replicas']"] {
            assert_eq!(find(path), ["/spec/replicas"], "{path}");
        }
        assert_eq!(find(".spec['a/b']"), ["/spec/a~1b"]);
        let images = ["/spec/containers/0/image", "/spec/containers/1/image"];
        assert_eq!(find(".spec.containers[*].image"), images);
        assert_eq!(find(".spec.containers[1].image"), images[1..]);
        assert_eq!(
            find(".spec.containers[?(@.name == 'y')].image"),
            images[1..]
        );
        assert_eq!(
            find(".spec.containers[?(@.name!=\"y\")].image"),
            images[..1]
        );
        assert!(find(".spec.none").is_empty());
        assert!(find(".spec.replicas.none[0]").is_empty());
    }

    #[test]
    fn paths_of_jq_are_read_and_programs_refused() {
        let find = |path: &str| Path::parse_jq(path).unwrap().find(&object());
        assert_eq!(find(".spec.replicas"), ["/spec/replicas"]);
        assert_eq!(find(".[\"spec\"].\"a/b\""), ["/spec/a~1b"]);
        assert_eq!(find(".spec.containers[].image").len(), 2);
        for program in [".spec | .replicas", "..", ".a?", "select(.a)", ".a, .b"] {
            assert!(Path::parse_jq(program).is_err(), "{program}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            "spec",
            ".",
            ".a..b",
            ".a[",
            ".a[b]",
            ".a['b]",
            ".a[?(@.b)]",
            ".a[?(b==1)]",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
