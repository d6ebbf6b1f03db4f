use serde_json::Value;

use super::Target;
use crate::agent::context::Context;
use crate::agent::failure::Failure;
use crate::agent::merge::merged;
use crate::agent::removal::{is_deleting, uid, version};

impl Target<'_> {
    /// Merges the manifest into what is there. Nothing is written if that changes
    /// nothing, or if the API server has made of it what is there.
    pub(super) async fn update(&self, cx: &Context, live: Option<Value>) -> Result<Value, Failure> {
        let Some(live) = live else {
            let made = self.create(cx).await?;
            return Ok(self.kept(cx, made));
        };
        if is_deleting(&live) {
            return Err(Failure::Deleting(self.place.to_string()));
        }
        let manifest = &self.manifest.object;
        let before = cx.kept.get(self.work, self.place);
        if let Some(before) = &before
            && before.is(manifest, &live)
            && self.owner.owns(&live) == self.owned
        {
            return Ok(live);
        }
        let before = match before {
            Some(before) => Some(before.manifest),
            None => self.applied_before.then(|| manifest.clone()),
        };
        let mut wanted = merged(&live, manifest, before.as_deref());
        self.owner.set(&mut wanted, self.owned);
        if wanted == live {
            return Ok(self.kept(cx, live));
        }
        if self.is_bound_otherwise(&live) {
            // What a binding binds to cannot be changed.
            self.objects
                .delete(self.place, uid(&live), version(&live))
                .await?;
            let made = self.create(cx).await?;
            return Ok(self.kept(cx, made));
        }
        let now = self.objects.update(self.place, &wanted).await?;
        Ok(self.kept(cx, now))
    }

    fn kept(&self, cx: &Context, now: Value) -> Value {
        let manifest = self.manifest.object.clone();
        cx.kept.put(self.work, self.place, manifest, &now);
        now
    }

    fn is_bound_otherwise(&self, live: &Value) -> bool {
        self.manifest.group == "rbac.authorization.k8s.io"
            && self.manifest.object.get("roleRef").is_some_and(|wanted| {
                let is = |key: &str| wanted.get(key).is_none_or(|of| live["roleRef"][key] == *of);
                !(is("apiGroup") && is("kind") && is("name"))
            })
    }
}
