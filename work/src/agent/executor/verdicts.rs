use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::types::work::{ResourceMeta, ServiceAccountReference};
use futures_util::stream::{BoxStream, select_all};
use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Error, Event};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;

/// Whether executors may apply objects, as far as that is known: nothing is,
/// unless changes of rights would be heard of.
#[derive(Debug)]
pub(super) struct Verdicts {
    state: Mutex<State>,
    /// Which rights the answers are of.
    epoch: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<Question, (bool, Instant)>,
    follows: bool,
}

/// Whether somebody may apply something.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Question {
    account: [String; 2],
    object: [String; 5],
    owned: bool,
}

/// Answers at most; when there are more, all are forgotten.
const MOST: usize = 8192;

/// After that it is asked anew: not all rights are such as can be followed.
const LASTS: Duration = Duration::from_secs(10 * 60);

impl Question {
    pub(super) fn new(account: &ServiceAccountReference, meta: &ResourceMeta, owned: bool) -> Self {
        Self {
            account: [account.namespace.clone(), account.name.clone()],
            object: [
                meta.group.clone(),
                meta.version.clone(),
                meta.resource.clone(),
                meta.namespace.clone(),
                meta.name.clone(),
            ],
            owned,
        }
    }
}

impl Default for Verdicts {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            epoch: watch::Sender::new(0),
        }
    }
}

impl Verdicts {
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.epoch.subscribe()
    }

    pub(super) fn known(&self, question: &Question) -> Option<bool> {
        let state = self.lock();
        let (may, at) = state.known.get(question)?;
        (at.elapsed() < LASTS).then_some(*may)
    }

    /// When it is asked, to be given with the answer.
    pub(super) fn asked(&self) -> u64 {
        *self.epoch.borrow()
    }

    /// Remembers an answer, unless rights have changed since it was asked.
    pub(super) fn learn(&self, question: Question, may: bool, asked: u64) {
        let mut state = self.lock();
        if !state.follows || *self.epoch.borrow() != asked {
            return;
        }
        if state.known.len() >= MOST {
            state.known.clear();
        }
        state.known.insert(question, (may, Instant::now()));
    }

    fn forget(&self, follows: bool) {
        let mut state = self.lock();
        state.known.clear();
        state.follows = follows;
        self.epoch.send_modify(|epoch| *epoch += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the answers when rights change, or when that would not be heard of.
pub(super) async fn follow(verdicts: &Verdicts, client: &Client) {
    let _forgets = Forgets(verdicts);
    let mut changes = select_all([
        kind::<ClusterRole>(client, 0),
        kind::<ClusterRoleBinding>(client, 1),
        kind::<Role>(client, 2),
        kind::<RoleBinding>(client, 3),
    ]);
    let mut follows = [false; 4];
    while let Some((kind, change)) = changes.next().await {
        match change {
            Ok(Heard::All) => follows[kind] = true,
            Ok(Heard::Change) => {}
            Ok(Heard::Nothing) => continue,
            Err(error) => {
                follows[kind] = false;
                tracing::debug!(%error, "changes of rights are not heard of");
            }
        }
        verdicts.forget(follows.into_iter().all(|one| one));
    }
}

/// Whoever stops following knows nothing any more.
struct Forgets<'a>(&'a Verdicts);

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        self.0.forget(false);
    }
}

/// What an event says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Heard {
    /// What there is; from now on it tells of changes.
    All,
    Change,
    Nothing,
}

fn kind<K>(client: &Client, of: usize) -> BoxStream<'static, (usize, Result<Heard, Error>)>
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + 'static,
{
    let kind: Api<PartialObjectMeta<K>> = Api::all(client.clone());
    let events = watcher(kind, Config::default());
    let heard = events.default_backoff().map_ok(|event| match event {
        Event::Apply(_) | Event::Delete(_) => Heard::Change,
        Event::Init | Event::InitApply(_) => Heard::Nothing,
        Event::InitDone => Heard::All,
    });
    heard.map(move |heard| (of, heard)).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str) -> Question {
        let account = ServiceAccountReference {
            namespace: "n".to_owned(),
            name: name.to_owned(),
        };
        Question::new(&account, &ResourceMeta::default(), true)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_known_for_ten_minutes() {
        let verdicts = Verdicts::default();
        verdicts.forget(true);
        verdicts.learn(question("a"), false, verdicts.asked());
        assert_eq!(verdicts.known(&question("a")), Some(false));
        assert_eq!(verdicts.known(&question("b")), None);
        tokio::time::advance(LASTS).await;
        assert_eq!(verdicts.known(&question("a")), None);
    }

    #[tokio::test]
    async fn an_answer_goes_when_rights_change_and_is_not_learnt_late() {
        let verdicts = Verdicts::default();
        verdicts.forget(true);
        let asked = verdicts.asked();
        verdicts.learn(question("a"), true, asked);
        verdicts.forget(true);
        assert_eq!(verdicts.known(&question("a")), None);
        verdicts.learn(question("a"), true, asked);
        assert_eq!(verdicts.known(&question("a")), None);
    }

    #[tokio::test]
    async fn nothing_is_learnt_while_changes_are_not_heard_of() {
        let verdicts = Verdicts::default();
        verdicts.learn(question("a"), true, verdicts.asked());
        assert_eq!(verdicts.known(&question("a")), None);
    }

    #[tokio::test]
    async fn there_are_so_many_answers_at_most() {
        let verdicts = Verdicts::default();
        verdicts.forget(true);
        for at in 0..=MOST {
            verdicts.learn(question(&at.to_string()), true, verdicts.asked());
        }
        assert_eq!(verdicts.lock().known.len(), 1);
    }
}
