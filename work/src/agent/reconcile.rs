//! One way through a work: what it has is made, what it has not any more goes, and
//! the hub is told.
//!
//! Whatever is to be made is listed in the AppliedManifestWork before, and whatever
//! is to go stays listed until it is gone: wherever this ends, the next way through
//! finds everything.

use std::sync::Arc;
use std::time::Duration;

use api::types::work::{
    AppliedResource, ManifestCondition, ManifestWork, ResourceMeta, UpdateStrategyType,
};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::applied::{Applied, name_of};
use super::conditions::{APPLIED, COMPLETE, Found, find, is_true};
use super::configs::Options;
use super::context::Context;
use super::discovery;
use super::executor::Wanted;
use super::failure::{Failure, Retry};
use super::finish::{clear, finish, hold, is_orphan};
use super::manifest::Manifest;
use super::objects::Objects;
use super::order::rank;
use super::outcome::{Again, Outcome, Tracked};
use super::owner::Owner;
use super::place::Place;
use super::removal::{Removed, is_deleting, own, remove, uid, version};
use super::report::{News, Seen, meta, tell};
use super::strategy::Target;

/// Goes through a work.
pub(super) async fn reconcile(cx: &Context, name: &str) -> Result<Outcome, Failure> {
    let Some(work) = cx.work(name) else {
        return Ok(Outcome::default());
    };
    if work.metadata.deletion_timestamp.is_some() {
        return finish(cx, name, &work).await;
    }
    let status = work.status.as_ref();
    if status.is_some_and(|of| is_true(&of.conditions, COMPLETE)) {
        return Ok(Outcome::default());
    }
    let held = hold(cx, name, &work);
    let (held, applied) = tokio::join!(held, Applied::ensure(cx, name, &work));
    let Some(held) = held? else {
        return Ok(Outcome::default());
    };
    if held.metadata.deletion_timestamp.is_some() {
        return finish(cx, name, &Arc::new(held)).await;
    }
    let applied = match applied {
        // Somebody has deleted it. When it has ended, it is made anew.
        Err(Failure::Deleting(_)) => {
            let mut outcome = clear(cx, &name_of(&cx.options.hub_hash, name)).await?;
            outcome.again = Some(Again::Backoff);
            return Ok(outcome);
        }
        applied => applied?,
    };
    let objects = match &work.spec.executor {
        Some(executor) => match cx.executors.client(executor) {
            Ok(client) => Objects::new(client),
            // Each object is refused for the same reason.
            Err(_) => cx.managed.clone(),
        },
        None => cx.managed.clone(),
    };
    let pass = Pass::new(cx, name, work, applied, objects);
    Box::pin(pass.run(&held)).await
}

/// One way through a work that is to be applied.
struct Pass<'a> {
    cx: &'a Context,
    name: &'a str,
    work: Arc<ManifestWork>,
    applied: Applied,
    owner: Owner,
    /// As whoever applies the work has them.
    objects: Objects,
    items: Vec<Item>,
    /// What is listed for the items that were applied.
    listed: Vec<AppliedResource>,
    outcome: Outcome,
}

/// A manifest on its way.
#[derive(Debug)]
struct Item {
    ordinal: usize,
    manifest: Result<Manifest, Failure>,
    place: Option<Place>,
    result: Result<Option<Value>, Failure>,
}

impl<'a> Pass<'a> {
    fn new(
        cx: &'a Context,
        name: &'a str,
        work: Arc<ManifestWork>,
        applied: Applied,
        objects: Objects,
    ) -> Self {
        let manifests = work.spec.workload.manifests.iter().enumerate();
        let mut items: Vec<Item> = manifests
            .map(|(ordinal, raw)| Item {
                ordinal,
                manifest: Manifest::parse(raw),
                place: None,
                result: Ok(None),
            })
            .collect();
        items.sort_by_key(|item| match &item.manifest {
            Ok(manifest) => rank(&manifest.group, &manifest.kind),
            Err(_) => u8::MAX,
        });
        Self {
            owner: applied.owner(),
            objects,
            cx,
            name,
            work,
            applied,
            items,
            listed: Vec::new(),
            outcome: Outcome::default(),
        }
    }

