//! What was applied is watched, so that what others change is put right at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::StreamExt as _;
use kube::api::{ApiResource, PartialObjectMeta};
use kube::core::DynamicObject;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::outcome::Tracked;
use super::place::Place;

/// Watches on the metadata of what was applied: one on each kind in each namespace,
/// and so many at most. They end when this is dropped.
pub(super) struct Watches {
    client: Client,
    most: usize,
    scopes: HashMap<Arc<Scope>, Watch>,
    /// By work.
    tracked: HashMap<String, Vec<Tracked>>,
    sender: mpsc::Sender<(Arc<Scope>, Notice)>,
    notices: mpsc::Receiver<(Arc<Scope>, Notice)>,
    tasks: JoinSet<()>,
}

/// What one watch is on.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Scope {
    group: String,
    version: String,
    resource: String,
    /// Empty for kinds that have none.
    namespace: String,
}

#[derive(Debug)]
struct Watch {
    task: AbortHandle,
    /// Whether it tells what happens.
    is_up: bool,
    /// By name: the works that have to do with the object, and the version that
    /// each has seen.
    objects: HashMap<String, HashMap<String, Option<String>>>,
}

/// What a watch tells.
#[derive(Debug)]
enum Notice {
    Changed {
        name: String,
        version: String,
    },
    Gone {
        name: String,
    },
    /// All there is, by name.
    Listed(HashMap<String, String>),
    Failed,
}

impl Watches {
    /// `most` watches at most.
    pub(super) fn new(client: Client, most: usize) -> Self {
        let (sender, notices) = mpsc::channel(NOTICES);
        Self {
            client,
            most,
            scopes: HashMap::new(),
            tracked: HashMap::new(),
            sender,
            notices,
            tasks: JoinSet::new(),
        }
    }

    /// Watches these objects for a work, and none else any more.
    pub(super) fn set(&mut self, work: &str, tracked: Vec<Tracked>) {
        let old = self.tracked.remove(work).unwrap_or_default();
        for Tracked { place, .. } in old {
            let scope = Scope::of(&place);
            if let Some(watch) = self.scopes.get_mut(&scope)
                && let Some(works) = watch.objects.get_mut(&place.name)
            {
                works.remove(work);
                if works.is_empty() {
                    watch.objects.remove(&place.name);
                }
            }
        }
        for Tracked { place, version } in &tracked {
            if let Some(watch) = self.watch(Scope::of(place)) {
                let works = watch.objects.entry(place.name.clone()).or_default();
                works.insert(work.to_owned(), version.clone());
            }
        }
        self.scopes.retain(|_, watch| {
            let is_used = !watch.objects.is_empty();
            if !is_used {
                watch.task.abort();
            }
            is_used
        });
        if !tracked.is_empty() {
            self.tracked.insert(work.to_owned(), tracked);
        }
    }

    /// Whether all that a work has to do with is watched.
    pub(super) fn covers(&self, work: &str) -> bool {
        let tracked = self.tracked.get(work).into_iter().flatten();
        tracked.into_iter().all(|of| {
            let watch = self.scopes.get(&Scope::of(&of.place));
            watch.is_some_and(|of| of.is_up)
        })
    }

    /// The works that have to do with what others have changed, as soon as there
    /// are some. Cancel-safe.
    pub(super) async fn next(&mut self) -> BTreeSet<String> {
        loop {
            // The sender is held here, so that there is always something to wait for.
            let Some((scope, notice)) = self.notices.recv().await else {
                std::future::pending::<()>().await;
                continue;
            };
            let Some(watch) = self.scopes.get_mut(&scope) else {
                continue;
            };
            let works = watch.take(notice);
            if !works.is_empty() {
                return works;
            }
        }
    }

    fn watch(&mut self, scope: Scope) -> Option<&mut Watch> {
        if !self.scopes.contains_key(&scope) {
            if self.scopes.len() >= self.most {
                return None;
            }
            // Those that have ended are no use any more.
            while self.tasks.try_join_next().is_some() {}
            let scope = Arc::new(scope.clone());
            let follow = follow(self.client.clone(), scope.clone(), self.sender.clone());
            let watch = Watch {
                task: self.tasks.spawn(follow),
                is_up: false,
                objects: HashMap::new(),
            };
            self.scopes.insert(scope, watch);
        }
        self.scopes.get_mut(&scope)
    }
}

