//! Cases of several who apply and update, which structured-merge-diff has
//! answered: `apiserver/generate`.

use std::collections::BTreeMap;

use api::Catalogue;
use serde::Deserialize;
use serde_json::Value;

use crate::apply::fields_v1::to_text;
use crate::apply::filter::Filter;
use crate::apply::managed::{ManagerId, ManagerParts};
use crate::apply::path::PathElement;
use crate::apply::path_set::PathSet;
use crate::apply::schema::{TypeRef, Types};
use crate::apply::typed::{Duplicates, validate};
use crate::apply::updater::{Owners, UpdateError, Updater};
use crate::apply::value;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    definitions: BTreeMap<Box<str>, api::Schema>,
    cases: Vec<Script>,
}

/// What some managers do to an object of one type, one after the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    what: String,
    of: String,
    #[serde(default = "versions")]
    served: Vec<Box<str>>,
    #[serde(default)]
    endpoints: BTreeMap<String, Endpoint>,
    steps: Vec<Step>,
}

fn versions() -> Vec<Box<str>> {
    ["v1", "v2", "v3", "v4"].map(Into::into).to_vec()
}

/// Which fields can be changed through an endpoint.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum Endpoint {
    Without(Vec<String>),
    Only(Vec<String>),
}

#[derive(Deserialize)]
struct Step {
    #[serde(flatten)]
    does: Does,
    #[serde(default = "first_version")]
    version: Box<str>,
    #[serde(default)]
    through: String,
    #[serde(default)]
    object: Value,
}

fn first_version() -> Box<str> {
    "v1".into()
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Does {
    Apply(String),
    Force(String),
    Update(String),
    /// Is of another definition from now on.
    Become(String),
    /// A version is served no more.
    Gone(Box<str>),
}

/// A line of answers: those of the case that is named, or that is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    #[serde(default)]
    what: String,
    case: Option<Script>,
    answers: Vec<Answer>,
}

/// What there is after a step, or why it was refused.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Answer {
    object: Value,
    owners: BTreeMap<String, Owned>,
    conflicts: Vec<String>,
    refused: String,
}

#[derive(Debug, Deserialize, Eq, PartialEq)]
struct Owned {
    version: Box<str>,
    applied: bool,
    fields: String,
}

impl PartialEq for Answer {
    /// Numbers are the same if they amount to the same.
    fn eq(&self, other: &Self) -> bool {
        value::equal(&self.object, &other.object)
            && (&self.owners, &self.conflicts, &self.refused)
                == (&other.owners, &other.conflicts, &other.refused)
    }
}

/// Goes through a script.
fn run(catalogue: &Catalogue, script: &Script) -> Vec<Answer> {
    let types = Types::new(catalogue);
    let root = |of: &str| TypeRef::Schema {
        schema: &catalogue.definitions[of],
        preserve: false,
        whole: false,
    };
    let mut updater = Updater {
        types,
        root: root(&script.of),
        api_version: "".into(),
        versions: script.served.iter().cloned().collect(),
        filter: Filter::Without(PathSet::new()),
    };
    let (mut live, mut owners) = (Value::Null, Owners::new());
    let mut answers = Vec::new();
    for step in &script.steps {
        match &step.does {
            Does::Become(of) => updater.root = root(of),
            Does::Gone(version) => drop(updater.versions.remove(version)),
            Does::Apply(_) | Does::Force(_) | Does::Update(_) => {
                updater.api_version = step.version.clone();
                updater.filter = filter(script.endpoints.get(&step.through));
                // A refused step changes nothing.
                let mut now = owners.clone();
                answers.push(match take(&updater, &live, &mut now, step) {
                    Ok(object) => {
                        (live, owners) = (object, now);
                        there(&live, &owners)
                    }
                    Err(error) => refusal(error),
                });
            }
        }
    }
    answers
}

/// The object after a step.
fn take(
    updater: &Updater<'_>,
    live: &Value,
    owners: &mut Owners,
    step: &Step,
) -> Result<Value, UpdateError> {
    let valid = |duplicates| {
        validate(updater.types, updater.root, &step.object, duplicates)
            .map_err(|errors| UpdateError::Other(errors.to_string()))
    };
    let (who, force) = match &step.does {
        Does::Apply(who) => (who, false),
        Does::Force(who) => (who, true),
        Does::Update(who) => {
            valid(Duplicates::Allowed)?;
            updater.update(live, &step.object, owners, &id(who))?;
            return Ok(step.object.clone());
        }
        Does::Become(_) | Does::Gone(_) => return Ok(live.clone()),
    };
    valid(Duplicates::Refused)?;
    let applied = updater.apply(live, &step.object, owners, &id(who), force)?;
    Ok(applied.unwrap_or_else(|| live.clone()))
}

