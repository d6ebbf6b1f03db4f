use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rustls_pki_types::pem::{PemObject as _, SectionKind};

/// The keys (ECDSA P-256) by which tokens are signed and verified.
///
/// It is kept as PEM: the first block is the private key that signs (PKCS #8),
/// and that key and those of all further blocks, private or public, verify. To
/// rotate, put a new key in front and keep the old one behind it for as long
/// as its tokens live.
pub struct Keyring {
    signing: EcdsaKeyPair,
    signing_id: String,
    verifying: Vec<VerifyingKey>,
}

/// Why there are no keys to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Not even one block.
    #[error("the PEM file of the service account keys holds no key")]
    Empty,
    /// A block is no key that can be used.
    #[error(
        "key {0} of the service account keys is no ECDSA P-256 key in PKCS #8 or as public key"
    )]
    Key(usize),
    /// Not PEM.
    #[error("the service account keys are not in PEM")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// The first key verifies only.
    #[error("the first of the service account keys is no private key; it has to sign")]
    Public,
    /// Signing failed.
    #[error("a service account token cannot be signed")]
    Sign,
    /// No key could be made.
    #[error("a service account key cannot be made")]
    Generate,
}

/// A public key.
pub(super) struct VerifyingKey {
    /// The SHA-256 of its SubjectPublicKeyInfo, as the real server names keys.
    pub(super) id: String,
    /// `04`, x and y.
    point: [u8; POINT_LEN],
}

const POINT_LEN: usize = 65;
/// What stands before the point in a P-256 key's SubjectPublicKeyInfo.
const SPKI_PREFIX_LEN: usize = 26;

impl Keyring {
    /// Makes a new signing key; returns it as a block to be put in front of
    /// what is kept.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn generate_pem() -> Result<String, KeyringError> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())
            .map_err(|_| KeyringError::Generate)?;
        Ok(crate::pem::encode("PRIVATE KEY", key.as_ref()))
    }

    /// Reads what is kept.
    ///
    /// # Errors
    /// If it is not of the form described at [`Keyring`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyringError> {
        let mut signing = None;
        let mut verifying = Vec::new();
        let blocks = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes());
        for (index, block) in blocks.enumerate() {
            let (kind, der) = block.map_err(KeyringError::Pem)?;
            let wrong = || KeyringError::Key(index + 1);
            if kind == SectionKind::PrivateKey {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
                    .map_err(|_| wrong())?;
                let public = key.public_key().as_der().map_err(|_| wrong())?;
                verifying.push(VerifyingKey::new(public.as_ref()).ok_or_else(wrong)?);
                signing.get_or_insert(key);
            } else if kind == SectionKind::PublicKey {
                verifying.push(VerifyingKey::new(&der).ok_or_else(wrong)?);
                if signing.is_none() {
                    return Err(KeyringError::Public);
                }
            } else {
                return Err(wrong());
            }
        }
        let signing_id = verifying.first().map(|key| key.id.clone());
        match (signing, signing_id) {
            (Some(signing), Some(signing_id)) => Ok(Self {
                signing,
                signing_id,
                verifying,
            }),
            _ => Err(KeyringError::Empty),
        }
    }

    pub(super) fn signing_id(&self) -> &str {
        &self.signing_id
    }

    pub(super) fn verifying(&self) -> &[VerifyingKey] {
        &self.verifying
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let signature = self.signing.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|_| KeyringError::Sign)?;
        Ok(signature.as_ref().to_vec())
    }

    /// Checks a signature by the key of that id, or by any if it is empty.
    pub(super) fn verify(
        &self,
        id: &str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), &'static str> {
        let mut keys = self
            .verifying
            .iter()
            .filter(|key| id.is_empty() || key.id == id)
            .peekable();
        if keys.peek().is_none() {
            return Err("invalid signature, no keys found");
        }
        let verifies = |key: &VerifyingKey| {
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key.point);
            key.verify(message, signature).is_ok()
        };
        if keys.any(verifies) {
            Ok(())
        } else {
            Err("go-jose/go-jose: error in cryptographic primitive")
        }
    }
}

impl VerifyingKey {
    fn new(spki: &[u8]) -> Option<Self> {
        let (prefix, point) = spki.split_at_checked(SPKI_PREFIX_LEN)?;
        let p256 = prefix.ends_with(&P256_BIT_STRING);
        let point = point.try_into().ok().filter(|_| p256)?;
        Some(Self {
            id: BASE64.encode(digest(&SHA256, spki)),
            point,
        })
    }

    /// The x and the y of the point.
    pub(super) fn coordinates(&self) -> (&[u8], &[u8]) {
        self.point[1..].split_at(POINT_LEN / 2)
    }
}

/// The end of that prefix: the curve's object identifier and the head of the
/// bit string.
const P256_BIT_STRING: [u8; 13] = [
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.verifying.iter().map(|key| &*key.id).collect();
        f.debug_struct("Keyring")
            .field("ids", &ids)
            .finish_non_exhaustive()
    }
}
