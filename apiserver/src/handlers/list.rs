use store::{Range, Revision};

use crate::Status;
use crate::answer::{Answer, List};
use crate::continue_token::ContinueToken;
use crate::object::Stored;
use crate::options::{ListOptions, RevisionMatch};
use crate::scope::Scope;
use crate::storage::{RangeError, Storage, stored};

/// Reads a collection, or a page of it.
pub(crate) async fn list(
    storage: &Storage,
    scope: &Scope,
    options: &ListOptions,
) -> Result<Answer, Status> {
    Ok(Answer::List(page(storage, scope, options).await?))
}

/// The page of objects that the options ask for.
pub(crate) async fn page(
    storage: &Storage,
    scope: &Scope,
    options: &ListOptions,
) -> Result<List, Status> {
    let token = options.continues.as_deref().map(ContinueToken::decode);
    let token = token.transpose()?;
    if token.is_some() && options.revision.is_some_and(|revision| revision > 0) {
        return Err(Status::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    let at = revision_to_read(storage, options, token.as_ref()).await?;
    // Whoever takes any revision is shown all that is in memory.
    let any = options.revision == Some(0);
    // Of one object by its name there are no pages.
    let known = !scope.namespaced() || !scope.namespace.is_empty();
    let single = options.fields.exact("metadata.name");
    let single = single.filter(|_| known && token.is_none());
    let limit = options.limit.filter(|_| !any && single.is_none());
    let mut range = Range {
        prefix: match single {
            Some(name) => crate::key::object(&scope.resource, &scope.namespace, name),
            None => crate::key::prefix(&scope.resource, &scope.namespace),
        },
        start: token
            .as_ref()
            .map(|of| crate::key::from_behind(&scope.resource, &scope.namespace, &of.start)),
        at: at.map(Revision),
        limit: None,
    };
    let selects_all = options.labels.is_empty() && options.fields.is_empty();
    let mut items: Vec<Stored> = Vec::new();
    loop {
        // What a selector leaves out does not count: pages are read until the
        // limit is full.
        range.limit =
            limit.map(|limit| (limit - items.len()).max(if selects_all { 1 } else { SCAN }));
        let page = match storage.range(range.clone()).await {
            Ok(page) => page,
            Err(RangeError::Failed(status)) => return Err(status),
            Err(RangeError::Gone) => return Err(gone(storage, token).await?),
        };
        let revision = page.revision.0;
        range.at = Some(page.revision);
        let mut taken = 0;
        for (kv, object) in page.kvs.iter().zip(stored(&page.kvs)?) {
            if limit.is_some_and(|limit| items.len() >= limit) {
                break;
            }
            taken += 1;
            range.start = Some(kv.key.successor());
            if selects_all
                || scope.selects(
                    &options.labels,
                    &options.fields,
                    &object.value(&scope.resource)?,
                )
            {
                items.push(object);
            }
        }
        let more = page.more || taken < page.kvs.len();
        let full = limit.is_some_and(|limit| items.len() >= limit);
        if more && !full {
            continue;
        }
        let mut list = List {
            items,
            revision,
            continues: None,
            remaining: None,
        };
        if let (true, Some(start)) = (more, &range.start) {
            let start = crate::key::behind(&scope.resource, &scope.namespace, start);
            let token = ContinueToken {
                revision: Some(revision),
                start: format!("/{}", start.unwrap_or_default()),
            };
            list.continues = Some(token.encode());
            list.remaining = selects_all.then(|| page.count.saturating_sub(taken as u64));
        }
        return Ok(list);
    }
}

/// At which revision to read: `None` for the latest.
async fn revision_to_read(
    storage: &Storage,
    options: &ListOptions,
    token: Option<&ContinueToken>,
) -> Result<Option<u64>, Status> {
    if let Some(token) = token {
        return Ok(token.revision);
    }
    let Some(wanted) = options.revision.filter(|wanted| *wanted > 0) else {
        return Ok(None);
    };
    storage.reach(wanted).await?;
    let exact = match options.revision_match {
        Some(how) => how == RevisionMatch::Exact,
        // Of old, a limit makes a revision exact.
        None => options.limit.is_some(),
    };
    Ok(exact.then_some(wanted))
}

/// 410: a revision that is gone. For a list that goes on, with a token by
/// which it can go on at the latest revision, at the price of consistency.
async fn gone(storage: &Storage, token: Option<ContinueToken>) -> Result<Status, Status> {
    storage.current().await?;
    Ok(match token {
        None => Status::expired("The resourceVersion for the provided list is too old."),
        Some(token) => {
            let inconsistent = ContinueToken {
                revision: None,
                start: token.start,
            };
            Status::expired_continue(
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
                inconsistent.encode(),
            )
        }
    })
}

/// How many objects are looked at at once when a selector leaves some out.
const SCAN: usize = 500;
