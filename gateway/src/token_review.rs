//! Asks the hub's API whose a bearer token is.

use std::fmt;

use futures_util::future::BoxFuture;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use secrecy::{ExposeSecret as _, SecretString};

use crate::access::ReviewError;
use crate::subject_access::in_time;
use crate::{Tokens, User};

/// Knows users by TokenReviews of the hub's API. Nothing is kept: a token that is
/// revoked there is refused by the next request.
#[derive(Clone)]
pub struct TokenReviews {
    client: Client,
}

/// A longer token is none, in bytes: service accounts' have about one thousand.
const MAX_TOKEN_LEN: usize = 16 * 1024;

impl TokenReviews {
    /// Asks as that client's user, who has to be allowed to create TokenReviews.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn review(&self, token: &SecretString) -> Result<Option<User>, ReviewError> {
        if token.expose_secret().len() > MAX_TOKEN_LEN {
            return Ok(None);
        }
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.expose_secret().to_owned()),
                ..TokenReviewSpec::default()
            },
            ..TokenReview::default()
        };
        let reviews: Api<TokenReview> = Api::all(self.client.clone());
        let reviewed = in_time(reviews.create(&PostParams::default(), &review)).await?;
        let Some(status) = reviewed.status else {
            return Ok(None);
        };
        let user = status.user.filter(|_| status.authenticated == Some(true));
        // Names that no header can carry unchanged are nobody's at the gateway.
        Ok(user.and_then(|user| {
            let groups = user.groups.unwrap_or_default();
            User::new(user.username.unwrap_or_default(), groups).ok()
        }))
    }
}

impl Tokens for TokenReviews {
    fn user<'a>(
        &'a self,
        token: &'a SecretString,
    ) -> BoxFuture<'a, Result<Option<User>, ReviewError>> {
        Box::pin(self.review(token))
    }
}

impl fmt::Debug for TokenReviews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenReviews").finish_non_exhaustive()
    }
}
