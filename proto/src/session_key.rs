use bytes::Bytes;
use rand::Rng;

/// Tells the sessions of one agent apart: links with the same key are one session.
///
/// It is no secret: only links whose certificates name the same agent are
/// looked at together.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SessionKey([u8; 16]);

impl SessionKey {
    /// A key that no other session has.
    pub fn random(rng: &mut impl Rng) -> Self {
        Self(rng.random())
    }

    /// `None` for anything but 16 bytes.
    pub(crate) fn from_wire(bytes: &Bytes) -> Option<Self> {
        bytes.as_ref().try_into().ok().map(Self)
    }

    pub(crate) fn to_wire(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}