    async fn run(mut self, held: &ManifestWork) -> Result<Outcome, Failure> {
        self.find_places().await;
        self = Box::pin(self.announce()).await?;
        for at in 0..self.items.len() {
            self = Box::pin(self.apply(at)).await?;
        }
        let seen = self.take_stock().await;
        self = Box::pin(self.clean_up()).await?;
        self.cx.kept.retain(self.name, |place| {
            self.items
                .iter()
                .any(|item| item.place.as_ref() == Some(place))
        });
        // The status is the hub's latest, the rest what was applied.
        let mut told = (*self.work).clone();
        told.status = held.status.clone();
        told.metadata.resource_version = held.metadata.resource_version.clone();
        tell(self.cx, self.name, &Arc::new(told), News::Seen(&seen)).await?;
        Ok(self.outcome)
    }

    async fn find_places(&mut self) {
        for item in &mut self.items {
            let Ok(manifest) = &item.manifest else {
                continue;
            };
            match manifest.place(&self.cx.discovery).await {
                Ok(place) => item.place = Some(place),
                Err(failure) => item.result = Err(failure),
            }
        }
    }

    /// Lists what is to be made and is not listed yet, so that it is found whatever
    /// happens between its being made and its being listed with its uid.
    async fn announce(mut self) -> Result<Self, Failure> {
        let places = self.items.iter().filter_map(|item| item.place.as_ref());
        let owned = places.filter(|place| self.is_owned(place));
        let new = owned.filter(|place| self.applied.listed(place).is_none());
        let new: Vec<_> = new.map(|place| place.applied("")).collect();
        let listed = self.applied.resources().to_vec();
        let all = listed.into_iter().chain(new).collect();
        self.applied = self.applied.record(&self.cx.managed, all).await?;
        Ok(self)
    }

    async fn apply(mut self, at: usize) -> Result<Self, Failure> {
        if self.items[at].place.is_none() && self.is_defined_here(at) {
            self.wait_for_kind(at).await;
            self = Box::pin(self.announce()).await?;
        }
        let item = &self.items[at];
        let (Ok(manifest), Some(place)) = (&item.manifest, &item.place) else {
            return Ok(self);
        };
        let meta = meta(item.ordinal, &manifest.kind, place);
        let options = Options::of(&meta, &self.work.spec.manifest_configs);
        let told = self.told(&meta);
        let target = Target {
            objects: &self.objects,
            work: self.name,
            manifest,
            place,
            owner: &self.owner,
            owned: self.is_owned(place),
            strategy: options.update_strategy,
            applied_before: told.is_some_and(|of| {
                let applied = find(&of.conditions, APPLIED);
                let generation = self.work.metadata.generation;
                applied
                    .is_some_and(|of| of.status == "True" && of.observed_generation == generation)
            }),
        };
        let is_complete = told.is_some_and(|of| is_true(&of.conditions, COMPLETE));
        let result = if is_complete {
            self.cx.managed.get(place).await
        } else {
            match self.check(&target, &meta).await {
                Ok(()) => self.have(&target).await,
                Err(failure) => Err(failure),
            }
        };
        self.items[at].result = result;
        Ok(self)
    }

    /// Asks whether the work's executor may have the object.
    async fn check(&self, target: &Target<'_>, meta: &ResourceMeta) -> Result<(), Failure> {
        let Some(executor) = &self.work.spec.executor else {
            return Ok(());
        };
        let wanted = Wanted {
            meta,
            object: &target.manifest.object,
            owned: target.owned,
        };
        Ok(self.cx.executors.check(executor, wanted).await?)
    }

    /// Has an object as the work says, unless another work has it.
    async fn have(&self, target: &Target<'_>) -> Result<Option<Value>, Failure> {
        let leaves = matches!(
            target.way(),
            UpdateStrategyType::CreateOnly | UpdateStrategyType::ReadOnly
        );
        let rival = self.cx.rival(self.name, target.manifest, target.place);
        let Some(rival) = rival.filter(|_| !leaves) else {
            return target.apply(self.cx).await;
        };
        // It stays with this work when the other one goes.
        let live = target.objects.get(target.place).await?;
        if let Some(live) = live.filter(|of| !is_deleting(of)) {
            own(
                target.objects,
                target.place,
                &live,
                target.owner,
                target.owned,
            )
            .await?;
        }
        Err(Failure::Claimed {
            place: target.place.to_string(),
            owner: format!("{}/{}", self.cx.options.cluster, rival.work),
            field: rival.field,
        })
    }

