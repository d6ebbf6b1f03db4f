use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use quinn::EndpointConfig;
use quinn_proto::HashedConnectionIdGenerator;

/// What a hub's process has in common with the one before it, so that agents
/// of that one believe it when it says that their connections are no more
/// (RFC 9000 section 10.3).
///
/// Whoever knows it can end the hub's QUIC connections, and nothing else.
#[derive(Clone)]
pub struct ResetKey([u8; 32]);

impl ResetKey {
    /// From 32 random bytes, which the hub keeps.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What an endpoint with this key is configured with.
    pub fn endpoint_config(&self) -> EndpointConfig {
        let key = hmac::Key::new(HMAC_SHA256, &self.0);
        // Connection ids that the process before has not made are not answered.
        let ids = hmac::sign(&key, b"connection ids");
        let mut seed = [0; 8];
        seed.copy_from_slice(&ids.as_ref()[..8]);
        let seed = u64::from_be_bytes(seed);
        let mut config = EndpointConfig::new(Arc::new(key));
        config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(seed)));
        config
    }
}

impl fmt::Debug for ResetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetKey").finish_non_exhaustive()
    }
}
