use std::sync::Arc;
use std::time::SystemTime;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::api::PostParams;
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{RETRY, drive};
use crate::certificates::{CLIENT_SIGNER, CertificateSigner, SigningError, SigningRequest};

/// Signs the certificates that clients have asked for, once they are approved.
pub(super) async fn run(client: Client, signer: Arc<CertificateSigner>) {
    let requests: Api<CertificateSigningRequest> = Api::all(client);
    let controller = Controller::new(requests.clone(), watcher::Config::default());
    let context = Arc::new((requests, signer));
    let results = controller.run(
        async |request, context: Arc<(_, _)>| sign(&request, &context.0, &context.1).await,
        |_, _, _| Action::requeue(RETRY),
        context,
    );
    drive("signing", results).await;
}

async fn sign(
    request: &CertificateSigningRequest,
    requests: &Api<CertificateSigningRequest>,
    signer: &CertificateSigner,
) -> Result<Action, kube::Error> {
    if !is_to_be_signed(request) {
        return Ok(Action::await_change());
    }
    let usages = request.spec.usages.clone().unwrap_or_default();
    let asked = SigningRequest {
        request: &request.spec.request.0,
        signer_name: &request.spec.signer_name,
        usages: &usages,
        expiration_seconds: request.spec.expiration_seconds,
    };
    let now = OffsetDateTime::from(SystemTime::now());
    let mut signed = request.clone();
    let status = signed.status.get_or_insert_default();
    match signer.sign(&asked, now) {
        Ok(certificate) => {
            status.certificate = Some(k8s_openapi::ByteString(certificate.into_bytes()));
        }
        Err(SigningError::Usages(why)) => {
            let failed = json!({
                "type": "Failed",
                "status": "True",
                "reason": "SignerValidationFailure",
                "message": why,
                "lastUpdateTime": now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).ok(),
            });
            let failed = serde_json::from_value(failed).map_err(kube::Error::SerdeError)?;
            status.conditions.get_or_insert_default().push(failed);
        }
        Err(error) => {
            tracing::warn!(request = request.name_any(), %error, "a certificate is not signed");
            return Ok(Action::requeue(RETRY));
        }
    }
    requests
        .replace_status(&request.name_any(), &PostParams::default(), &signed)
        .await?;
    Ok(Action::await_change())
}

/// Whether it is for this signer, approved, and neither signed nor refused.
fn is_to_be_signed(request: &CertificateSigningRequest) -> bool {
    let status = request.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let has = |kind: &str| conditions.is_some_and(|all| all.iter().any(|of| of.type_ == kind));
    let signed = status.is_some_and(|status| status.certificate.is_some());
    request.spec.signer_name == CLIENT_SIGNER
        && has("Approved")
        && !has("Denied")
        && !has("Failed")
        && !signed
}