fn id(manager: &str) -> ManagerId {
    ManagerId::new(&ManagerParts {
        manager: manager.to_owned(),
        ..ManagerParts::default()
    })
}

fn filter(endpoint: Option<&Endpoint>) -> Filter {
    let set = |paths: &[String]| {
        let mut set = PathSet::new();
        for path in paths {
            set.insert(&path.split('.').map(PathElement::field).collect::<Vec<_>>());
        }
        set
    };
    match endpoint {
        None => Filter::Without(PathSet::new()),
        Some(Endpoint::Without(paths)) => Filter::Without(set(paths)),
        Some(Endpoint::Only(paths)) => Filter::Only {
            fields: set(paths),
            without: PathSet::new(),
        },
    }
}

fn there(object: &Value, owners: &Owners) -> Answer {
    let owners = owners.iter().map(|(id, owned)| {
        let owned = Owned {
            version: owned.api_version.clone(),
            applied: owned.applied,
            fields: to_text(&owned.set),
        };
        (id.parts().manager, owned)
    });
    Answer {
        object: object.clone(),
        owners: owners.collect(),
        ..Answer::default()
    }
}

fn refusal(error: UpdateError) -> Answer {
    let mut answer = Answer::default();
    match error {
        UpdateError::Other(why) => answer.refused = why,
        UpdateError::Conflicts(conflicts) => {
            let told = conflicts
                .iter()
                .map(|of| format!("{} {}", of.manager.parts().manager, of.path));
            answer.conflicts = told.collect();
            answer.conflicts.sort();
        }
    }
    answer
}

/// The cases of a file, and all that the library has answered differently.
fn compare(cases: &str, answers: &str) -> (usize, String) {
    let cases: Cases = serde_saphyr::from_str(cases).unwrap();
    let catalogue = Catalogue {
        resources: Vec::new(),
        definitions: cases.definitions,
    };
    let mut lines = answers
        .lines()
        .map(|line| serde_json::from_str::<Answered>(line).unwrap());
    let mut scripts = Vec::new();
    for script in cases.cases {
        let answered = lines.next().filter(|of| of.what == script.what);
        let answered = answered.unwrap_or_else(|| panic!("no answer to {:?}", script.what));
        scripts.push((script, answered.answers));
    }
    scripts.extend(lines.map(|line| (line.case.unwrap(), line.answers)));
    let mut told = String::new();
    for (at, (script, wanted)) in scripts.iter().enumerate() {
        let got = run(&catalogue, script);
        assert_eq!(got.len(), wanted.len(), "{}", script.what);
        let differs = got
            .iter()
            .zip(wanted)
            .position(|(got, wanted)| got != wanted);
        if let Some(step) = differs {
            let (got, wanted) = (&got[step], &wanted[step]);
            told.push_str(&format!(
                "{at} {}: step {step}\n  ours    {got:?}\n  library {wanted:?}\n",
                script.what
            ));
        }
    }
    (scripts.len(), told)
}

macro_rules! answered {
    ($($test:ident: $file:literal, $least:literal;)*) => {$(
        #[test]
        fn $test() {
            let (count, told) = compare(
                include_str!(concat!("cases/", $file, ".yaml")),
                include_str!(concat!("answers/", $file, ".jsonl")),
            );
            assert!(told.is_empty(), "{told}");
            assert!(count >= $least, "{count} cases");
        }
    )*};
}

answered! {
    leaves_are_owned_as_the_library_says: "leaves", 21;
    items_of_sets_are_owned_as_the_library_says: "sets", 23;
    items_with_keys_are_owned_as_the_library_says: "keyed", 31;
    lists_and_maps_in_others_are_owned_as_the_library_says: "nested", 26;
    what_has_no_schema_is_owned_as_the_library_says: "deduced", 15;
    owners_outlive_changes_of_the_schema_as_the_library_says: "changes", 11;
    ignored_fields_are_owned_as_the_library_says: "ignored", 10;
    versions_that_are_gone_are_forgotten_as_the_library_says: "versions", 3;
    whatever_is_done_is_owned_as_the_library_says: "any", 60;
}
