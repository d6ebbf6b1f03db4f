//! Random changes, beside a model that is too simple to be wrong.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use store::{Change, Compare, Event, EventKind, Key, Outcome, Range, Revision, StoreError, Txn};

use super::fixture::{Fixture, text};

/// What is done, in terms of few keys and of revisions of late.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, Guess, u8),
    Delete(u8, Guess),
    Compact(u8),
    Read(u8, usize),
    Watch(u8),
}

/// Which revision a change is made on.
#[derive(Clone, Copy, Debug)]
enum Guess {
    Any,
    Absent,
    Right,
    Late(u8),
}

/// A revision: what is there after it, and what it did.
#[derive(Clone, Debug, Default)]
struct Moment {
    keys: BTreeMap<String, Known>,
    event: Option<(EventKind, String)>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Known {
    value: String,
    create: u64,
    modified: u64,
    version: u64,
}

/// Every revision there was, and how many are gone.
struct Model {
    moments: Vec<Moment>,
    compacted: u64,
}

impl Model {
    fn now(&self) -> &Moment {
        self.moments.last().unwrap()
    }

    fn revision(&self) -> u64 {
        self.moments.len() as u64 - 1
    }

    fn compare(&self, key: &str, guess: Guess) -> Compare {
        let right = self.now().keys.get(key).map_or(0, |known| known.modified);
        match guess {
            Guess::Any => Compare::Any,
            Guess::Absent => Compare::ModRevision(Revision::ZERO),
            Guess::Right => Compare::ModRevision(Revision(right)),
            Guess::Late(by) => Compare::ModRevision(Revision(right.saturating_sub(by.into()))),
        }
    }

