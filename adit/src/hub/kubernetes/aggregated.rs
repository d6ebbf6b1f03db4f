//! The kinds that the hub itself answers for, for those whom the cluster lets.

use std::sync::Arc;
use std::time::Duration;

use apiserver::{ApiServer, RequestInfo, User as ApiUser};
use gateway::{Gateway, GatewayBody, Peer, Status, User};
use http::{Request, Response};
use hyper::body::Incoming;
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::timeout;

/// Answers what is not for a cluster: ClusterGateways, and what there is.
///
/// Who asks is found out as at the gateway, and what he may do is the
/// cluster's to say.
pub(in crate::hub) struct Aggregated {
    server: ApiServer,
    reviews: Api<SubjectAccessReview>,
}

/// How long the cluster may take to say what somebody may do.
const PATIENCE: Duration = Duration::from_secs(10);

impl Aggregated {
    /// `client` may create SubjectAccessReviews.
    pub(in crate::hub) fn new(server: ApiServer, client: Client) -> Arc<Self> {
        Arc::new(Self {
            server,
            reviews: Api::all(client),
        })
    }

    /// Answers a request to one of the API's paths.
    pub(in crate::hub) async fn handle(
        &self,
        gateway: &Gateway,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Response<GatewayBody> {
        match Box::pin(self.admit(gateway, request, peer)).await {
            Ok(request) => self.server.handle(request).await.map(GatewayBody::from),
            Err(status) => status.into_response(),
        }
    }

    /// What has been counted of these requests.
    pub(in crate::hub) async fn open_metrics(&self) -> String {
        self.server.open_metrics().await
    }

    /// Lets a request in that the cluster lets its user make.
    pub(in crate::hub) async fn admit(
        &self,
        gateway: &Gateway,
        mut request: Request<Incoming>,
        peer: &Peer,
    ) -> Result<Request<Incoming>, Status> {
        let user = gateway.authenticate(request.headers(), peer).await?;
        let acts = request.headers().keys();
        let mut acts = acts.filter(|name| name.as_str().starts_with("impersonate-"));
        if let Some(name) = acts.next() {
            return Err(Status::forbidden(format!(
                "hub: {name} is not taken here; ask the kube-apiserver, which decides who may \
                 act as somebody else"
            )));
        }
        let info = RequestInfo::new(request.method(), request.uri())
            .map_err(|_| Status::bad_request("hub: the path makes no sense"))?;
        self.authorize(&user, &info).await?;
        // What he may do has been decided; the server behind knows no roles.
        let masters = [ApiUser::MASTERS.to_owned()];
        let user = ApiUser::new(user.name, user.groups.into_iter().chain(masters));
        request.extensions_mut().insert(user);
        Ok(request)
    }

    async fn authorize(&self, user: &User, info: &RequestInfo) -> Result<(), Status> {
        let unknown = || Status::unavailable("hub: what you may do cannot be found out now");
        let review = review(user, info);
        let params = PostParams::default();
        let asked = self.reviews.create(&params, &review);
        let answer = match timeout(PATIENCE, Box::pin(asked)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::error!(%error, "a request is refused because it cannot be judged");
                return Err(unknown().retry_after(Duration::from_secs(1)));
            }
            Err(_) => return Err(unknown().retry_after(Duration::from_secs(1))),
        };
        if answer.status.is_some_and(|status| status.allowed) {
            return Ok(());
        }
        let (verb, name) = (info.verb, &user.name);
        Err(Status::forbidden(match &info.resource {
            Some(of) => format!(
                "{} is forbidden: User {name:?} cannot {verb} resource {:?} in API group {:?} \
                 at the cluster scope",
                of.group_resource(),
                of.resource,
                of.group,
            ),
            None => format!(
                "forbidden: User {name:?} cannot {verb} path {:?}",
                info.path
            ),
        }))
    }
}

fn review(user: &User, info: &RequestInfo) -> SubjectAccessReview {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut spec = SubjectAccessReviewSpec {
        groups: Some(user.groups.clone()),
        user: Some(user.name.clone()),
        ..SubjectAccessReviewSpec::default()
    };
    match &info.resource {
        Some(of) => {
            spec.resource_attributes = Some(ResourceAttributes {
                group: some(&of.group),
                name: some(&of.name),
                namespace: some(&of.namespace),
                resource: some(&of.resource),
                subresource: some(&of.subresource),
                verb: some(info.verb),
                version: some(&of.version),
                ..ResourceAttributes::default()
            });
        }
        None => {
            spec.non_resource_attributes = Some(NonResourceAttributes {
                path: some(&info.path),
                verb: some(info.verb),
            });
        }
    }
    SubjectAccessReview {
        spec,
        ..SubjectAccessReview::default()
    }
}
