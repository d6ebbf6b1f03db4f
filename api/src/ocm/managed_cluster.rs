use serde_json::{Value, json};

use crate::core::fields::{at, items, items_mut, open, or_set, set, text};
use crate::{Admission, Change, Grounds, GroupResource, Hooks, Refusal, Request, Right, names};

/// What Open Cluster Management's webhooks do with a ManagedCluster.
pub(super) const HOOKS: Hooks = Hooks {
    admit: Some(admit),
    stamp: Some(stamp),
    ..Hooks::NONE
};

const GROUP: &str = "cluster.open-cluster-management.io";
const SET_LABEL: &str = "cluster.open-cluster-management.io/clusterset";
/// The webhook that sets what clients do not say.
const MUTATOR: &str = "managedclustermutators.admission.cluster.open-cluster-management.io";
/// The webhook that says what is wrong.
const VALIDATOR: &str = "managedclustervalidators.admission.cluster.open-cluster-management.io";
/// Where clusters are that are in no other set.
const DEFAULT_SET: &str = "default";
/// How often a cluster renews its lease that does not say how often.
const LEASE_SECONDS: u32 = 60;

/// Every cluster is in a set, says since when it has its taints, and renews its
/// lease: every so many seconds, but not every none.
fn stamp(object: &mut Value, change: Change<'_>, request: &Request<'_>) {
    let old = match change {
        Change::Create => None,
        Change::Update {
            old,
            subresource: None,
        } => Some(old),
        Change::Update { .. } => return,
    };
    if let Some(labels) = open(object, "metadata").and_then(|of| open(of, "labels")) {
        or_set(labels, SET_LABEL, DEFAULT_SET);
    }
    if let Some(spec) = object
        .get_mut("spec")
        .filter(|of| of["leaseDurationSeconds"] == 0)
    {
        spec["leaseDurationSeconds"] = LEASE_SECONDS.into();
    }
    for taint in items_mut(object, "/spec/taints") {
        match old {
            None => set(taint, "timeAdded", request.now),
            Some(old) if before(old, taint).is_none() => or_set(taint, "timeAdded", request.now),
            Some(_) => {}
        }
    }
}

/// The same taint as it was.
fn before<'a>(old: &'a Value, taint: &Value) -> Option<&'a Value> {
    let mut taints = items(old, "/spec/taints").iter();
    let of = taints.find(|of| of["key"] == taint["key"])?;
    let same = ["value", "effect"].iter().all(|field| {
        let pointer = format!("/{field}");
        text(of, &pointer) == text(taint, &pointer)
    });
    same.then_some(of)
}

fn admit(object: &Value, change: Change<'_>, ask: &Admission<'_>) -> Result<(), Refusal> {
    let old = match change {
        Change::Create => None,
        Change::Update {
            old,
            subresource: None,
        } => Some(old),
        Change::Update { .. } => return Ok(()),
    };
    if let Some(old) = old {
        check_times(object, old, ask.request)?;
    }
    check_form(object)?;
    let accepted = |of: &Value| at(of, "/spec/hubAcceptsClient") == true;
    if accepted(object) && !old.is_some_and(accepted) {
        check_acceptance(text(object, "/metadata/name"), ask)?;
    }
    let (before, now) = (old.map_or("", set_of), set_of(object));
    if before == now {
        return Ok(());
    }
    let sets = [before, now].into_iter().filter(|set| !set.is_empty());
    sets.into_iter().try_for_each(|set| check_set(set, ask))
}

/// Since when a cluster has a taint is for the server to say.
fn check_times(object: &Value, old: &Value, request: &Request<'_>) -> Result<(), Refusal> {
    let wrong = items(object, "/spec/taints").iter().filter(|taint| {
        let known = before(old, taint).map(|of| text(of, "/timeAdded"));
        text(taint, "/timeAdded") != known.unwrap_or(request.now)
    });
    let keys: Vec<&str> = wrong.map(|taint| text(taint, "/key")).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let keys = keys.join(",");
    let why = format!("It is not allowed to set TimeAdded of Taint {keys:?}.");
    Err(Refusal::bad_request(MUTATOR, why))
}

fn check_form(object: &Value) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    let name = names::dns_label(text(object, "/metadata/name"));
    if !name.is_empty() {
        let why = name.join(",");
        wrong.push(format!("metadata.name format is not correct: {why}"));
    }
    for config in items(object, "/spec/managedClusterClientConfigs") {
        let url = text(config, "/url");
        if !is_https(url) {
            wrong.push(format!("url {url:?} is invalid in client configs"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Refusal::bad_request(VALIDATOR, wrong.join("\n")))
}

fn is_https(url: &str) -> bool {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("https") && !url.contains(|c: char| c.is_control() || c == ' ')
}

/// The hub's half of the handshake.
fn check_acceptance(name: &str, ask: &Admission<'_>) -> Result<(), Refusal> {
    let refuse = |why: String| Err(forbidden("managedclusters/accept", name, why));
    let namespaces = GroupResource {
        group: "".into(),
        resource: "namespaces".into(),
    };
    let namespace = (ask.find)(&namespaces, "", name).unwrap_or_else(|| json!({}));
    if text(&namespace, "/status/phase") == "Terminating" {
        return refuse(format!("cluster namespace {name:?} is terminating"));
    }
    let right = Right {
        verb: "update",
        group: "register.open-cluster-management.io",
        resource: "managedclusters",
        subresource: "accept",
        name,
        ..Right::default()
    };
    if (ask.may)(&right) {
        return Ok(());
    }
    let user = ask.request.user;
    refuse(format!(
        "user {user:?} cannot update the HubAcceptsClient field"
    ))
}

fn check_set(set: &str, ask: &Admission<'_>) -> Result<(), Refusal> {
    let right = Right {
        verb: "create",
        group: GROUP,
        resource: "managedclustersets",
        subresource: "join",
        name: set,
        ..Right::default()
    };
    if (ask.may)(&right) {
        return Ok(());
    }
    let user = ask.request.user;
    let why = format!(
        "user {user:?} cannot add/remove a ManagedCluster to/from ManagedClusterSet {set:?}"
    );
    Err(forbidden("managedclustersets/join", set, why))
}

fn set_of(object: &Value) -> &str {
    let labels = at(object, "/metadata/labels");
    labels[SET_LABEL].as_str().unwrap_or_default()
}

fn forbidden(resource: &str, name: &str, why: String) -> Refusal {
    let resource = GroupResource {
        group: GROUP.into(),
        resource: resource.into(),
    };
    Refusal {
        webhook: Some(VALIDATOR),
        grounds: Grounds::Forbidden {
            resource,
            name: name.to_owned(),
            why,
        },
    }
}
