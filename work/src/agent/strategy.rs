//! The ways to have an object in the managed cluster as a work has it.

use std::time::Duration;

use api::types::work::{UpdateStrategy, UpdateStrategyType};
use serde_json::Value;

use super::context::{Context, TRIES};
use super::failure::Failure;
use super::manifest::Manifest;
use super::objects::Objects;
use super::owner::Owner;
use super::place::Place;
use super::removal::own;

mod server_side;
mod update;

/// What is to be had where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    /// As whoever applies it has them.
    pub(super) objects: &'a Objects,
    /// The work's name.
    pub(super) work: &'a str,
    pub(super) manifest: &'a Manifest,
    pub(super) place: &'a Place,
    pub(super) owner: &'a Owner,
    /// Whether it goes with the work.
    pub(super) owned: bool,
    pub(super) strategy: Option<&'a UpdateStrategy>,
    /// Whether this very manifest was applied before.
    pub(super) applied_before: bool,
}

impl Target<'_> {
    pub(super) fn way(&self) -> UpdateStrategyType {
        self.strategy.map(|of| of.type_).unwrap_or_default()
    }

    /// Has it so, and tells the object as it is then: `None` if it is not there,
    /// which is only for those to say that do not make it.
    pub(super) async fn apply(&self, cx: &Context) -> Result<Option<Value>, Failure> {
        if self.way() == UpdateStrategyType::ReadOnly {
            return self.objects.get(self.place).await;
        }
        let mut last = None;
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(PAUSE * attempt as u32).await;
            }
            let live = self.objects.get(self.place).await?;
            let done = match self.way() {
                UpdateStrategyType::ReadOnly => return Ok(live),
                UpdateStrategyType::CreateOnly => self.create_only(cx, live).await,
                UpdateStrategyType::ServerSideApply => self.apply_at_server(cx, live).await,
                UpdateStrategyType::Update => self.update(cx, live).await,
            };
            match done {
                Err(failure) if failure.is_conflict() => last = Some(failure),
                done => return done.map(Some),
            }
        }
        Err(last.unwrap_or_else(|| Failure::Deleting(self.place.to_string())))
    }

    async fn create_only(&self, cx: &Context, live: Option<Value>) -> Result<Value, Failure> {
        match live {
            None => self.create(cx).await,
            Some(live) => own(self.objects, self.place, &live, self.owner, self.owned).await,
        }
    }

    async fn create(&self, cx: &Context) -> Result<Value, Failure> {
        let mut object = self.bare();
        self.owner.set(&mut object, self.owned);
        let created = self.objects.create(self.place, &object).await;
        if let Err(failure) = &created
            && failure.is_not_found()
        {
            // Perhaps the kind is not served any more, or otherwise.
            cx.discovery.forget(&self.manifest.api_version);
        }
        created
    }

    /// The manifest as an object that is made of it.
    fn bare(&self) -> Value {
        let mut object = (*self.manifest.object).clone();
        let Some(metadata) = object["metadata"].as_object_mut() else {
            return object;
        };
        if self.place.namespace.is_empty() {
            metadata.remove("namespace");
        }
        // `key-` removes what there is, and here is nothing.
        for part in ["annotations", "labels"] {
            if let Some(Value::Object(texts)) = metadata.get_mut(part) {
                texts.retain(|key, _| !key.ends_with('-'));
            }
        }
        object
    }
}

/// So long, and then longer, until it is tried anew when others were faster.
const PAUSE: Duration = Duration::from_millis(10);
