use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client};

use crate::hub::HubError;
use crate::hub::error::{Trying as _, if_there};

const GROUP: &str = "certificates.k8s.io";
pub(crate) const KIND: &str = "CertificateSigningRequest";

/// The hub's CertificateSigningRequests: of `v1`, or of `v1beta1` where a hub is
/// so old that it has no other. What is read and written here is the same.
pub(crate) async fn requests(client: &Client) -> Result<Api<DynamicObject>, HubError> {
    let mut version = "v1beta1";
    let newer = client
        .list_api_group_resources(&format!("{GROUP}/v1"))
        .await;
    let newer = if_there(newer).trying(|| format!("{GROUP} cannot be asked for"))?;
    if newer.is_some_and(|list| list.resources.iter().any(|of| of.kind == KIND)) {
        version = "v1";
    }
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, version, KIND));
    Ok(Api::all_with(client.clone(), &kind))
}
