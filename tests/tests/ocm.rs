//! Open Cluster Management's own programs: its agent joins a hub of Adit's, and
//! Adit's agent joins a hub under its controllers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

#[path = "ocm/adit_hub.rs"]
mod adit_hub;
#[path = "ocm/asking.rs"]
mod asking;
#[path = "ocm/ocm_hub.rs"]
mod ocm_hub;
#[path = "ocm/programs.rs"]
mod programs;