    /// Whether the kind of a manifest is defined by another of this work.
    fn is_defined_here(&self, at: usize) -> bool {
        let (Ok(of), Err(Failure::UnknownKind { .. })) =
            (&self.items[at].manifest, &self.items[at].result)
        else {
            return false;
        };
        self.items.iter().any(|item| {
            let Ok(manifest) = &item.manifest else {
                return false;
            };
            let spec = &manifest.object["spec"];
            manifest.kind == "CustomResourceDefinition"
                && item.result.as_ref().is_ok_and(Option::is_some)
                && spec["group"] == *of.group
                && spec["names"]["kind"] == *of.kind
        })
    }

    /// Waits for a kind that was defined a moment ago.
    async fn wait_for_kind(&mut self, at: usize) {
        let item = &mut self.items[at];
        let Ok(manifest) = &item.manifest else {
            return;
        };
        for _ in 0..PATIENCE {
            match manifest.place(&self.cx.discovery).await {
                Ok(place) => {
                    item.place = Some(place);
                    return;
                }
                Err(failure) => item.result = Err(failure),
            }
            tokio::time::sleep(discovery::PAUSE + Duration::from_millis(1)).await;
        }
    }

    /// Looks at what there is now: that is what the hub is told, and what is listed.
    async fn take_stock(&mut self) -> Vec<Seen> {
        let mut seen = Vec::new();
        for item in std::mem::take(&mut self.items) {
            let (kept, of) = self.stock(item).await;
            self.items.push(kept);
            seen.push(of);
        }
        seen.sort_by_key(|of| of.meta.ordinal);
        seen
    }

    async fn stock(&mut self, mut item: Item) -> (Item, Seen) {
        let manifest = match &item.manifest {
            Ok(manifest) => manifest,
            Err(failure) => {
                let why = failure.to_string();
                let seen = Seen {
                    meta: meta(item.ordinal, "", &Place::default()),
                    applied: Err(Failure::Refused(why)),
                    found: Found::Incomplete,
                };
                return (item, seen);
            }
        };
        let place = item.place.clone().unwrap_or_else(|| Place {
            group: manifest.group.clone(),
            version: manifest.version.clone(),
            resource: String::new(),
            namespace: manifest.namespace.clone(),
            name: manifest.name.clone(),
        });
        let meta = meta(item.ordinal, &manifest.kind, &place);
        let result = std::mem::replace(&mut item.result, Ok(None));
        let is_known = item.place.is_some();
        let is_sure = result.as_ref().is_ok() || result.as_ref().is_err_and(Failure::is_refusal);
        let (applied, looked) = match result {
            Ok(object) => (Ok(()), Ok(object)),
            Err(failure) => {
                self.outcome.retry(failure.retry());
                let looked = match is_known {
                    true => self.cx.managed.get(&place).await,
                    false => Ok(None),
                };
                (Err(failure), looked)
            }
        };
        if is_known {
            self.list(&place, &looked, is_sure);
        }
        let found = match looked {
            _ if !is_known => Found::Incomplete,
            Ok(Some(object)) => Found::Object(Arc::new(object)),
            Ok(None) => Found::Nothing,
            Err(failure) => Found::Unknown(failure.to_string()),
        };
        let seen = Seen {
            meta,
            applied,
            found,
        };
        (item, seen)
    }

    fn list(&mut self, place: &Place, looked: &Result<Option<Value>, Failure>, is_sure: bool) {
        let object = looked.as_ref().ok().and_then(Option::as_ref);
        self.outcome.tracked.push(Tracked {
            place: place.clone(),
            version: object.and_then(version).map(str::to_owned),
        });
        if !self.is_owned(place) {
            return;
        }
        match (looked, self.applied.listed(place)) {
            (Ok(Some(object)), _) if self.owner.owns(object) => {
                self.listed.push(place.applied(uid(object)));
            }
            // Nothing was made, or what there is is not the work's.
            (Ok(_), Some(listed)) if is_sure && listed.uid.is_empty() => {}
            (Ok(None), Some(listed)) if is_sure && !listed.uid.is_empty() => {}
            (_, Some(listed)) => self.listed.push(listed.clone()),
            (_, None) => {}
        }
    }

