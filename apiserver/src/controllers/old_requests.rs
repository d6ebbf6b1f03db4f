use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::DeleteParams;
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt as _};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{RETRY, drive};

/// Deletes requests for certificates that nobody needs any more: clients make
/// them without end.
pub(super) async fn run(client: Client) {
    let requests: Api<CertificateSigningRequest> = Api::all(client);
    let controller = Controller::new(requests.clone(), watcher::Config::default());
    let results = controller.run(
        async |request, requests: Arc<Api<_>>| clean(&request, &requests).await,
        |_, _, _| Action::requeue(RETRY),
        Arc::new(requests),
    );
    drive("old requests", results).await;
}

async fn clean(
    request: &CertificateSigningRequest,
    requests: &Api<CertificateSigningRequest>,
) -> Result<Action, kube::Error> {
    let now = seconds(SystemTime::now());
    let Some(end) = end(request) else {
        return Ok(Action::await_change());
    };
    if now <= end {
        return Ok(Action::requeue(Duration::from_secs(end.abs_diff(now) + 1)));
    }
    let params = DeleteParams::default();
    match requests.delete(&request.name_any(), &params).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        deleted => drop(deleted?),
    }
    Ok(Action::await_change())
}

/// Until when a request is kept, in seconds since 1970; for ever without.
fn end(request: &CertificateSigningRequest) -> Option<i64> {
    let none = Vec::new();
    let status = request.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let conditions = conditions.unwrap_or(&none);
    let certificate = status.and_then(|status| status.certificate.as_ref());
    if conditions.is_empty() {
        return Some(told(request.metadata.creation_timestamp.as_ref())? + PENDING);
    }
    let of = |condition: &CertificateSigningRequestCondition| {
        let since = told(condition.last_update_time.as_ref());
        match (condition.type_.as_str(), certificate) {
            ("Approved", None) => since.map(|since| since + PENDING),
            ("Approved", Some(certificate)) => {
                let ends = [since.map(|since| since + DONE), expiry(&certificate.0)];
                ends.into_iter().flatten().min()
            }
            ("Denied" | "Failed", _) => since.map(|since| since + DONE),
            _ => None,
        }
    };
    conditions.iter().filter_map(of).min()
}

/// When a certificate ends.
fn expiry(pem: &[u8]) -> Option<i64> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

fn told(time: Option<&Time>) -> Option<i64> {
    Some(time?.0.as_second())
}

fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

/// How long what is decided is kept.
const DONE: i64 = 60 * 60;
/// How long what waits for somebody is.
const PENDING: i64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use serde_json::{Value, json};

    use super::*;

    fn kept(status: Value) -> Option<i64> {
        let request = json!({
            "metadata": {"name": "r", "creationTimestamp": "1970-01-02T00:00:00Z"},
            "spec": {"request": "", "signerName": "example.com/s"},
            "status": status,
        });
        end(&serde_json::from_value(request).unwrap())
    }

    fn condition(kind: &str) -> Value {
        json!([{"type": kind, "status": "True", "lastUpdateTime": "1970-01-03T00:00:00Z"}])
    }

    #[test]
    fn requests_are_kept_as_long_as_somebody_may_need_them() {
        let (first, second, third, hour) = (86_400, 2 * 86_400, 3 * 86_400, 3600);
        assert_eq!(kept(json!({})), Some(first + 86_400));
        assert_eq!(
            kept(json!({"conditions": condition("Approved")})),
            Some(third)
        );
        for kind in ["Denied", "Failed"] {
            let status = json!({"conditions": condition(kind)});
            assert_eq!(kept(status), Some(second + hour));
        }
        assert_eq!(kept(json!({"conditions": condition("Other")})), None);
        let certificate = |not_after: i64| {
            use base64::Engine as _;

            let mut params = CertificateParams::default();
            params.not_before = time::OffsetDateTime::UNIX_EPOCH;
            params.not_after = time::OffsetDateTime::from_unix_timestamp(not_after).unwrap();
            let key = KeyPair::generate().unwrap();
            let pem = params.self_signed(&key).unwrap().pem();
            base64::engine::general_purpose::STANDARD.encode(pem)
        };
        for (not_after, kept_to) in [(second + 60, second + 60), (third, second + hour)] {
            let status = json!({
                "conditions": condition("Approved"),
                "certificate": certificate(not_after),
            });
            assert_eq!(kept(status), Some(kept_to));
        }
    }
}
