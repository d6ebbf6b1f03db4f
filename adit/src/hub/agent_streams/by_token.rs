//! Requests of agents that have their session by a token.

use bytes::Bytes;
use gateway::{GatewayBody, Status};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use proto::Credential;
use proxy_server::{ReviewError, SessionToken};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Answering;
use super::bounds::PromptBody;
use crate::token_exchange::{BODY_MAX, RENEWED, Token};

impl Answering {
    /// Answers as the token's user, judged anew each time: its account may be
    /// gone by now.
    pub(super) async fn by_token(
        &self,
        request: Request<PromptBody>,
        token: &SessionToken,
    ) -> Result<Response<GatewayBody>, Status> {
        self.check_pace(&request, token.identity())?;
        if request.uri().path() == RENEWED {
            return self.renew(request, token).await;
        }
        let reviewed = self.agents.review(&token.token()).await;
        let reviewed = reviewed.map_err(not_reviewed)?;
        if reviewed.token.identity != *token.identity() {
            return Err(Status::unauthorized(
                "hub: the token names another agent now",
            ));
        }
        self.ask(request, reviewed.user).await
    }

    /// Has a session go by another token of its agent, on all its links.
    async fn renew(
        &self,
        request: Request<PromptBody>,
        token: &SessionToken,
    ) -> Result<Response<GatewayBody>, Status> {
        let Token { token: shown } = posted(request).await?;
        let shown = Credential::new(&shown);
        let shown = shown.ok_or_else(|| Status::bad_request("hub: the token is none"))?;
        let reviewed = self.agents.review(&shown).await.map_err(not_reviewed)?;
        let renewed = token.renew(shown, &reviewed.token);
        renewed.map_err(|error| Status::forbidden(format!("hub: {error}")))?;
        let identity = token.identity();
        tracing::info!(
            cluster = %identity.cluster,
            agent = %identity.agent,
            "an agent's session goes by another token"
        );
        json(&serde_json::Map::new())
    }
}

fn not_reviewed(error: ReviewError) -> Status {
    match error {
        ReviewError::Refused(why) => Status::unauthorized(format!("hub: {why}")),
        ReviewError::Unavailable(why) => Status::unavailable(format!("hub: {why}")),
    }
}

/// What was posted; nothing of it is said in errors, because it is secret.
pub(super) async fn posted<T: DeserializeOwned>(request: Request<PromptBody>) -> Result<T, Status> {
    if request.method() != Method::POST {
        return Err(Status::method_not_allowed("hub: it takes a POST"));
    }
    let body = Limited::new(request.into_body(), BODY_MAX).collect().await;
    let body = body.map_err(|_| Status::bad_request("hub: the body is too long or incomplete"))?;
    let parsed = serde_json::from_slice(&body.to_bytes());
    parsed.map_err(|_| Status::bad_request("hub: the body is not what belongs there"))
}

pub(super) fn json(answer: &impl Serialize) -> Result<Response<GatewayBody>, Status> {
    let text = serde_json::to_vec(answer).map_err(|_| Status::internal("hub: no answer"))?;
    let mut response = Response::new(GatewayBody::from(Bytes::from(text)));
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    Ok(response)
}
