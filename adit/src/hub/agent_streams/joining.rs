//! Requests of those who come with a bootstrap token.

use gateway::{GatewayBody, Status};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use proto::Credential;
use serde_json::Value;

use super::bounds::PromptBody;
use super::by_token::{json, posted};
use super::{Answering, check};
use crate::hub::bootstrap_tokens::{Admitted, TokenRefused};
use crate::token_exchange::{AskFirst, FIRST, Token};

/// What somebody with a counted token may ask for in a POST.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Post {
    /// To join, as the cluster that the object names.
    Join(&'static str),
    /// What he may do, which counts for nothing.
    Look,
}

/// The longest object by which somebody joins, in bytes.
const OBJECT_MAX: usize = 256 * 1024;

impl Answering {
    /// Answers whoever joins, by the token, which is judged anew each time: it
    /// may be over, deleted or used up by now.
    pub(super) async fn joining(
        &self,
        mut request: Request<PromptBody>,
        token: &Credential,
    ) -> Result<Response<GatewayBody>, Status> {
        let first = request.uri().path() == FIRST;
        if !first {
            check(&request)?;
        }
        let admitted = self.bootstrap.admit(token).await.map_err(status)?;
        if first {
            return self.first_token(request, token).await;
        }
        if admitted.is_counted() {
            return self.counted(request, token, &admitted).await;
        }
        let value = bearer(token);
        let value = value.ok_or_else(|| Status::unauthorized("hub: the token is none"))?;
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(self.api.handle(request).await.map(GatewayBody::from))
    }

    async fn first_token(
        &self,
        request: Request<PromptBody>,
        token: &Credential,
    ) -> Result<Response<GatewayBody>, Status> {
        let asked: AskFirst = posted(request).await?;
        let counted = self.bootstrap.count(token, &asked.cluster).await;
        counted.map_err(status)?;
        let token = self.agents.first(&asked).await?;
        json(&Token { token })
    }

    /// Counts the cluster before anything is made for it.
    async fn counted(
        &self,
        request: Request<PromptBody>,
        token: &Credential,
        admitted: &Admitted,
    ) -> Result<Response<GatewayBody>, Status> {
        let name_at = match *request.method() {
            Method::GET | Method::HEAD => return self.ask(request, admitted.user()).await,
            Method::POST => match post(request.uri().path()) {
                Some(Post::Look) => return self.ask(request, admitted.user()).await,
                Some(Post::Join(name_at)) => name_at,
                None => return Err(not_for_joining()),
            },
            _ => return Err(not_for_joining()),
        };
        let (mut head, body) = request.into_parts();
        let json = HeaderValue::from_static("application/json");
        if head.headers.get(CONTENT_TYPE) != Some(&json) {
            let message = "hub: with a token whose uses are counted, objects are JSON";
            return Err(Status::bad_request(message));
        }
        let body = Limited::new(body, OBJECT_MAX).collect().await;
        let body = body.map_err(|_| Status::bad_request("hub: the object is too long"))?;
        let object: Result<Value, _> = serde_json::from_slice(&body.to_bytes());
        let object = object.map_err(|_| Status::bad_request("hub: the object is no JSON"))?;
        let cluster = object.pointer(name_at).and_then(Value::as_str);
        let cluster = cluster.filter(|name| name.parse::<proto::ClusterName>().is_ok());
        let cluster = cluster.ok_or_else(|| {
            Status::bad_request(format!("hub: the object names no cluster at {name_at}"))
        })?;
        self.bootstrap.count(token, cluster).await.map_err(status)?;
        // As it was read here, so that nobody reads another name in it.
        head.headers.remove(TRANSFER_ENCODING);
        head.headers.remove(CONTENT_LENGTH);
        let body = Body::from(object.to_string().into_bytes());
        self.ask(Request::from_parts(head, body), admitted.user())
            .await
    }
}

/// What a path is for; only as it is written here, because others are not needed.
fn post(path: &str) -> Option<Post> {
    Some(match path {
        "/apis/cluster.open-cluster-management.io/v1/managedclusters" => {
            Post::Join("/metadata/name")
        }
        "/apis/certificates.k8s.io/v1/certificatesigningrequests" => {
            Post::Join("/metadata/labels/open-cluster-management.io~1cluster-name")
        }
        "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        | "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => Post::Look,
        _ => return None,
    })
}

fn not_for_joining() -> Status {
    Status::forbidden("hub: this token is for joining, and for nothing else")
}

fn status(refused: TokenRefused) -> Status {
    let message = format!("hub: {refused}");
    match refused {
        TokenRefused::Expired(_) | TokenRefused::NotForJoining | TokenRefused::Unknown => {
            Status::unauthorized(message)
        }
        TokenRefused::Unreadable => Status::unavailable(message),
        TokenRefused::UsedUp(_) => Status::forbidden(message),
    }
}

fn bearer(token: &Credential) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}
