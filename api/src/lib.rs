//! The resource kinds of Adit's hub, as data.
//!
//! A [`Resource`] says of one served kind all that an API server has to know:
//! its names, scope, schema, columns, subresources and what it may be selected
//! by. Nothing here does IO, reads a clock or spawns.

mod admission;
mod behaviour;
mod canonical;
mod catalogue;
mod core;
mod crd;
mod field_error;
mod hooks;
pub mod json_path;
mod kind;
pub mod names;
mod ocm;
pub mod quantity;
mod resource;
mod schema;
pub mod types;

pub use admission::{Admission, Grounds, Refusal, Right};
pub use behaviour::{Behaviour, NameForm};
pub use canonical::canonicalise;
pub use catalogue::{Catalogue, Definitions, all};
pub use core::core;
pub use field_error::{FieldError, FieldErrorKind};
pub use hooks::{Admit, Change, Conversion, Elapsed, Hooks, Request};
pub use ocm::ocm;
pub use resource::{
    Column, GroupResource, GroupVersionKind, GroupVersionResource, Names, Resource, Scale, Scope,
    SelectableField, Storage, Subresource, Verb,
};
pub use schema::{ListType, MapType, Properties, Schema, SchemaType, Zero};
