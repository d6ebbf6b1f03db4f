use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{answered, text, texts, user_info};
use crate::authentication::Authenticator;
use crate::{Status, User};

/// Answers a SelfSubjectReview: who asks.
#[must_use]
pub fn self_subject(review: &Value, user: &User, now: OffsetDateTime) -> Value {
    let now = now.replace_nanosecond(0).unwrap_or(now);
    json!({
        "kind": review["kind"],
        "apiVersion": review["apiVersion"],
        "metadata": {"creationTimestamp": now.format(&Rfc3339).unwrap_or_default()},
        "status": {"userInfo": user_info(user)},
    })
}

/// Answers a TokenReview: whose token it is.
///
/// # Errors
/// 400 if there is no token in it.
pub fn token(
    authenticator: &Authenticator,
    review: Value,
    now: OffsetDateTime,
) -> Result<Value, Status> {
    let token = text(&review["spec"], "token");
    if token.is_empty() {
        return Err(Status::bad_request(
            "token is required for TokenReview in authentication",
        ));
    }
    let mut audiences = texts(&review["spec"], "audiences");
    if audiences.is_empty() {
        audiences = authenticator.audiences().to_vec();
    }
    let status = match authenticator.token_user(token, &audiences, now) {
        Ok(found) => json!({
            "authenticated": true,
            "user": user_info(&found.user),
            "audiences": found.audiences,
        }),
        Err(error) => json!({"user": {}, "error": error}),
    };
    Ok(answered(review, status))
}
