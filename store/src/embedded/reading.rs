use std::sync::Arc;

use super::disk::corrupt;
use super::index::Found;
use super::shared::Shared;
use crate::{Got, Key, KeyValue, Page, Range, Revision, StoreError};

/// Runs something that blocks where that does no harm.
///
/// # Errors
///
/// Its own. A panic is the database's answer to pages that make no sense.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(corrupt("a page of it cannot be read")),
        Err(_) => Err(StoreError::Closed),
    }
}

pub(super) async fn get(
    shared: &Arc<Shared>,
    key: &Key,
    at: Option<Revision>,
) -> Result<Got, StoreError> {
    let (revision, found) = {
        let state = shared.state();
        let revision = state.readable(at)?;
        (revision, state.index.at(key, revision))
    };
    let kv = match found {
        None => None,
        Some(Found::Here(kv)) => Some(kv),
        Some(Found::There(_)) => {
            let (shared, key) = (shared.clone(), key.clone());
            blocking(move || past_value(&shared, &key, revision)).await?
        }
    };
    Ok(Got { kv, revision })
}

fn past_value(
    shared: &Shared,
    key: &Key,
    at: Revision,
) -> Result<Option<Arc<KeyValue>>, StoreError> {
    shared.read(
        |state| {
            let revision = state.readable(Some(at))?;
            Ok(state.index.at(key, revision))
        },
        |view, found| match found {
            None => Ok(None),
            Some(Found::Here(kv)) => Ok(Some(kv)),
            Some(Found::There(place)) => view.history.record(place).map(|past| Some(past.kv)),
        },
    )
}

pub(super) async fn range(shared: &Arc<Shared>, range: Range) -> Result<Page, StoreError> {
    let (revision, finding) = {
        let state = shared.state();
        let revision = state.readable(range.at)?;
        (revision, state.index.range(&range, revision))
    };
    let here = |found: &Found| match found {
        Found::Here(kv) => Some(kv.clone()),
        Found::There(_) => None,
    };
    if let Some(kvs) = finding.found.iter().map(here).collect() {
        return Ok(Page {
            kvs,
            more: finding.more,
            count: finding.count,
            revision,
        });
    }
    let shared = shared.clone();
    blocking(move || past_range(&shared, &range, revision)).await
}

fn past_range(shared: &Shared, range: &Range, at: Revision) -> Result<Page, StoreError> {
    shared.read(
        |state| {
            let revision = state.readable(Some(at))?;
            Ok(state.index.range(range, revision))
        },
        |view, finding| {
            let read = |found| match found {
                Found::Here(kv) => Ok(kv),
                Found::There(place) => view.history.record(place).map(|past| past.kv),
            };
            Ok(Page {
                kvs: finding
                    .found
                    .into_iter()
                    .map(read)
                    .collect::<Result<_, _>>()?,
                more: finding.more,
                count: finding.count,
                revision: at,
            })
        },
    )
}
