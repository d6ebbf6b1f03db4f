use std::collections::BTreeMap;

use super::managed::{Managed, ManagerId, ManagerParts, UPDATE};

/// How many entries of updates are kept.
const MOST_UPDATE_MANAGERS: usize = 10;

/// Under what name the oldest are put together.
const ANCIENT: &str = "ancient-changes";

/// Puts the oldest entries of updates together, by version, until there are no
/// more than [`MOST_UPDATE_MANAGERS`].
pub(super) fn cap_update_managers(managed: &mut Managed) {
    let updaters = managed.fields.iter().filter(|(_, owned)| !owned.applied);
    let mut updaters: Vec<_> = updaters.map(|(id, _)| id.clone()).collect();
    let mut count = updaters.len();
    if count <= MOST_UPDATE_MANAGERS {
        return;
    }
    let seconds = |id: &ManagerId| managed.times.get(id).copied().flatten().unwrap_or(0);
    updaters.sort_by_cached_key(|id| (seconds(id), id.clone()));

    let mut first_of_version: BTreeMap<Box<str>, ManagerId> = BTreeMap::new();
    for id in updaters {
        if count <= MOST_UPDATE_MANAGERS {
            break;
        }
        let Some(version) = managed
            .fields
            .get(&id)
            .map(|owned| owned.api_version.clone())
        else {
            continue;
        };
        let Some(first) = first_of_version.get(&version) else {
            first_of_version.insert(version, id);
            continue;
        };
        let bucket = ManagerId::new(&ManagerParts {
            manager: ANCIENT.to_owned(),
            operation: UPDATE.to_owned(),
            api_version: version.to_string(),
            subresource: String::new(),
        });
        if !managed.fields.contains_key(&bucket)
            && let Some(owned) = managed.fields.remove(first)
        {
            managed.fields.insert(bucket.clone(), owned);
        }
        if let Some(owned) = managed.fields.remove(&id) {
            let together = managed
                .fields
                .remove(&bucket)
                .map(|old| old.set)
                .unwrap_or_default();
            // The set of all before is the larger one.
            let set = together.union(&owned.set);
            managed
                .fields
                .insert(bucket.clone(), super::managed::OwnedFields { set, ..owned });
        }
        count -= 1;
        // That of the entry put to it, which is the newer one.
        let time = managed.times.get(&id).copied().flatten();
        managed.times.insert(bucket, time);
    }
}
