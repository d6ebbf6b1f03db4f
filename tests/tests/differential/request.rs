//! A request, the same for both servers.

use serde_json::Value;

/// What is sent. `<ns>` in the path and the body stands for the namespace of
/// the script, `<rv>` and `<uid>` for the last object's that the server has
/// shown, `<rv NAME>` and `<uid NAME>` for those of the last object of that
/// name, and `<continue>` for the last list's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How many lines are read of the answer's body; all without.
    pub(crate) lines: Option<usize>,
    /// Whether the answers may come to be the same.
    pub(crate) settles: bool,
}

impl Request {
    pub(crate) fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            path: path.into(),
            ..Self::default()
        }
    }

    /// With this line in its head.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn accept(self, media: &str) -> Self {
        self.header("accept", media)
    }

    /// With this body, in JSON if nothing else is said.
    pub(crate) fn json(self, body: &Value) -> Self {
        let text = body.to_string();
        self.bytes("application/json", text)
    }

    pub(crate) fn bytes(mut self, media: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", media)
    }

    /// A stream of which this many lines are read.
    pub(crate) fn lines(mut self, count: usize) -> Self {
        self.lines = Some(count);
        self
    }

    /// Sent again for some seconds until the answers are the same: a
    /// controller is at work.
    pub(crate) fn settles(mut self) -> Self {
        self.settles = true;
        self
    }

    /// Whether it asks for whatever is at hand, which may be old.
    pub(crate) fn may_be_old(&self) -> bool {
        let asks = |part: &str| part == "resourceVersion=0";
        self.method == "GET" && self.path.split(['?', '&']).any(asks)
    }

    /// What somebody reads who has to find out what went wrong.
    pub(crate) fn shown(&self) -> String {
        let mut text = format!("{} {}", self.method, self.path);
        for (name, value) in &self.headers {
            text.push_str(&format!("\n{name}: {}", cut(value)));
        }
        if !self.body.is_empty() {
            text.push_str(&format!(
                "\n\n{}",
                cut(&String::from_utf8_lossy(&self.body))
            ));
        }
        text
    }
}

pub(crate) fn get(path: impl Into<String>) -> Request {
    Request::new("GET", path)
}

pub(crate) fn post(path: impl Into<String>, body: &Value) -> Request {
    Request::new("POST", path).json(body)
}

pub(crate) fn put(path: impl Into<String>, body: &Value) -> Request {
    Request::new("PUT", path).json(body)
}

pub(crate) fn delete(path: impl Into<String>) -> Request {
    Request::new("DELETE", path)
}

pub(crate) fn json_patch(path: impl Into<String>, patch: &Value) -> Request {
    patch_of(path, "application/json-patch+json", patch)
}

pub(crate) fn merge(path: impl Into<String>, patch: &Value) -> Request {
    patch_of(path, "application/merge-patch+json", patch)
}

pub(crate) fn strategic(path: impl Into<String>, patch: &Value) -> Request {
    patch_of(path, "application/strategic-merge-patch+json", patch)
}

pub(crate) fn apply(path: impl Into<String>, patch: &Value) -> Request {
    patch_of(path, "application/apply-patch+yaml", patch)
}

fn patch_of(path: impl Into<String>, media: &str, patch: &Value) -> Request {
    Request::new("PATCH", path).bytes(media, patch.to_string())
}

/// The beginning of a long text.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}

const SHOWN: usize = 2000;
