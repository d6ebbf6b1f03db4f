use std::pin::Pin;

use futures_util::Stream;
use http::StatusCode;
use serde_json::Value;

use crate::Status;
use crate::changes::Seen;
use crate::object::Stored;

/// What a handler found, before it is put in the form that the client asked for.
pub(crate) enum Answer {
    /// A list.
    List(List),
    /// An object in the store's form.
    Object(StatusCode, Stored),
    /// Something else, already as it is to be sent: a review, a scale, a success.
    Value(StatusCode, Value),
    /// A watch.
    Watch(Pin<Box<dyn Stream<Item = WatchItem> + Send>>),
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) items: Vec<Stored>,
    /// The revision that it shows.
    pub(crate) revision: u64,
    /// Where it goes on, if it does.
    pub(crate) continues: Option<String>,
    /// How many more there are, if that is known.
    pub(crate) remaining: Option<u64>,
}

/// One line of a watch.
#[derive(Debug)]
pub(crate) enum WatchItem {
    Added(Seen),
    /// How far the watch is.
    Bookmark {
        revision: u64,
        /// Whether it stands behind the last of the initial events.
        initial_events_end: bool,
    },
    Deleted(Seen),
    Error(Status),
    Modified(Seen),
}
