use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use api::types::work::{AppliedManifestWork, ManifestWork};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use rand::Rng as _;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::applied::name_of;
use super::backoff::Backoff;
use super::context::{Context, is_same};
use super::drift::Watches;
use super::eviction::evict;
use super::failure::Failure;
use super::finish::has_finalizer;
use super::lost;
use super::options::AgentOptions;
use super::outcome::{Again, Outcome};
use super::pace::Pace;
use super::queue::Queue;
use super::reconcile::reconcile;

/// Follows works, and has done what is to be done with each.
pub(super) struct Controller {
    cx: Arc<Context>,
    works: Events<ManifestWork>,
    /// Those named by a list of works that is being read.
    listed: Option<BTreeSet<String>>,
    /// Whether all works of the hub are known.
    is_complete: bool,
    applied: Events<AppliedManifestWork>,
    /// This agent's AppliedManifestWorks, with the works that are theirs if their
    /// hub is this one.
    known: HashMap<String, Option<String>>,
    watches: Watches,
    queue: Queue<Key>,
    backoff: Backoff<Key>,
    pace: Pace<Key>,
    /// Whether some work is applied on somebody's behalf.
    has_executors: bool,
    running: JoinSet<Result<Outcome, Failure>>,
    keys: HashMap<Id, Key>,
}

type Events<K> = BoxStream<'static, watcher::Result<Event<K>>>;

/// What there is to go through.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Key {
    /// An AppliedManifestWork whose work is missing, by its own name.
    Applied(String),
    Work(String),
    /// What a restored hub has not.
    Lost,
}

/// How long what a restored hub has not is gathered until it is told.
const GATHERING: Duration = Duration::from_secs(1);

impl Controller {
    pub(super) fn new(hub: Client, managed: Client, options: AgentOptions) -> Self {
        let works: Api<ManifestWork> = Api::namespaced(hub.clone(), &options.cluster);
        let applied: Api<AppliedManifestWork> = Api::all(managed.clone());
        // A watch goes on where it broke off, and everything is listed anew only if
        // the server does not know that place any more.
        let config = watcher::Config::default;
        Self {
            works: watcher(works, config()).default_backoff().boxed(),
            listed: None,
            is_complete: false,
            applied: watcher(applied, config()).default_backoff().boxed(),
            known: HashMap::new(),
            watches: Watches::new(managed.clone(), options.watches),
            queue: Queue::new(),
            backoff: Backoff::new(),
            pace: Pace::new(),
            has_executors: false,
            running: JoinSet::new(),
            keys: HashMap::new(),
            cx: Arc::new(Context::new(hub, managed, options)),
        }
    }