impl Watch {
    /// The works that a notice is news for.
    fn take(&mut self, notice: Notice) -> BTreeSet<String> {
        self.is_up = !matches!(notice, Notice::Failed);
        match notice {
            Notice::Changed { name, version } => {
                let works = self.objects.get(&name).into_iter().flatten();
                works
                    .filter(|(_, seen)| is_news(seen.as_deref(), &version))
                    .map(|(work, _)| work.clone())
                    .collect()
            }
            Notice::Gone { name } => {
                let works = self.objects.get(&name).into_iter().flatten();
                let knew = works.filter(|(_, seen)| seen.is_some());
                knew.map(|(work, _)| work.clone()).collect()
            }
            Notice::Listed(all) => {
                let objects = self.objects.iter();
                let news = objects.flat_map(|(name, works)| {
                    let now = all.get(name);
                    works.iter().filter(move |(_, seen)| match now {
                        Some(version) => is_news(seen.as_deref(), version),
                        None => seen.is_some(),
                    })
                });
                news.map(|(work, _)| work.clone()).collect()
            }
            Notice::Failed => BTreeSet::new(),
        }
    }
}

impl Scope {
    fn of(place: &Place) -> Self {
        Self {
            group: place.group.clone(),
            version: place.version.clone(),
            resource: place.resource.clone(),
            namespace: place.namespace.clone(),
        }
    }
}

impl std::fmt::Debug for Watches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watches").finish_non_exhaustive()
    }
}

/// Whether a version was not seen yet. What a work has written itself it has seen
/// before the watch tells of it.
fn is_news(seen: Option<&str>, version: &str) -> bool {
    let Some(seen) = seen else {
        return true;
    };
    match (seen.parse::<u64>(), version.parse::<u64>()) {
        (Ok(seen), Ok(version)) => seen < version,
        _ => seen != version,
    }
}

/// Tells what happens to the objects of a kind in a namespace, until nobody listens.
async fn follow(client: Client, scope: Arc<Scope>, sender: mpsc::Sender<(Arc<Scope>, Notice)>) {
    let api_version = match scope.group.as_str() {
        "" => scope.version.clone(),
        group => format!("{group}/{}", scope.version),
    };
    let kind = ApiResource {
        group: scope.group.clone(),
        version: scope.version.clone(),
        api_version,
        kind: String::new(),
        plural: scope.resource.clone(),
    };
    let objects: Api<PartialObjectMeta<DynamicObject>> = match scope.namespace.as_str() {
        "" => Api::all_with(client, &kind),
        namespace => Api::namespaced_with(client, namespace, &kind),
    };
    let mut events = watcher(objects, Config::default())
        .default_backoff()
        .boxed();
    let mut listed = HashMap::new();
    while let Some(event) = events.next().await {
        let notice = match event {
            Ok(Event::Apply(object)) => {
                let (name, version) = told(object);
                Notice::Changed { name, version }
            }
            Ok(Event::Delete(object)) => Notice::Gone {
                name: told(object).0,
            },
            Ok(Event::Init) => {
                listed.clear();
                continue;
            }
            Ok(Event::InitApply(object)) => {
                listed.extend([told(object)]);
                continue;
            }
            Ok(Event::InitDone) => Notice::Listed(std::mem::take(&mut listed)),
            Err(error) => {
                tracing::debug!(?scope, %error, "what was applied cannot be watched");
                Notice::Failed
            }
        };
        if sender.send((scope.clone(), notice)).await.is_err() {
            return;
        }
    }
}

/// Name and version.
fn told(object: PartialObjectMeta<DynamicObject>) -> (String, String) {
    let metadata = object.metadata;
    let version = metadata.resource_version.unwrap_or_default();
    (metadata.name.unwrap_or_default(), version)
}

/// How many notices wait at most; those who have more to tell wait.
const NOTICES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(seen: Option<&str>) -> Watch {
        let works = HashMap::from([("w".to_owned(), seen.map(str::to_owned))]);
        let mut tasks = JoinSet::new();
        Watch {
            task: tasks.spawn(std::future::ready(())),
            is_up: false,
            objects: HashMap::from([("a".to_owned(), works)]),
        }
    }

    fn changed(name: &str, version: &str) -> Notice {
        Notice::Changed {
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    #[tokio::test]
    async fn only_what_a_work_has_not_seen_is_news_for_it() {
        let mut watch = watch(Some("10"));
        assert!(watch.take(changed("a", "9")).is_empty());
        assert!(watch.take(changed("a", "10")).is_empty());
        assert!(watch.take(changed("b", "11")).is_empty());
        assert_eq!(watch.take(changed("a", "11")), ["w".to_owned()].into());
        let all = |version: &str| {
            let all = [("a".to_owned(), version.to_owned())];
            Notice::Listed(all.into())
        };
        assert!(watch.take(all("10")).is_empty());
        assert_eq!(watch.take(all("11")).len(), 1);
        assert_eq!(watch.take(Notice::Listed(HashMap::new())).len(), 1);
        let gone = || Notice::Gone {
            name: "a".to_owned(),
        };
        assert_eq!(watch.take(gone()).len(), 1);
        assert!(watch.is_up);
        assert!(watch.take(Notice::Failed).is_empty());
        assert!(!watch.is_up);
        let mut unseen = self::watch(None);
        assert!(unseen.take(gone()).is_empty());
        assert_eq!(unseen.take(changed("a", "1")).len(), 1);
    }
}
