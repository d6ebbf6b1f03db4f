use http::StatusCode;

use crate::Status;
use crate::answer::Answer;
use crate::options::wanted_revision;
use crate::query::Query;
use crate::scope::Scope;
use crate::storage::{Storage, not_found};

/// Reads one object, or a subresource that shows all of it.
///
/// The store is always as new as what has been acknowledged, so a revision
/// that is asked for can only be waited for.
pub(crate) async fn get(storage: &Storage, scope: &Scope, query: &str) -> Result<Answer, Status> {
    let wanted = wanted_revision(Query::parse(query).get("resourceVersion"));
    // What goes by itself is not kept in the real server's cache, which would
    // be the one to complain.
    let wanted = match scope.resource.behaviour.ttl_seconds {
        Some(_) => wanted.map_err(|error| {
            let why = error.message();
            Status::bad_request(format!("invalid resource version: {why}"))
        })?,
        None => wanted?,
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted > 0) {
        storage.reach(wanted).await?;
    }
    let stored = storage.get(&scope.key()).await?;
    let stored = stored.ok_or_else(|| not_found(&scope.resource, &scope.name))?;
    Ok(Answer::Object(StatusCode::OK, stored))
}