    /// Does so until it is dropped.
    pub(super) async fn run(mut self) {
        let mut incarnation = self.cx.options.incarnation.clone();
        let cx = self.cx.clone();
        let mut rights = cx.executors.changes();
        let mut follow = pin!(cx.executors.follow());
        loop {
            self.start();
            let due = self.queue.next_due();
            tokio::select! {
                Some(event) = self.works.next() => self.on_works(event),
                Some(event) = self.applied.next() => self.on_applied(event),
                works = self.watches.next() => self.on_drift(works),
                Some(done) = self.running.join_next_with_id() => match done {
                    Ok((id, result)) => self.on_done(id, result),
                    Err(error) => self.on_panic(&error),
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                () = changed(&mut incarnation) => self.go_through_all(),
                // Rights are followed when they matter to some work.
                () = &mut follow, if self.has_executors => {}
                Ok(()) = rights.changed() => self.on_rights(),
            }
        }
    }

    /// Begins what may begin now.
    fn start(&mut self) {
        while self.running.len() < self.cx.options.concurrency.max(1) {
            let Some(key) = self.queue.next(Instant::now()) else {
                return;
            };
            let cx = self.cx.clone();
            let task = match key.clone() {
                Key::Applied(name) => self
                    .running
                    .spawn(async move { Box::pin(evict(&cx, &name)).await }),
                Key::Work(name) => self.running.spawn(async move {
                    // It is large, and there are many.
                    Box::pin(reconcile(&cx, &name)).await
                }),
                Key::Lost => self
                    .running
                    .spawn(async move { Box::pin(lost::tell(&cx)).await }),
            };
            self.keys.insert(task.id(), key);
        }
    }

    fn on_works(&mut self, event: watcher::Result<Event<ManifestWork>>) {
        match event {
            Ok(Event::Init) => self.listed = Some(BTreeSet::new()),
            Ok(Event::InitApply(work) | Event::Apply(work)) => self.on_work(work),
            Ok(Event::Delete(work)) => {
                self.on_gone(&work.metadata.name.unwrap_or_default());
            }
            Ok(Event::InitDone) => {
                let listed = self.listed.take().unwrap_or_default();
                for name in self.cx.names() {
                    if !listed.contains(&name) {
                        self.on_gone(&name);
                    }
                }
                self.is_complete = true;
                for name in self.known.keys().cloned().collect::<Vec<_>>() {
                    self.judge(name);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the works of this cluster cannot be followed on the hub; what was applied is kept, and this is tried again");
            }
        }
    }

    fn on_work(&mut self, work: ManifestWork) {
        let name = work.metadata.name.clone().unwrap_or_default();
        if let Some(listed) = &mut self.listed {
            listed.insert(name.clone());
        }
        self.has_executors |= work.spec.executor.is_some();
        let work = Arc::new(work);
        let (old, others) = self.cx.put(&name, &work);
        let key = Key::Work(name);
        let is_new = old.is_none_or(|old| {
            !is_same(&old, &work) || has_finalizer(&old) && !has_finalizer(&work)
        });
        if is_new {
            self.backoff.reset(&key);
            self.queue.add(key);
        }
        self.add_works(others);
    }

    fn on_gone(&mut self, name: &str) {
        let others = self.cx.remove(name);
        self.add_works(others);
        self.watches.set(name, Vec::new());
        let key = Key::Work(name.to_owned());
        self.backoff.reset(&key);
        self.pace.forget(&key);
        self.judge(name_of(&self.cx.options.hub_hash, name));
    }

    fn on_applied(&mut self, event: watcher::Result<Event<AppliedManifestWork>>) {
        match event {
            Ok(Event::InitApply(applied) | Event::Apply(applied)) => {
                let name = applied.metadata.name.unwrap_or_default();
                if applied.spec.agent_id != self.cx.options.agent_id {
                    self.known.remove(&name);
                    return;
                }
                let work = applied.spec.manifest_work_name;
                let is_here = name == name_of(&self.cx.options.hub_hash, &work);
                let work = is_here.then_some(work);
                let is_known = work.as_deref().is_some_and(|of| self.cx.work(of).is_some());
                let is_deleting = applied.metadata.deletion_timestamp.is_some();
                let is_evicted = applied
                    .status
                    .is_some_and(|of| of.eviction_start_time.is_some());
                match &work {
                    // The work's own doing tells of it.
                    Some(work) if is_known && (is_deleting || is_evicted) => {
                        self.queue.add(Key::Work(work.clone()));
                    }
                    _ if is_known => {}
                    _ if is_deleting => self.queue.add(Key::Applied(name.clone())),
                    _ => {}
                }
                let is_new = self.known.insert(name.clone(), work).is_none();
                if is_new {
                    self.judge(name);
                }
            }
            Ok(Event::Delete(applied)) => {
                let name = applied.metadata.name.unwrap_or_default();
                if let Some(Some(work)) = self.known.remove(&name)
                    && self.cx.work(&work).is_some()
                {
                    self.queue.add(Key::Work(work));
                }
                self.backoff.reset(&Key::Applied(name));
            }
            Ok(Event::Init | Event::InitDone) => {}
            Err(error) => {
                tracing::warn!(%error, "AppliedManifestWorks cannot be followed in this cluster; this is tried again");
            }
        }
    }

    /// What was refused for want of rights may be allowed now, or the other way.
    fn on_rights(&mut self) {
        let names = self.cx.names().into_iter();
        let with_executor = names.filter(|name| {
            let work = self.cx.work(name);
            work.is_some_and(|of| of.spec.executor.is_some())
        });
        self.add_works(with_executor.collect::<Vec<_>>());
    }

    /// Sees to an AppliedManifestWork whose work is missing, once that is known.
    fn judge(&mut self, name: String) {
        let Some(work) = self.known.get(&name) else {
            return;
        };
        let is_missing = work.as_deref().is_none_or(|of| self.cx.work(of).is_none());
        if self.is_complete && is_missing {
            self.queue.add(Key::Applied(name));
        }
    }

    fn on_drift(&mut self, works: BTreeSet<String>) {
        let now = Instant::now();
        for work in works {
            let key = Key::Work(work);
            match self.pace.next(key.clone(), now) {
                at if at <= now => self.queue.add(key),
                at => self.queue.add_at(key, at),
            }
        }
    }

    fn on_done(&mut self, id: Id, result: Result<Outcome, Failure>) {
        let Some(key) = self.keys.remove(&id) else {
            return;
        };
        self.queue.done(&key);
        let outcome = result.unwrap_or_else(|failure| {
            tracing::warn!(?key, %failure, "to be tried again");
            Outcome {
                tracked: Vec::new(),
                again: Some(Again::Backoff),
            }
        });
        if key != Key::Lost && self.cx.lost.is_due() {
            self.queue.add_at(Key::Lost, Instant::now() + GATHERING);
        }
        let is_gone = match &key {
            Key::Lost => true,
            Key::Applied(name) => !self.known.contains_key(name),
            Key::Work(name) => {
                let is_gone = self.cx.work(name).is_none();
                let has_failed = outcome.tracked.is_empty() && outcome.again.is_some();
                // What failed before it came to its objects has them all the same.
                if is_gone || !has_failed {
                    let tracked = if is_gone { Vec::new() } else { outcome.tracked };
                    self.watches.set(name, tracked);
                }
                is_gone
            }
        };
        let wait = match outcome.again {
            Some(Again::Backoff) => self.backoff.failed(key.clone()),
            again => {
                self.backoff.reset(&key);
                match again {
                    Some(Again::After(wait)) => wait,
                    _ => self.pause(&key),
                }
            }
        };
        if is_gone && outcome.again.is_none() {
            return;
        }
        self.queue.add_at(key, Instant::now() + wait);
    }

    /// How long nothing has to be done if nothing changes.
    fn pause(&self, key: &Key) -> Duration {
        let options = &self.cx.options;
        let chance = rand::rng().random_range(0.0..1.0);
        match key {
            Key::Work(name) if !self.watches.covers(name) => {
                options.poll_interval.mul_f64(1.0 + chance)
            }
            Key::Applied(_) | Key::Work(_) | Key::Lost => {
                options.resync_interval.mul_f64(1.0 + 1.5 * chance)
            }
        }
    }

    fn on_panic(&mut self, error: &tokio::task::JoinError) {
        if let Some(key) = self.keys.remove(&error.id()) {
            tracing::error!(?key, %error, "to be tried again");
            self.queue.done(&key);
            let wait = self.backoff.failed(key.clone());
            self.queue.add_at(key, Instant::now() + wait);
        }
    }

    /// The hub's data is of another life.
    fn go_through_all(&mut self) {
        self.cx.lost.forget();
        self.add_works(self.cx.names());
        for name in self.known.keys().cloned().collect::<Vec<_>>() {
            self.judge(name);
        }
    }

    fn add_works(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            self.queue.add(Key::Work(name));
        }
    }
}

/// Waits until the hub tells of another life of its data. Cancel-safe.
async fn changed(incarnation: &mut Option<tokio::sync::watch::Receiver<Option<Arc<str>>>>) {
    if let Some(receiver) = incarnation
        && receiver.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
