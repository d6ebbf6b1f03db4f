//! Everything that makes a hub this hub, in one file.
//!
//! The data directory's small files are read under its lock for writing; the
//! store's part comes from whoever has the store open, as one picture of it.

mod archive;
mod contents;
mod restore;
mod save;
mod seal;
mod source;

pub(crate) use restore::restore;
pub(crate) use save::save;
pub(crate) use seal::sealed;
