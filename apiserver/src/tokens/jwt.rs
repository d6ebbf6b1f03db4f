//! JSON Web Tokens in their compact form (RFC 7515), signed with ES256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::claims::Claims;
use super::keyring::{Keyring, KeyringError};

#[derive(Deserialize, Serialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: String,
}

/// The longest token that is looked at, in bytes.
const MAX_LEN: usize = 16 << 10;
const ALGORITHM: &str = "ES256";

/// Signs the claims with the keyring's first key.
pub(super) fn sign(claims: &Claims, keyring: &Keyring) -> Result<String, KeyringError> {
    let header = Header {
        alg: ALGORITHM.to_owned(),
        kid: keyring.signing_id().to_owned(),
    };
    let header = BASE64.encode(serde_json::to_vec(&header).unwrap_or_default());
    let claims = BASE64.encode(serde_json::to_vec(claims).unwrap_or_default());
    let signed = format!("{header}.{claims}");
    let signature = BASE64.encode(keyring.sign(signed.as_bytes())?);
    Ok(format!("{signed}.{signature}"))
}

/// Whether a token claims, for all that is known without a look at its
/// signature, to be by that issuer.
pub(super) fn is_issued_by(token: &str, issuer: &str) -> bool {
    #[derive(Deserialize)]
    struct Unverified {
        iss: String,
    }
    split(token)
        .and_then(|(_, claims, _)| decode::<Unverified>(claims))
        .is_some_and(|claims| claims.iss == issuer)
}

/// The claims of a token that one of the keys has signed.
pub(super) fn verify(token: &str, keyring: &Keyring) -> Result<Claims, &'static str> {
    let (header, claims, signature) = split(token).ok_or("not a signed token")?;
    let header: Header = decode(header).ok_or("not a signed token")?;
    if header.alg != ALGORITHM {
        return Err("signed by another algorithm than ES256");
    }
    let signature = BASE64.decode(signature).map_err(|_| "not a signed token")?;
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    keyring.verify(&header.kid, signed.as_bytes(), &signature)?;
    decode(claims).ok_or("not the claims of a service account")
}

fn split(token: &str) -> Option<(&str, &str, &str)> {
    if token.len() > MAX_LEN {
        return None;
    }
    let mut parts = token.split('.');
    let all = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(all)
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64.decode(part).ok()?).ok()
}
