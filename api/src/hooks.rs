use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use crate::{Admission, FieldError, Refusal};

/// What is done to a kind's objects beyond what its schema says. All of them
/// are pure functions, but for what they ask the server by; those that are absent do nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks {
    /// Admits a change or refuses it, by what the user may do besides and by
    /// other objects there are. Asked last, when nothing else is wrong.
    pub admit: Option<Admit>,
    /// How objects are turned from and to the form in which they are kept, for
    /// a resource that is kept as another ([`crate::Storage::As`]) and has not
    /// the same fields. Whoever converts changes `apiVersion` and `kind`.
    pub conversion: Option<Conversion>,
    /// Sets what is absent, before anything else is looked at.
    pub default: Option<fn(object: &mut Value)>,
    /// Sets or drops the fields that clients do not decide, after those of
    /// the old object that this change may not touch have been put back.
    pub prepare: Option<fn(object: &mut Value, change: Change<'_>)>,
    /// Fills in what only the server knows of a change: who asked for it, and
    /// when. Called after `prepare`.
    pub stamp: Option<fn(object: &mut Value, change: Change<'_>, request: &Request<'_>)>,
    /// How many seconds an object has from its deletion to its end, if the
    /// client asks for so many. Whoever ends it deletes it again, with none.
    pub grace: Option<fn(object: &Value, asked: Option<i64>) -> i64>,
    /// Whether a new object's first update is one even if it changes nothing:
    /// what was filled in when it was made is kept from then on.
    pub rewritten: Option<fn(object: &Value) -> bool>,
    /// The cells of an object's row in a Table, in the order of the columns,
    /// where those have no paths.
    pub row: Option<fn(object: &Value, elapsed: Elapsed<'_>) -> Vec<Value>>,
    /// Says what is wrong with an object that its schema allows.
    pub validate: Option<fn(object: &Value, change: Change<'_>) -> Vec<FieldError>>,
}

/// See [`Hooks::admit`].
pub type Admit = fn(object: &Value, change: Change<'_>, ask: &Admission<'_>) -> Result<(), Refusal>;

impl Hooks {
    /// Nothing is done.
    pub const NONE: Self = Self {
        admit: None,
        conversion: None,
        default: None,
        grace: None,
        prepare: None,
        rewritten: None,
        row: None,
        stamp: None,
        validate: None,
    };
}

/// The two ways between a version of a kind and the one that is kept.
#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    /// Turns what is kept into this version.
    pub from_stored: fn(object: &mut Value),
    /// Turns this version into what is kept.
    pub to_stored: fn(object: &mut Value),
}

/// Tells how long things took, in Kubernetes' short form (`3m2s`). What is no
/// time is `<unknown>`.
#[derive(Clone, Copy)]
pub struct Elapsed<'a> {
    /// From one time, as objects have it, to another; to now, if that is empty.
    pub between: &'a dyn Fn(&str, &str) -> String,
    /// A number of seconds.
    pub seconds: &'a dyn Fn(i64) -> String,
}

impl fmt::Debug for Elapsed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elapsed").finish_non_exhaustive()
    }
}

/// Who asks for a change, and when.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The user's name.
    pub user: &'a str,
    /// The user's unique id; may be empty.
    pub uid: &'a str,
    /// The user's groups.
    pub groups: &'a [String],
    /// What else the authenticator said of the user.
    pub extra: &'a BTreeMap<String, Vec<String>>,
    /// Now, as objects have it: `2026-01-02T03:04:05Z`.
    pub now: &'a str,
}

/// How an object comes to be as it is.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// It is new.
    Create,
    /// It takes the place of `old`.
    Update {
        /// The object as it was.
        old: &'a Value,
        /// Through which subresource, if any.
        subresource: Option<&'a str>,
    },
}
