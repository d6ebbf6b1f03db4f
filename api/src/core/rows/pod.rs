use serde_json::Value;

use super::super::fields::{at, items, text};
use super::{AGE, NAME, age, column, name, number, or_none, wide};
use crate::{Elapsed, kind::Col};

pub(in crate::core) const COLUMNS: &[Col] = &[
    NAME,
    column("Ready"),
    column("Status"),
    column("Restarts"),
    AGE,
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
];

pub(in crate::core) fn row(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value> {
    let mut state = State::of(object);
    state.initial(object);
    if !state.initializing || has_condition(object, "Initialized") {
        state.running(object);
    }
    if !at(object, "/metadata/deletionTimestamp").is_null() {
        if text(object, "/status/reason") == "NodeLost" {
            state.reason = "Unknown".to_owned();
        } else if !matches!(text(object, "/status/phase"), "Failed" | "Succeeded") {
            state.reason = "Terminating".to_owned();
        }
    }
    let restarts = match (state.restarts, state.restarted.as_str()) {
        (0, _) | (_, "") => state.restarts.to_string(),
        (times, last) => format!("{times} ({} ago)", (elapsed.between)(last, "")),
    };
    vec![
        name(object),
        format!("{}/{}", state.ready, state.all).into(),
        state.reason.into(),
        restarts.into(),
        age(object, elapsed),
        or_none(text(object, "/status/podIPs/0/ip")).into(),
        or_none(text(object, "/spec/nodeName")).into(),
        or_none(text(object, "/status/nominatedNodeName")).into(),
        gates(object).into(),
    ]
}

/// What the containers' states come to.
struct State {
    all: usize,
    ready: usize,
    restarts: i64,
    /// When one last ended to be started again.
    restarted: String,
    reason: String,
    initializing: bool,
}

impl State {
    fn of(object: &Value) -> Self {
        let mut reason = text(object, "/status/phase");
        if !text(object, "/status/reason").is_empty() {
            reason = text(object, "/status/reason");
        }
        for condition in items(object, "/status/conditions") {
            if condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated" {
                reason = "SchedulingGated";
            }
        }
        let beside = items(object, "/spec/initContainers").iter();
        let beside = beside.filter(|of| of["restartPolicy"] == "Always").count();
        Self {
            all: items(object, "/spec/containers").len() + beside,
            ready: 0,
            restarts: 0,
            restarted: String::new(),
            reason: reason.to_owned(),
            initializing: false,
        }
    }

    /// Goes through the containers that have to end (or start, if they stay)
    /// before the others begin. Only those that stay count once these do.
    fn initial(&mut self, object: &Value) {
        let specs = items(object, "/spec/initContainers");
        let mut staying = (0, String::new());
        for (i, status) in items(object, "/status/initContainerStatuses")
            .iter()
            .enumerate()
        {
            self.count(status);
            let mut of = specs.iter().filter(|spec| spec["name"] == status["name"]);
            let stays = of
                .next()
                .is_some_and(|spec| spec["restartPolicy"] == "Always");
            if stays {
                staying.0 += number(status, "/restartCount");
                staying.1 = later(&staying.1, ended(status)).to_owned();
            }
            let terminated = at(status, "/state/terminated");
            let waiting = text(status, "/state/waiting/reason");
            if !terminated.is_null() && number(terminated, "/exitCode") == 0 {
                continue;
            }
            if stays && status["started"] == true {
                self.ready += usize::from(status["ready"] == true);
                continue;
            }
            self.reason = if !terminated.is_null() {
                format!("Init:{}", end(terminated))
            } else if !waiting.is_empty() && waiting != "PodInitializing" {
                format!("Init:{waiting}")
            } else {
                format!("Init:{i}/{}", specs.len())
            };
            self.initializing = true;
            break;
        }
        if !self.initializing || has_condition(object, "Initialized") {
            (self.restarts, self.restarted) = staying;
        }
    }

    fn running(&mut self, object: &Value) {
        let (mut any, mut failed) = (false, String::new());
        for status in items(object, "/status/containerStatuses").iter().rev() {
            self.count(status);
            let terminated = at(status, "/state/terminated");
            let waiting = text(status, "/state/waiting/reason");
            if !waiting.is_empty() {
                waiting.clone_into(&mut self.reason);
            } else if !terminated.is_null() {
                self.reason = end(terminated);
                if number(terminated, "/exitCode") != 0 {
                    failed.clone_from(&self.reason);
                }
            } else if status["ready"] == true && !at(status, "/state/running").is_null() {
                any = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" {
            if any && has_condition(object, "Ready") {
                "Running".clone_into(&mut self.reason);
            } else if !failed.is_empty() {
                self.reason = failed;
            } else if any {
                "NotReady".clone_into(&mut self.reason);
            }
        }
    }

    fn count(&mut self, status: &Value) {
        self.restarts += number(status, "/restartCount");
        self.restarted = later(&self.restarted, ended(status)).to_owned();
    }
}

/// Why a container ended.
fn end(terminated: &Value) -> String {
    match (text(terminated, "/reason"), number(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn ended(status: &Value) -> &str {
    text(status, "/lastState/terminated/finishedAt")
}

/// Times of the same form are in the order of their texts.
fn later<'a>(one: &'a str, other: &'a str) -> &'a str {
    one.max(other)
}

fn has_condition(object: &Value, kind: &str) -> bool {
    let mut conditions = items(object, "/status/conditions").iter();
    conditions.any(|of| of["type"] == kind && of["status"] == "True")
}

fn gates(object: &Value) -> String {
    let gates = items(object, "/spec/readinessGates");
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let open = gates
        .iter()
        .filter(|gate| has_condition(object, text(gate, "/conditionType")));
    format!("{}/{}", open.count(), gates.len())
}
