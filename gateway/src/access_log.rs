//! One line for every request, when it is over.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode};
use proto::{AgentName, ClusterName};
use tokio::time::Instant;
use tunnel::{Span, SpanKind};

use crate::Counters;
use crate::uplink::Uplink;

/// What a log shows of a request whose client went away before it had an answer.
///
/// No response carries it; other proxies log the same number.
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// Longest path logged, in bytes; a longer one is cut.
const MAX_PATH_LEN: usize = 2048;

/// Names a request in the hub's log, its own errors and the cluster's audit log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RequestId(u128);

/// Who ended a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EndedBy {
    /// The client went away.
    Client,
    /// The hub answered by itself, or gave the request up.
    Hub,
    /// The tunnel's session broke, or the agent reset the stream.
    Tunnel,
    /// The API server: it finished its answer, or broke it off.
    Upstream,
}

/// Whether what was to be sent was sent whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Completeness {
    Cut,
    Whole,
}

/// What the log will say of one request.
///
/// It says it when this is dropped, which happens on every way a request can
/// end. The event has target `access` and level INFO. Tokens and queries,
/// which may hold secrets, are not in it.
#[derive(Debug)]
pub(crate) struct Record {
    counters: Arc<Counters>,
    id: RequestId,
    started: Instant,
    method: Method,
    path: String,
    user: Option<String>,
    acting_as: Option<String>,
    cluster: Option<ClusterName>,
    target: Option<String>,
    agent: Option<AgentName>,
    status: u16,
    uplink: Arc<Uplink>,
    bytes_out: u64,
    end: (EndedBy, Completeness),
    /// The caller's trace, if he named one.
    trace_parent: Option<String>,
    /// The request's own part of the trace, if somebody collects it.
    span: Option<Span>,
}

impl RequestId {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// The id as a header's value.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("hexadecimal digits are a valid value")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Record {
    /// Begins the record of a request; its time runs from here.
    pub(crate) fn begin(
        counters: &Arc<Counters>,
        method: &Method,
        path: &str,
        trace_parent: Option<String>,
    ) -> Self {
        counters.begin();
        let span = Span::begin("request", SpanKind::Server, trace_parent.as_deref());
        Self {
            counters: Arc::clone(counters),
            id: RequestId::random(),
            started: Instant::now(),
            method: method.clone(),
            path: loggable(path),
            user: None,
            acting_as: None,
            cluster: None,
            target: None,
            agent: None,
            status: CLIENT_CLOSED_REQUEST,
            uplink: Arc::default(),
            bytes_out: 0,
            end: (EndedBy::Client, Completeness::Cut),
            trace_parent,
            span,
        }
    }

    /// What is done for this request has it as the parent in its trace.
    pub(crate) fn trace_parent(&self) -> Option<String> {
        match &self.span {
            Some(span) => span.trace_parent(),
            None => self.trace_parent.clone(),
        }
    }

    fn end_span(&mut self) {
        let Some(mut span) = self.span.take() else {
            return;
        };
        span.set("http.request.method", self.method.as_str());
        span.set("http.response.status_code", self.status.to_string());
        span.set("adit.request.id", self.id.to_string());
        let agent = self.agent.as_ref().map(AgentName::as_str);
        let cluster = self.cluster.as_ref().map(ClusterName::as_str);
        for (name, value) in [
            ("adit.agent", agent),
            ("adit.cluster", cluster),
            ("adit.target", self.target.as_deref()),
        ] {
            if let Some(value) = value {
                span.set(name, value);
            }
        }
        let (ended_by, completeness) = self.end;
        if self.status >= 500 || completeness == Completeness::Cut {
            span.fail(format!("{}, ended by {}", self.status, ended_by.as_str()));
        }
    }

    pub(crate) fn id(&self) -> RequestId {
        self.id
    }

    pub(crate) fn uplink(&self) -> &Arc<Uplink> {
        &self.uplink
    }

    /// The user's name; empty until it is known.
    pub(crate) fn user(&self) -> &str {
        self.user.as_deref().unwrap_or_default()
    }

    pub(crate) fn set_user(&mut self, user: &str) {
        self.user = Some(user.to_owned());
    }

    pub(crate) fn set_acting_as(&mut self, user: String) {
        self.acting_as = Some(user);
    }

    pub(crate) fn set_cluster(&mut self, cluster: &ClusterName) {
        self.cluster = Some(cluster.clone());
    }

    /// Notes what was dialled, and through which agent.
    pub(crate) fn set_reached(&mut self, target: String, agent: Option<AgentName>) {
        self.target = Some(target);
        self.agent = agent;
    }

    pub(crate) fn set_agent(&mut self, agent: AgentName) {
        self.agent = Some(agent);
    }

    pub(crate) fn set_status(&mut self, status: StatusCode) {
        self.status = status.as_u16();
    }

    pub(crate) fn add_bytes_out(&mut self, count: usize) {
        self.bytes_out += count as u64;
    }

    pub(crate) fn set_end(&mut self, by: EndedBy, completeness: Completeness) {
        self.end = (by, completeness);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let bytes_in = self.uplink.bytes();
        self.counters.end(self.status, bytes_in, self.bytes_out);
        self.end_span();
        let (ended_by, completeness) = self.end;
        tracing::info!(
            target: "access",
            id = %self.id,
            user = self.user.as_deref(),
            acting_as = self.acting_as.as_deref(),
            cluster = self.cluster.as_ref().map(ClusterName::as_str),
            method = self.method.as_str(),
            path = self.path.as_str(),
            target = self.target.as_deref(),
            agent = self.agent.as_ref().map(AgentName::as_str),
            status = self.status,
            bytes_in,
            bytes_out = self.bytes_out,
            duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ended_by = ended_by.as_str(),
            complete = completeness == Completeness::Whole,
        );
    }
}

impl EndedBy {
    fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Hub => "hub",
            Self::Tunnel => "tunnel",
            Self::Upstream => "upstream",
        }
    }
}

/// A path that cannot forge a line or colour a terminal, cut to its limit.
fn loggable(path: &str) -> String {
    let cut = path.floor_char_boundary(MAX_PATH_LEN);
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    path[..cut].chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_forges_no_line_and_is_cut() {
        assert_eq!(loggable("/a\u{7f}\u{9b}31m"), "/a\u{fffd}\u{fffd}31m");
        assert!(loggable(&"/\u{e4}".repeat(5000)).len() <= MAX_PATH_LEN);
    }
}
