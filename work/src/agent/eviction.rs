//! What is left of works that the hub has no more, or that are another hub's.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::applied::{Applied, name_of};
use super::context::Context;
use super::failure::Failure;
use super::finish::clear;
use super::incarnation::after;
use super::outcome::{Again, Outcome};

/// Looks at an AppliedManifestWork whose work is missing. After the grace period it
/// is deleted, and what it lists with it.
pub(super) async fn evict(cx: &Context, name: &str) -> Result<Outcome, Failure> {
    let Some(applied) = Applied::get(&cx.managed, name).await? else {
        return Ok(Outcome::default());
    };
    if applied.agent_id() != cx.options.agent_id {
        return Ok(Outcome::default());
    }
    if applied.is_deleting() {
        return clear(cx, name).await;
    }
    if is_on_hub(cx, &applied, name).await? {
        if applied.evicted_since().is_some() {
            applied.record_eviction(&cx.managed, None).await?;
        }
        return Ok(Outcome::default());
    }
    if applied.resources().is_empty() && applied.hub_hash() == cx.options.hub_hash {
        // Nothing is lost: the work went before anything was made of it.
        applied.delete(&cx.managed).await?;
        return clear(cx, name).await;
    }
    let Some(grace) = cx.options.grace() else {
        return Ok(Outcome::default());
    };
    let now = Timestamp::now();
    let applied = applied.noted(cx).await?;
    let applied = match applied.evicted_since() {
        Some(_) => applied,
        None => applied.record_eviction(&cx.managed, Some(now)).await?,
    };
    let since = applied.evicted_since().unwrap_or(now);
    let of_hub = applied.mark().and_then(|of| of.until(Some(grace)));
    if of_hub.is_some_and(|until| now < until) {
        cx.lost.note(format!("work {}", applied.work()));
    }
    match after(since, grace).map(|until| of_hub.map_or(until, |of| until.max(of))) {
        Some(until) if until <= now => {
            applied.delete(&cx.managed).await?;
            clear(cx, name).await
        }
        Some(until) => Ok(Outcome {
            tracked: Vec::new(),
            again: Some(Again::After(wait(now, until))),
        }),
        None => Ok(Outcome::default()),
    }
}

/// Asks the hub itself: what was not seen may have come since.
async fn is_on_hub(cx: &Context, applied: &Applied, name: &str) -> Result<bool, Failure> {
    if applied.hub_hash() != cx.options.hub_hash
        || name != name_of(&cx.options.hub_hash, applied.work())
    {
        return Ok(false);
    }
    let place = cx.work_place(applied.work());
    Ok(cx.hub.get(&place).await?.is_some())
}

/// Until then, and a moment more.
fn wait(now: Timestamp, until: Timestamp) -> Duration {
    let wait = Duration::try_from(now.duration_until(until)).unwrap_or_default();
    wait + Duration::from_millis(10)
}
