//! Whose a bearer token is, on a hub whose users are a cluster's.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use gateway::{ReviewError, TokenReviews, Tokens, User};
use secrecy::SecretString;

use crate::hub::known::Known;

/// Knows the tokens that the hub has issued itself, and asks the cluster about
/// all others.
#[derive(Debug)]
pub(in crate::hub) struct AnyTokens {
    known: Arc<Known>,
    reviews: TokenReviews,
}

impl AnyTokens {
    pub(in crate::hub) fn new(known: Arc<Known>, reviews: TokenReviews) -> Self {
        Self { known, reviews }
    }
}

impl Tokens for AnyTokens {
    fn user<'a>(
        &'a self,
        token: &'a SecretString,
    ) -> BoxFuture<'a, Result<Option<User>, ReviewError>> {
        match self.known.user(token) {
            Some(user) => Box::pin(async { Ok(Some(user)) }),
            None => self.reviews.user(token),
        }
    }
}
