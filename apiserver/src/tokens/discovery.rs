use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use super::ServiceAccountTokens;

impl ServiceAccountTokens {
    /// Where the document of [`Self::openid_configuration`] is served, as
    /// `application/json`.
    pub const OPENID_CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";
    /// Where the document of [`Self::jwks`] is served, as [`Self::JWKS_TYPE`].
    pub const JWKS_PATH: &str = "/openid/v1/jwks";
    /// The content type of [`Self::jwks`].
    pub const JWKS_TYPE: &str = "application/jwk-set+json";
    /// What `Cache-Control` both are served with. A new key has to be known
    /// for an hour before it signs, to those who keep the documents.
    pub const CACHE_CONTROL: &str = "public, max-age=3600";

    /// The discovery document by which others learn to verify the tokens.
    /// `external` is the host and port that they reach this server at.
    #[must_use]
    pub fn openid_configuration(&self, external: &str) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": format!("https://{external}{}", Self::JWKS_PATH),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    /// The public keys.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let verifier = self.verifier();
        let keys = verifier.keyring.verifying().iter().map(|key| {
            let (x, y) = key.coordinates();
            json!({
                "use": "sig",
                "kty": "EC",
                "kid": key.id,
                "crv": "P-256",
                "alg": "ES256",
                "x": BASE64.encode(x),
                "y": BASE64.encode(y),
            })
        });
        json!({"keys": keys.collect::<Vec<_>>()})
    }
}
