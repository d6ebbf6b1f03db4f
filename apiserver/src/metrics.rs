//! What the server counts of its requests, under the real server's names and
//! with its labels.
//!
//! Only what is served has a label of its own, so that no client can make
//! series: the table holds [`Metrics::MOST`] and counts nothing beyond.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;

use crate::query::Query;
use crate::{Registry, RequestInfo};

mod exposition;

pub(crate) use exposition::{Exposition, Format};

/// The requests that ran and that run.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    finished: Mutex<HashMap<Labels, Finished>>,
    lasting: Mutex<BTreeMap<Labels, u64>>,
    reading: AtomicU64,
    changing: AtomicU64,
    audited: AtomicU64,
    unaudited: AtomicU64,
}

/// What a request is counted under.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Labels {
    verb: &'static str,
    dry_run: &'static str,
    group: Box<str>,
    version: Box<str>,
    resource: Box<str>,
    subresource: Box<str>,
    scope: &'static str,
    component: &'static str,
}

/// How a request counts while it runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Running {
    Changing,
    Lasting,
    Reading,
}

#[derive(Debug, Default)]
struct Finished {
    /// How many were answered with a code.
    codes: BTreeMap<u16, u64>,
    /// How many took at most as long as the bucket of that place says, and
    /// longer than the one before.
    buckets: [u64; BUCKETS.len()],
    longer: u64,
    seconds: f64,
}

impl Metrics {
    /// How many series of finished requests there are at most, without codes.
    pub(crate) const MOST: usize = 10_000;

    /// A request has begun.
    pub(crate) fn begin(&self, labels: &Labels, running: Running) {
        match running {
            Running::Changing => drop(self.changing.fetch_add(1, Ordering::Relaxed)),
            Running::Reading => drop(self.reading.fetch_add(1, Ordering::Relaxed)),
            Running::Lasting => {
                let mut lasting = lock(&self.lasting);
                if let Some(count) = lasting.get_mut(labels) {
                    *count += 1;
                } else if lasting.len() < Self::MOST {
                    lasting.insert(labels.clone(), 1);
                }
            }
        }
    }

    /// A request is over.
    pub(crate) fn end(&self, labels: Labels, running: Running, code: u16, took: Duration) {
        match running {
            Running::Changing => drop(self.changing.fetch_sub(1, Ordering::Relaxed)),
            Running::Reading => drop(self.reading.fetch_sub(1, Ordering::Relaxed)),
            Running::Lasting => {
                let mut lasting = lock(&self.lasting);
                if let Some(count) = lasting.get_mut(&labels) {
                    *count = count.saturating_sub(1);
                }
            }
        }
        let mut finished = lock(&self.finished);
        if finished.len() >= Self::MOST && !finished.contains_key(&labels) {
            return;
        }
        finished.entry(labels).or_default().note(code, took);
    }

