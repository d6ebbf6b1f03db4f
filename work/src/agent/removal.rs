//! Taking away what a work has no more.

use api::types::work::AppliedResource;
use serde_json::{Value, json};

use super::context::TRIES;
use super::failure::Failure;
use super::objects::{Objects, Part};
use super::outcome::Tracked;
use super::owner::{Owner, owners};
use super::place::Place;

/// What became of an object that was to go.
#[derive(Debug)]
pub(super) enum Removed {
    /// It is not there any more, or not this work's.
    Gone,
    /// It is on its way out.
    Pending(Tracked),
}

/// Takes an object away: it is deleted, unless another work has it as well or it is
/// to be an orphan; then only the work lets go of it.
///
/// Whoever owns it besides, if it is no work, does not protect it. An object with
/// another uid than the one that is listed is somebody else's. Where none is listed,
/// the object was about to be made: it is the work's if it says so itself.
pub(super) async fn remove(
    objects: &Objects,
    entry: &AppliedResource,
    owner: &Owner,
    orphan: bool,
) -> Result<Removed, Failure> {
    let place = Place::from(entry);
    let mut last = None;
    for _ in 0..TRIES {
        let Some(live) = objects.get(&place).await? else {
            return Ok(Removed::Gone);
        };
        let uid = uid(&live);
        let is_it = match entry.uid.as_str() {
            "" => owner.owns(&live),
            listed => listed == uid,
        };
        if !is_it {
            return Ok(Removed::Gone);
        }
        let done = if orphan || owner.shares(&live) {
            own(objects, &place, &live, owner, false).await.map(drop)
        } else if is_deleting(&live) {
            return Ok(pending(place, &live));
        } else {
            // As it was seen: whoever has taken it up meanwhile keeps it.
            objects.delete(&place, uid, version(&live)).await
        };
        match done {
            Ok(()) if orphan || owner.shares(&live) => return Ok(Removed::Gone),
            // Is it gone, or does somebody keep it for a while?
            Ok(()) => match objects.get(&place).await? {
                Some(live) if self::uid(&live) == uid => return Ok(pending(place, &live)),
                _ => return Ok(Removed::Gone),
            },
            Err(failure) if failure.is_conflict() => last = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    Err(last.unwrap_or(Failure::Deleting(place.to_string())))
}

/// Lets go of an object, if it is there.
pub(super) async fn release(
    objects: &Objects,
    place: &Place,
    owner: &Owner,
) -> Result<(), Failure> {
    let mut last = None;
    for _ in 0..TRIES {
        let Some(live) = objects.get(place).await? else {
            return Ok(());
        };
        match own(objects, place, &live, owner, false).await {
            Err(failure) if failure.is_conflict() => last = Some(failure),
            done => return done.map(drop),
        }
    }
    last.map_or(Ok(()), Err)
}

/// Has an object owned, or not, if it was read just now. It is told as it is then.
pub(super) async fn own(
    objects: &Objects,
    place: &Place,
    live: &Value,
    owner: &Owner,
    owned: bool,
) -> Result<Value, Failure> {
    if owner.owns(live) == owned {
        return Ok(live.clone());
    }
    let mut wanted = live.clone();
    owner.set(&mut wanted, owned);
    let patch = json!({
        "metadata": {
            "uid": live["metadata"]["uid"],
            "resourceVersion": live["metadata"]["resourceVersion"],
            "ownerReferences": owners(&wanted),
        },
    });
    let patched = objects.merge(place, &patch, Part::Object).await?;
    patched.ok_or_else(|| Failure::Deleting(place.to_string()))
}

pub(super) fn is_deleting(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

pub(super) fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

pub(super) fn version(object: &Value) -> Option<&str> {
    object["metadata"]["resourceVersion"].as_str()
}

fn pending(place: Place, live: &Value) -> Removed {
    Removed::Pending(Tracked {
        place,
        version: version(live).map(str::to_owned),
    })
}
