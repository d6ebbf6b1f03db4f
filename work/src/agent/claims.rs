//! Which work has an object that several works have among their manifests.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use api::types::work::{ManifestWork, ServerSideApply, UpdateStrategyType};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::configs::Options;
use super::manifest::Manifest;
use super::objects::MANAGER;
use super::place::Place;
use super::report::meta;

/// What the works of the cluster have among their manifests, by object. As large as
/// the works are.
#[derive(Debug, Default)]
pub(super) struct Claims {
    objects: HashMap<Key, BTreeMap<Rank, Claim>>,
    works: HashMap<String, (Rank, Vec<Key>)>,
}

/// An object before it is known how its kind is served.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Key {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

/// The older work comes first, and of two of one age that of the lesser name.
type Rank = (Option<Time>, String);

#[derive(Clone, Debug)]
struct Claim {
    manifest: Arc<Value>,
    work: Arc<ManifestWork>,
    ordinal: usize,
}

/// The work that has an object, and what it says otherwise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Rival {
    pub(super) work: String,
    pub(super) field: String,
}

impl Claims {
    /// Takes a work up as it is now. These others have to do with what it has, or
    /// had before.
    pub(super) fn put(&mut self, name: &str, work: &Arc<ManifestWork>) -> BTreeSet<String> {
        let mut others = self.remove(name);
        let rank: Rank = (work.metadata.creation_timestamp.clone(), name.to_owned());
        let mut keys = Vec::new();
        for (ordinal, raw) in work.spec.workload.manifests.iter().enumerate() {
            let Ok(manifest) = Manifest::parse(raw) else {
                continue;
            };
            let key = Key::of(&manifest);
            let claim = Claim {
                manifest: manifest.object,
                work: work.clone(),
                ordinal,
            };
            let claims = self.objects.entry(key.clone()).or_default();
            others.extend(claims.keys().map(|(_, name)| name.clone()));
            claims.insert(rank.clone(), claim);
            keys.push(key);
        }
        self.works.insert(name.to_owned(), (rank, keys));
        others.remove(name);
        others
    }

    /// Forgets a work. These others have to do with what it had.
    pub(super) fn remove(&mut self, name: &str) -> BTreeSet<String> {
        let mut others = BTreeSet::new();
        let Some((rank, keys)) = self.works.remove(name) else {
            return others;
        };
        for key in keys {
            if let Some(claims) = self.objects.get_mut(&key) {
                claims.remove(&rank);
                others.extend(claims.keys().map(|(_, name)| name.clone()));
                if claims.is_empty() {
                    self.objects.remove(&key);
                }
            }
        }
        others
    }

    /// The work that keeps `name` from having the object of this manifest at
    /// `place`: an older one, which itself has it, and would have it otherwise.
    pub(super) fn rival(&self, name: &str, manifest: &Manifest, place: &Place) -> Option<Rival> {
        let claims = self.objects.get(&Key::of(manifest))?;
        if claims.len() < 2 {
            return None;
        }
        // What is had, each content once.
        let mut had: Vec<(&str, Wanted<'_>)> = Vec::new();
        for ((_, work), claim) in claims {
            let wanted = Wanted::of(claim, place);
            let rival = had.iter().find_map(|(owner, of)| {
                let field = of.differs(&wanted)?;
                Some(Rival {
                    work: (*owner).to_owned(),
                    field,
                })
            });
            if work == name {
                return rival;
            }
            if rival.is_none() && !had.iter().any(|(_, of)| of.is(&wanted)) {
                had.push((work, wanted));
            }
        }
        None
    }
}

impl Key {
    fn of(manifest: &Manifest) -> Self {
        Self {
            group: manifest.group.clone(),
            kind: manifest.kind.clone(),
            namespace: manifest.namespace.clone(),
            name: manifest.name.clone(),
        }
    }
}

/// What a work would have an object be.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    manifest: &'a Value,
    how: How<'a>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum How<'a> {
    /// What is there is left alone.
    NotAtAll,
    Update,
    Apply {
        manager: &'a str,
        force: bool,
    },
}

impl<'a> Wanted<'a> {
    fn of(claim: &'a Claim, place: &Place) -> Self {
        let configs = &claim.work.spec.manifest_configs;
        let strategy = Options::of(&meta(claim.ordinal, "", place), configs).update_strategy;
        let how = match strategy.map(|of| of.type_).unwrap_or_default() {
            UpdateStrategyType::CreateOnly | UpdateStrategyType::ReadOnly => How::NotAtAll,
            UpdateStrategyType::Update => How::Update,
            UpdateStrategyType::ServerSideApply => {
                let apply = strategy.and_then(|of| of.server_side_apply.as_ref());
                How::Apply {
                    manager: manager(apply),
                    force: apply.is_some_and(|of| of.force),
                }
            }
        };
        Self {
            manifest: &claim.manifest,
            how,
        }
    }

    fn is(&self, other: &Self) -> bool {
        self.how == other.how && self.manifest == other.manifest
    }

    /// Where both would keep on writing different things, if anywhere.
    fn differs(&self, other: &Self) -> Option<String> {
        match (self.how, other.how) {
            (How::NotAtAll, _) | (_, How::NotAtAll) => None,
            // Of one manager, what is applied last is all that is there.
            (How::Apply { manager, .. }, How::Apply { manager: of, .. }) if manager == of => {
                let same = self.manifest == other.manifest;
                let field = || difference("", self.manifest, other.manifest);
                (!same).then(|| field().unwrap_or_else(|| "other fields".to_owned()))
            }
            // The API server refuses one of them.
            (How::Apply { force: false, .. }, How::Apply { .. })
            | (How::Apply { .. }, How::Apply { force: false, .. }) => None,
            _ => contents_differ(self.manifest, other.manifest),
        }
    }
}

/// Who applies, for the strategy `ServerSideApply`.
pub(super) fn manager(apply: Option<&ServerSideApply>) -> &str {
    let manager = apply.and_then(|of| of.field_manager.as_deref());
    manager.filter(|of| !of.is_empty()).unwrap_or(MANAGER)
}

/// What two manifests say differently, beside what tells objects from each other.
fn contents_differ(one: &Value, other: &Value) -> Option<String> {
    for part in ["labels", "annotations"] {
        let pointer = format!("/metadata/{part}");
        if let (Some(one), Some(other)) = (one.pointer(&pointer), other.pointer(&pointer))
            && let Some(field) = difference(&format!("metadata.{part}"), one, other)
        {
            return Some(field);
        }
    }
    // Data is had as a whole.
    let data = one["apiVersion"] == "v1" && (one["kind"] == "ConfigMap" || one["kind"] == "Secret");
    for part in ["data", "binaryData"].into_iter().filter(|_| data) {
        if one.get(part) != other.get(part) {
            return Some(part.to_owned());
        }
    }
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else {
        return None;
    };
    let fields = one.iter().filter(|(key, _)| !super::merge::is_apart(key));
    fields
        .filter_map(|(key, one)| Some((key, one, other.get(key)?)))
        .find_map(|(key, one, other)| difference(key, one, other))
}

/// The first field that both have, but not alike.
fn difference(path: &str, one: &Value, other: &Value) -> Option<String> {
    let (Value::Object(fields), Value::Object(others)) = (one, other) else {
        return (one != other).then(|| path.to_owned());
    };
    let both = fields
        .iter()
        .filter_map(|(key, one)| Some((key, one, others.get(key)?)));
    both.into_iter().find_map(|(key, one, other)| {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        difference(&path, one, other)
    })
}

#[cfg(test)]
mod tests;
