//! The audit log: a line of JSON for every request, when it is over, with the
//! fields of `audit.k8s.io/v1` at the level `Metadata`.
//!
//! Bodies are never in it, nor headers other than the user agent. The query
//! is, as selectors are there.

use std::fmt::Debug;
use std::net::IpAddr;
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, UtcOffset};

use crate::{ResourceInfo, User};

mod file;

pub use file::AuditFile;

/// Takes the audit log's lines.
pub trait AuditLog: Debug + Send + Sync {
    /// Takes a line, with its end. It must not wait; what it cannot take is
    /// lost and counted, and it says so by `false`.
    fn take(&self, line: Bytes) -> bool;
}

/// Where a request comes from. Whoever accepts connections puts it among a
/// request's extensions, for the audit log; nothing is decided by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SourceAddress(pub IpAddr);

/// What is told of a request.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) id: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) verb: &'a str,
    pub(crate) user: Option<&'a User>,
    /// Who it counts as, if that is another.
    pub(crate) impersonated: Option<&'a User>,
    pub(crate) source: Option<IpAddr>,
    pub(crate) agent: &'a str,
    pub(crate) resource: Option<&'a ResourceInfo>,
    /// Its object's name, where the path does not say it.
    pub(crate) name: &'a str,
    pub(crate) code: u16,
    /// The reason and message of a failure.
    pub(crate) failure: Option<(&'a str, &'a str)>,
    /// Whether it was allowed, and by what or why not.
    pub(crate) decision: Option<(bool, &'a str)>,
    pub(crate) received: OffsetDateTime,
}

impl Event<'_> {
    /// The line, as of now.
    pub(crate) fn line(&self) -> Bytes {
        let user = self.user.map_or_else(|| json!({}), user);
        let mut event = json!({
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": self.id,
            "stage": "ResponseComplete",
            "requestURI": cut(self.uri),
            "verb": self.verb,
            "user": user,
            "requestReceivedTimestamp": micro_time(self.received),
            "stageTimestamp": micro_time(SystemTime::now().into()),
        });
        let mut put = |name: &str, value: Value| {
            event[name] = value;
        };
        if let Some(of) = self.impersonated {
            put("impersonatedUser", self::user(of));
        }
        if let Some(source) = self.source {
            put("sourceIPs", json!([source.to_string()]));
        }
        if !self.agent.is_empty() {
            put("userAgent", cut(self.agent).into());
        }
        if let Some(of) = self.resource {
            put("objectRef", self.reference(of));
        }
        let mut status = json!({"metadata": {}, "code": self.code});
        if let Some((reason, message)) = self.failure {
            status["status"] = "Failure".into();
            status["reason"] = reason.into();
            status["message"] = cut(message).into();
        }
        put("responseStatus", status);
        if let Some((allowed, reason)) = self.decision {
            let decision = if allowed { "allow" } else { "forbid" };
            let annotations = json!({
                "authorization.k8s.io/decision": decision,
                "authorization.k8s.io/reason": reason,
            });
            put("annotations", annotations);
        }
        let mut line = event.to_string().into_bytes();
        line.push(b'\n');
        line.into()
    }

    fn reference(&self, of: &ResourceInfo) -> Value {
        let name = if of.name.is_empty() {
            self.name
        } else {
            &of.name
        };
        let fields = [
            ("resource", &*of.resource),
            ("namespace", &*of.namespace),
            ("name", name),
            ("apiGroup", &*of.group),
            ("apiVersion", &*of.version),
            ("subresource", &*of.subresource),
        ];
        let said = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let said = said.map(|(field, value)| (field.to_owned(), cut(value).into()));
        Value::Object(said.collect())
    }
}

fn user(user: &User) -> Value {
    let mut fields = Map::new();
    fields.insert("username".to_owned(), json!(user.name));
    if !user.uid.is_empty() {
        fields.insert("uid".to_owned(), json!(user.uid));
    }
    if !user.groups.is_empty() {
        fields.insert("groups".to_owned(), json!(user.groups));
    }
    if !user.extra.is_empty() {
        fields.insert("extra".to_owned(), json!(user.extra));
    }
    Value::Object(fields)
}

/// What a client sends may be long.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A time with microseconds, as `metav1.MicroTime` has it.
fn micro_time(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.microsecond()
    )
}

/// So many bytes of a text are told.
const LONGEST: usize = 4096;