    fn change(&mut self, key: &str, compare: Compare, put: Option<String>) -> bool {
        let known = self.now().keys.get(key).cloned();
        let modified = known.as_ref().map_or(0, |known| known.modified);
        if compare != Compare::Any && compare != Compare::ModRevision(Revision(modified)) {
            return false;
        }
        let next = self.revision() + 1;
        let mut moment = self.now().clone();
        match (put, known) {
            (None, None) => return true,
            (None, Some(_)) => {
                moment.keys.remove(key);
                moment.event = Some((EventKind::Delete, key.to_owned()));
            }
            (Some(value), known) => {
                let made = Known {
                    value,
                    create: known.as_ref().map_or(next, |known| known.create),
                    modified: next,
                    version: known.map_or(1, |known| known.version + 1),
                };
                moment.keys.insert(key.to_owned(), made);
                moment.event = Some((EventKind::Put, key.to_owned()));
            }
        }
        self.moments.push(moment);
        true
    }
}

pub(crate) async fn any_changes_leave_what_the_model_has(store: Fixture) {
    let mut runner = TestRunner::new(Config::default());
    let steps = proptest::collection::vec(step(), 400);
    let mut model = Model {
        moments: vec![Moment::default(), Moment::default()],
        compacted: 0,
    };
    // One long life: what is there already is part of every case.
    for _ in 0..5 {
        let steps = steps.new_tree(&mut runner).unwrap().current();
        for step in steps {
            follow(&store, &mut model, &step).await;
        }
        let revision = store.current().await;
        assert_eq!(revision.0, model.revision());
    }
}

async fn follow(store: &Fixture, model: &mut Model, step: &Step) {
    match *step {
        Step::Put(key, guess, value) => change(store, model, key, guess, Some(value)).await,
        Step::Delete(key, guess) => change(store, model, key, guess, None).await,
        Step::Compact(back) => {
            let to = model.revision().saturating_sub(back.into()).max(1);
            store.store.compact(Revision(to)).await.unwrap();
            model.compacted = model.compacted.max(to);
        }
        Step::Read(back, limit) => read(store, model, back, limit).await,
        Step::Watch(back) => watch(store, model, back).await,
    }
}

async fn change(store: &Fixture, model: &mut Model, key: u8, guess: Guess, value: Option<u8>) {
    let key = name(key);
    let compare = model.compare(&key, guess);
    let value = value.map(|value| value.to_string());
    let txn = Txn {
        key: Key::from(key.clone()),
        compare,
        change: match &value {
            Some(value) => Change::Put {
                value: value.clone().into(),
                lease: None,
            },
            None => Change::Delete,
        },
    };
    let before = model.now().keys.get(&key).cloned();
    let made = model.change(&key, compare, value);
    let outcome = store.store.txn(txn).await.unwrap();
    assert_eq!(outcome.is_done(), made);
    assert_eq!(outcome.revision().0, model.revision());
    let (there, was) = match outcome {
        Outcome::Done { kv, prev, .. } => (kv, prev),
        Outcome::Conflict { current, .. } => (current.clone(), current),
    };
    let known = |kv: Option<_>| kv.as_deref().map(known);
    assert_eq!(known(there), model.now().keys.get(&key).cloned());
    assert_eq!(known(was), before);
}

async fn read(store: &Fixture, model: &Model, back: u8, limit: usize) {
    let at = model.revision().saturating_sub(back.into()).max(1);
    let range = Range::prefix("k/1").limit(limit).at(Revision(at));
    let page = match store.store.range(range).await {
        Ok(page) => page,
        Err(StoreError::Compacted { .. }) => return assert!(at < model.compacted),
        Err(error) => panic!("{error}"),
    };
    assert!(at >= model.compacted);
    let keys = model.moments[at as usize].keys.iter();
    let expected: Vec<_> = keys.filter(|(key, _)| key.starts_with("k/1")).collect();
    assert_eq!(page.count, expected.len() as u64);
    assert_eq!(page.more, expected.len() > limit);
    assert_eq!(page.kvs.len(), expected.len().min(limit));
    for (kv, (key, expected)) in page.kvs.iter().zip(expected) {
        assert_eq!(
            (kv.key.to_string(), known(kv)),
            (key.clone(), expected.clone())
        );
    }
}

async fn watch(store: &Fixture, model: &Model, back: u8) {
    let from = model.revision().saturating_sub(back.into()).max(2);
    let mut watch = store.watch("k/1", Revision(from)).await;
    if from <= model.compacted {
        let end = watch.end().await;
        assert!(matches!(end, store::WatchError::Compacted { .. }), "{end}");
        return;
    }
    for revision in from..=model.revision() {
        let moment = &model.moments[revision as usize];
        let (kind, key) = moment.event.as_ref().unwrap();
        if key.starts_with("k/1") {
            let event: Event = watch.event().await;
            assert_eq!((event.kind, event.kv.key.to_string()), (*kind, key.clone()));
            assert_eq!(event.kv.mod_revision.0, revision);
            let before = &model.moments[revision as usize - 1];
            assert_eq!(
                event.prev.as_deref().map(known),
                before.keys.get(key).cloned()
            );
            if *kind == EventKind::Put {
                assert_eq!(Some(&known(&event.kv)), moment.keys.get(key));
            }
        }
    }
}

fn known(kv: &store::KeyValue) -> Known {
    Known {
        value: text(kv),
        create: kv.create_revision.0,
        modified: kv.mod_revision.0,
        version: kv.version,
    }
}

/// Few keys, some of them in the prefix that is read.
fn name(key: u8) -> String {
    format!("k/{}", key % 14)
}

fn step() -> impl Strategy<Value = Step> {
    let guess = || {
        prop_oneof![
            1 => Just(Guess::Any),
            1 => Just(Guess::Absent),
            3 => Just(Guess::Right),
            1 => (0..9_u8).prop_map(Guess::Late),
        ]
    };
    prop_oneof![
        12 => (any::<u8>(), guess(), any::<u8>()).prop_map(|(k, g, v)| Step::Put(k, g, v)),
        6 => (any::<u8>(), guess()).prop_map(|(k, g)| Step::Delete(k, g)),
        1 => any::<u8>().prop_map(Step::Compact),
        4 => (any::<u8>(), 0..9_usize).prop_map(|(b, l)| Step::Read(b, l)),
        2 => any::<u8>().prop_map(Step::Watch),
    ]
}
