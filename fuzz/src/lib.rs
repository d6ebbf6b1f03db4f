//! What must hold whatever a peer sends: one function for each parser of a
//! peer's bytes, which panics when it does not.
//!
//! The programs in `fuzz_targets` give these functions to libFuzzer; the test
//! `replay` calls them with the inputs in `seeds`, and parts of these.

#![forbid(unsafe_code)]

mod bytes_peer;
mod cel;
mod certificate_request;
mod continue_token;
mod dial_target;
mod document;
mod fields_v1;
mod gateway_path;
mod identity;
mod input;
mod json_path;
mod media;
mod messages;
mod patches;
mod protobuf_body;
mod quic_peer;
mod script;
mod selectors;
mod service_account_token;
mod session;
mod store_record;
mod streams_peer;
mod user;

pub use cel::cel;
pub use certificate_request::certificate_request;
pub use continue_token::continue_token;
pub use dial_target::dial_target;
pub use document::document;
pub use fields_v1::fields_v1;
pub use gateway_path::gateway_path;
pub use identity::identity;
pub use json_path::json_path;
pub use media::media;
pub use messages::messages;
pub use patches::patches;
pub use protobuf_body::protobuf_body;
pub use selectors::selectors;
pub use service_account_token::service_account_token;
pub use session::{agent_quic, agent_session, agent_streams, hub_quic, hub_session, hub_streams};
pub use store_record::store_record;