    /// A line was written to the audit log, or could not be.
    pub(crate) fn audited(&self, written: bool) {
        let count = if written {
            &self.audited
        } else {
            &self.unaudited
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes all of it.
    pub(crate) fn write(&self, to: &mut Exposition) {
        self.write_finished(to);
        let running = [
            ("mutating", self.changing.load(Ordering::Relaxed)),
            ("readOnly", self.reading.load(Ordering::Relaxed)),
        ];
        to.gauge(
            "apiserver_current_inflight_requests",
            "Requests that run now and will end by themselves, by kind",
            running.map(|(kind, count)| (vec![("request_kind", kind)], count)),
        );
        let lasting = lock(&self.lasting);
        let lasting = lasting
            .iter()
            .map(|(labels, count)| (labels.without_dry_run(), *count));
        to.gauge(
            "apiserver_longrunning_requests",
            "Watches that run now",
            lasting,
        );
        to.counter(
            "apiserver_audit_event",
            "Lines written to the audit log",
            [(
                Vec::<(&str, &str)>::new(),
                self.audited.load(Ordering::Relaxed),
            )],
        );
        let unaudited = self.unaudited.load(Ordering::Relaxed);
        to.counter(
            "apiserver_audit_error",
            "Lines that the audit log could not take",
            [(vec![("plugin", "log")], unaudited)],
        );
    }

    fn write_finished(&self, to: &mut Exposition) {
        let finished = lock(&self.finished);
        let codes = finished.iter().flat_map(|(labels, of)| {
            let codes = of.codes.iter();
            codes.map(move |(code, count)| (labels, code.to_string(), *count))
        });
        to.counter(
            "apiserver_request",
            "Requests, by what they were about and how they were answered",
            codes.map(|(labels, code, count)| {
                let mut all: Vec<(&str, String)> = labels
                    .all()
                    .into_iter()
                    .map(|(name, value)| (name, value.to_owned()))
                    .collect();
                all.push(("code", code));
                (all, count)
            }),
        );
        let times = finished.iter().map(|(labels, of)| {
            let buckets = of.buckets.iter().zip(BUCKETS);
            let buckets = buckets.map(|(count, most)| (most, *count)).collect();
            (labels.all(), buckets, of.longer, of.seconds)
        });
        to.histogram(
            "apiserver_request_duration_seconds",
            "How long requests took, in seconds; watches until they ended",
            times,
        );
    }
}

impl Labels {
    /// What a request is counted under; `None` for what is not counted: what
    /// is not served.
    pub(crate) fn of(
        registry: &Registry,
        method: &Method,
        query: &str,
        applies: bool,
        request: &RequestInfo,
    ) -> Option<Self> {
        let Some(of) = &request.resource else {
            let health = matches!(&*request.path, "/healthz" | "/livez" | "/readyz");
            return health.then(|| Self {
                verb: "GET",
                dry_run: "",
                group: "".into(),
                version: "".into(),
                resource: "".into(),
                subresource: request.path.as_str().into(),
                scope: "",
                component: "",
            });
        };
        let resource = registry.resource(&of.group, &of.version, &of.resource)?;
        if !of.subresource.is_empty() && resource.subresource(&of.subresource).is_none() {
            return None;
        }
        let scope = if !of.name.is_empty() || request.verb == "create" {
            "resource"
        } else if of.namespace.is_empty() {
            "cluster"
        } else {
            "namespace"
        };
        Some(Self {
            verb: verb(method, request.verb, applies, scope),
            dry_run: dry_run(query),
            group: of.group.as_str().into(),
            version: of.version.as_str().into(),
            resource: of.resource.as_str().into(),
            subresource: of.subresource.as_str().into(),
            scope,
            component: "apiserver",
        })
    }

    fn all(&self) -> Vec<(&'static str, &str)> {
        let mut all = self.without_dry_run();
        all.insert(1, ("dry_run", self.dry_run));
        all
    }

    fn without_dry_run(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("verb", self.verb),
            ("group", &self.group),
            ("version", &self.version),
            ("resource", &self.resource),
            ("subresource", &self.subresource),
            ("scope", self.scope),
            ("component", self.component),
        ]
    }
}

impl Finished {
    fn note(&mut self, code: u16, took: Duration) {
        *self.codes.entry(code).or_default() += 1;
        let seconds = took.as_secs_f64();
        self.seconds += seconds;
        match BUCKETS.iter().position(|most| seconds <= *most) {
            Some(at) => self.buckets[at] += 1,
            None => self.longer += 1,
        }
    }
}

/// The verb as the real server's metrics call it.
fn verb(method: &Method, verb: &str, applies: bool, scope: &str) -> &'static str {
    match (verb, method) {
        ("watch", _) => "WATCH",
        (_, &Method::PATCH) if applies => "APPLY",
        (_, &Method::GET | &Method::HEAD) if scope != "resource" => "LIST",
        (_, &Method::GET | &Method::HEAD) => "GET",
        (_, &Method::DELETE) => "DELETE",
        (_, &Method::PATCH) => "PATCH",
        (_, &Method::POST) => "POST",
        (_, &Method::PUT) => "PUT",
        _ => "other",
    }
}

fn dry_run(query: &str) -> &'static str {
    if !query.contains("dryRun") {
        return "";
    }
    let query = Query::parse(query);
    let values: Vec<&str> = query.all("dryRun").collect();
    match values.as_slice() {
        [] => "",
        all if all.iter().all(|value| *value == "All") => "All",
        _ => "invalid",
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The real server's, in seconds.
const BUCKETS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0,
    10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
];
