//! What is done with objects: one file a verb.

mod create;
mod delete;
mod delete_collection;
mod get;
mod list;
mod patch;
pub(crate) mod scale;
mod update;
mod watch;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use delete_collection::delete_collection;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use patch::Patch;
pub(crate) use update::{Replacement, update};
pub(crate) use watch::watch;
