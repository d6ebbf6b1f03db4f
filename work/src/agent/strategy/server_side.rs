use std::sync::Arc;

use serde_json::Value;

use super::Target;
use crate::agent::claims::manager;
use crate::agent::context::Context;
use crate::agent::failure::Failure;
use crate::agent::ignore::applicable;
use crate::agent::owner::works;
use crate::agent::removal::{is_deleting, own};

impl Target<'_> {
    /// Has the API server apply the manifest.
    pub(super) async fn apply_at_server(
        &self,
        cx: &Context,
        live: Option<Value>,
    ) -> Result<Value, Failure> {
        if live.as_ref().is_some_and(is_deleting) {
            return Err(Failure::Deleting(self.place.to_string()));
        }
        let options = self.strategy.and_then(|of| of.server_side_apply.as_ref());
        let manager = manager(options);
        let rules = options.map_or(&[][..], |of| &of.ignore_fields);
        let wanted = Arc::new(applicable(&self.bare(), live.as_ref(), rules, manager)?);
        let mut object = (*wanted).clone();
        if let Some(live) = &live {
            let kept = cx.kept.get(self.work, self.place);
            let is_kept = kept.is_some_and(|of| of.is(&wanted, live));
            if is_kept && self.owner.owns(live) == self.owned {
                return Ok(live.clone());
            }
            // One manager applies for several works, each of which is an owner.
            let owners = works(live).cloned();
            let given = &mut object["metadata"]["ownerReferences"];
            if let Some(given) = given.as_array_mut() {
                given.extend(owners);
            } else {
                *given = owners.collect::<Vec<_>>().into();
            }
        }
        self.owner.set(&mut object, self.owned);
        let force = options.is_some_and(|of| of.force);
        let applied = self
            .objects
            .apply(self.place, &object, manager, force)
            .await;
        let now = match applied {
            // That is to be decided, and not to be tried again.
            Err(failure) if failure.is_field_conflict() => {
                return Err(Failure::FieldConflict(failure.to_string()));
            }
            applied => applied?,
        };
        // Who was made an owner otherwise is one still.
        let now = own(self.objects, self.place, &now, self.owner, self.owned).await?;
        cx.kept.put(self.work, self.place, wanted, &now);
        Ok(now)
    }
}
