use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, Uri};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::audit::{AuditLog, Event, SourceAddress};
use crate::authorization::Decision;
use crate::in_flight::Kind;
use crate::metrics::{Labels, Metrics, Running};
use crate::writer::new_uid;
use crate::{Body, Registry, RequestInfo, ResourceInfo, Status, User};

/// Who is told of every request.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    pub(crate) metrics: Metrics,
    pub(crate) audit: Option<Arc<dyn AuditLog>>,
}

/// What is told of one request. It is told when this is dropped, which happens
/// on every way a request can end.
#[derive(Debug)]
pub(crate) struct Record {
    observers: Arc<Observers>,
    started: Instant,
    id: HeaderValue,
    counted: Option<(Labels, Running)>,
    /// The answer's code; [`CLIENT_CLOSED`] until there is one.
    code: u16,
    audited: Option<Box<Audited>>,
}

/// What the audit log tells beyond.
#[derive(Debug)]
struct Audited {
    received: OffsetDateTime,
    method: Method,
    uri: Uri,
    agent: String,
    source: Option<IpAddr>,
    verb: &'static str,
    resource: Option<ResourceInfo>,
    name: String,
    user: Option<User>,
    impersonated: Option<User>,
    failure: Option<(String, String)>,
    decision: Option<(bool, String)>,
}

impl Record {
    /// Begins the record of a request; its time runs from here.
    ///
    /// Its id is the client's own if it gives it one.
    pub(crate) fn begin(observers: &Arc<Observers>, head: &Parts) -> Self {
        let given = head.headers.get(AUDIT_ID);
        let given = given.filter(|id| !id.is_empty() && id.len() <= ID_MAX);
        let id = given.filter(|id| id.to_str().is_ok()).cloned();
        let audited = observers.audit.is_some().then(|| {
            let agent = head.headers.get(USER_AGENT);
            let agent = agent.and_then(|agent| agent.to_str().ok());
            Box::new(Audited {
                received: SystemTime::now().into(),
                method: head.method.clone(),
                uri: head.uri.clone(),
                agent: agent.unwrap_or_default().to_owned(),
                source: head.extensions.get::<SourceAddress>().map(|of| of.0),
                verb: "",
                resource: None,
                name: String::new(),
                user: None,
                impersonated: None,
                failure: None,
                decision: None,
            })
        });
        Self {
            observers: observers.clone(),
            started: Instant::now(),
            id: id.unwrap_or_else(|| {
                HeaderValue::try_from(new_uid()).expect("hexadecimal digits are a valid value")
            }),
            counted: None,
            code: CLIENT_CLOSED,
            audited,
        }
    }

    /// It is known what the request asks for.
    pub(crate) fn asks(&mut self, registry: &Registry, head: &Parts, info: &RequestInfo) {
        let media = head.headers.get(CONTENT_TYPE);
        let applies = media.is_some_and(|media| media.as_bytes().starts_with(APPLY));
        let query = head.uri.query().unwrap_or_default();
        let labels = Labels::of(registry, &head.method, query, applies, info);
        self.counted = labels.map(|labels| {
            let running = match Kind::of(info) {
                Kind::Changing => Running::Changing,
                Kind::Lasting => Running::Lasting,
                Kind::Reading => Running::Reading,
            };
            self.observers.metrics.begin(&labels, running);
            (labels, running)
        });
        if let Some(audited) = &mut self.audited {
            audited.verb = info.verb;
            audited.resource.clone_from(&info.resource);
        }
    }

    /// It is known who makes it.
    pub(crate) fn is_by(&mut self, user: &User) {
        if let Some(audited) = &mut self.audited {
            audited.user = Some(user.clone());
        }
    }

    /// It is known who it counts as.
    pub(crate) fn counts_as(&mut self, user: &User) {
        if let Some(audited) = &mut self.audited
            && audited.user.as_ref() != Some(user)
        {
            audited.impersonated = Some(user.clone());
        }
    }

    /// It is known whether it may be made.
    pub(crate) fn decided(&mut self, decision: &Decision) {
        if let Some(audited) = &mut self.audited {
            let reason = decision.reason().to_owned();
            audited.decision = Some((decision.is_allowed(), reason));
        }
    }

    /// The name of the object that it makes is known, where the path has none.
    pub(crate) fn makes(&mut self, name: &str) {
        if let Some(audited) = &mut self.audited {
            name.clone_into(&mut audited.name);
        }
    }

    /// It has failed.
    pub(crate) fn failed(&mut self, status: &Status) {
        if let Some(audited) = &mut self.audited {
            let reason = format!("{:?}", status.reason());
            audited.failure = Some((reason, status.message().to_owned()));
        }
    }

    /// The answer to send, which ends the request when it has been sent.
    pub(crate) fn answered(mut self, mut response: Response<Body>) -> Response<Body> {
        self.code = response.status().as_u16();
        response.headers_mut().insert(AUDIT_ID, self.id.clone());
        response.map(|body| body.holding(self))
    }
}

impl Audited {
    fn line(&self, id: &HeaderValue, code: u16) -> bytes::Bytes {
        let uri = self.uri.path_and_query();
        let verb = match self.verb {
            // What is no request at all.
            "" => self.method.as_str(),
            verb => verb,
        };
        let failure = self.failure.as_ref();
        let decision = self.decision.as_ref();
        Event {
            id: id.to_str().unwrap_or_default(),
            uri: uri.map_or("/", |uri| uri.as_str()),
            verb,
            user: self.user.as_ref(),
            impersonated: self.impersonated.as_ref(),
            source: self.source,
            agent: &self.agent,
            resource: self.resource.as_ref(),
            name: &self.name,
            code,
            failure: failure.map(|(reason, message)| (&**reason, &**message)),
            decision: decision.map(|(allowed, reason)| (*allowed, &**reason)),
            received: self.received,
        }
        .line()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Observers { metrics, audit } = &*self.observers;
        if let Some((labels, running)) = self.counted.take() {
            metrics.end(labels, running, self.code, self.started.elapsed());
        }
        if let (Some(audit), Some(audited)) = (audit, &self.audited) {
            metrics.audited(audit.take(audited.line(&self.id, self.code)));
        }
    }
}

/// Names a request, in the answer and in the audit log.
const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");
/// A longer id is not taken over.
const ID_MAX: usize = 64;
/// What is told of a request whose client went away before it had an answer.
///
/// No response carries it; other servers tell the same number.
const CLIENT_CLOSED: u16 = 499;
const APPLY: &[u8] = b"application/apply-patch+yaml";
