use futures_util::{TryStreamExt as _, stream};

use crate::answer::{Answer, List};
use crate::handlers::delete::delete;
use crate::handlers::list::page;
use crate::object::meta_str;
use crate::options::{DeleteOptions, ListOptions};
use crate::storage::Storage;
use crate::writer::Writer;
use crate::{Reason, Status};

/// Deletes all objects that are selected, and answers with them as they were.
/// One that somebody else has deleted meanwhile is no failure.
pub(crate) async fn delete_collection(
    storage: &Storage,
    writer: &Writer<'_>,
    options: &DeleteOptions,
    list: &ListOptions,
) -> Result<Answer, Status> {
    let mut list = list.clone();
    let whole = list.limit.is_none();
    list.limit.get_or_insert(PAGE);
    let mut all = List {
        items: Vec::new(),
        revision: 0,
        continues: None,
        remaining: None,
    };
    loop {
        let page = page(storage, writer.scope, &list).await?;
        let mut scopes = Vec::with_capacity(page.items.len());
        for item in &page.items {
            let object = item.value(&writer.scope.resource)?;
            let mut scope = writer.scope.clone();
            meta_str(&object, "namespace").clone_into(&mut scope.namespace);
            meta_str(&object, "name").clone_into(&mut scope.name);
            scopes.push(scope);
        }
        stream::iter(scopes.iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |scope| async move {
                let writer = Writer {
                    scope,
                    user: writer.user,
                    manager: writer.manager,
                    now: writer.now,
                    guard: None,
                };
                match delete(storage, &writer, options).await {
                    Err(status) if status.reason() != Reason::NotFound => Err(status),
                    _ => Ok(()),
                }
            })
            .await?;
        all.revision = all.revision.max(page.revision);
        all.items.extend(page.items);
        if !whole {
            (all.continues, all.remaining) = (page.continues, page.remaining);
            return Ok(Answer::List(all));
        }
        let Some(token) = page.continues else {
            return Ok(Answer::List(all));
        };
        list.continues = Some(token);
        list.revision = None;
        list.revision_match = None;
    }
}

/// Objects that are listed at once.
const PAGE: usize = 500;
/// Objects that are deleted at once.
const AT_ONCE: usize = 10;