    /// Takes away what is listed and is not the work's any more, and lists the rest.
    async fn clean_up(mut self) -> Result<Self, Failure> {
        let option = self.work.spec.delete_option.clone();
        let is_held = self.is_held();
        let mut failed = None;
        for entry in self.applied.resources().to_vec() {
            let place = Place::from(&entry);
            let is_wanted = self.items.iter().any(|item| item.may_be(&place));
            if is_wanted && self.is_owned(&place) {
                // What is not known to be served is not known to be gone.
                if !self.items.iter().any(|item| item.is_at(&place)) {
                    self.listed.push(entry);
                }
                continue;
            }
            if is_held && !is_wanted {
                self.cx.lost.note(format!("{place} of work {}", self.name));
                self.listed.push(entry);
                continue;
            }
            let orphan = is_wanted || is_orphan(option.as_ref(), &place);
            match remove(&self.cx.managed, &entry, &self.owner, orphan).await {
                Ok(Removed::Gone) => {}
                Ok(Removed::Pending(pending)) => {
                    self.listed.push(entry);
                    self.outcome.tracked.push(pending);
                    self.outcome.retry(Retry::Backoff);
                }
                Err(failure) => {
                    self.listed.push(entry);
                    failed = Some(failure);
                }
            }
        }
        let listed = std::mem::take(&mut self.listed);
        self.applied = self.applied.record(&self.cx.managed, listed).await?;
        match failed {
            None => Ok(self),
            Some(failure) => {
                tracing::warn!(work = self.name, %failure, "an object is left that is to go");
                self.outcome.retry(Retry::Backoff);
                Ok(self)
            }
        }
    }

    /// Whether nothing is to be deleted for being absent, as the hub was restored.
    fn is_held(&mut self) -> bool {
        let generation = self.work.metadata.generation.unwrap_or_default();
        let Some(mark) = self.applied.mark() else {
            return false;
        };
        let (grace, now) = (self.cx.options.grace(), Timestamp::now());
        let holds = mark.holds(generation, grace, now);
        if let Some(until) = mark.until(grace).filter(|_| holds) {
            let wait = Duration::try_from(now.duration_until(until)).unwrap_or_default();
            self.outcome.retry(Retry::After(wait));
        }
        holds
    }

    /// Whether an object goes with the work.
    fn is_owned(&self, place: &Place) -> bool {
        let configs = &self.work.spec.manifest_configs;
        let strategy = Options::of(&meta(0, "", place), configs).update_strategy;
        let is_read = strategy.is_some_and(|of| of.type_ == UpdateStrategyType::ReadOnly);
        !is_read && !is_orphan(self.work.spec.delete_option.as_ref(), place)
    }

    /// What the hub was told of an object.
    fn told(&self, meta: &ResourceMeta) -> Option<&ManifestCondition> {
        let status = self.work.status.as_ref()?;
        let mut manifests = status.resource_status.manifests.iter();
        manifests.find(|of| {
            let of = &of.resource_meta;
            of.group == meta.group
                && of.resource == meta.resource
                && of.namespace == meta.namespace
                && of.name == meta.name
        })
    }
}

impl Item {
    fn is_at(&self, place: &Place) -> bool {
        self.place.as_ref().is_some_and(|of| of.is_same(place))
    }

    /// Whether it is, or while its kind is not known may be, the object there.
    fn may_be(&self, place: &Place) -> bool {
        match (&self.place, &self.manifest) {
            (Some(of), _) => of.is_same(place),
            (None, Ok(of)) => {
                of.group == place.group
                    && of.name == place.name
                    && (place.namespace.is_empty() || of.namespace == place.namespace)
            }
            (None, Err(_)) => false,
        }
    }
}

/// So many times it is looked for a kind that was defined in the same work.
const PATIENCE: usize = 60;
