//! A request for the agent's certificate.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequestSpec, CertificateSigningRequestStatus,
};
use kube::api::{ApiResource, ListParams, ObjectMeta, PostParams};
use kube::core::{GroupVersionKind, Object};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use proto::AgentIdentity;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use secrecy::SecretString;

use super::refusal::answered_to_watch;
use super::validity::{Invalid, check_certificate};
use super::{Credential, HubEndpoint, Proof};

/// Names the cluster in a certificate request's labels.
pub(crate) const CLUSTER_LABEL: &str = "open-cluster-management.io/cluster-name";

const SIGNER: &str = "kubernetes.io/kube-apiserver-client";
const USAGES: [&str; 3] = ["digital signature", "key encipherment", "client auth"];

/// So many requests of a cluster may wait for somebody; then none is added.
pub(super) const OUTSTANDING_MAX: usize = 10;
/// What a certificate authority signs at least.
const EXPIRATION_MIN: i32 = 3600;

/// The object identifier of `organizationName` (X.520): the library holds one
/// value a type, and the second organization stands under it spelt out.
const ORGANIZATION_NAME: [u64; 4] = [2, 5, 4, 10];

/// Why there is no certificate. Another request may be made later.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// Somebody on the hub said no.
    #[error(
        "the certificate request {name} was {how} on the hub ({why}); \
         ask whoever runs the hub"
    )]
    Denied {
        /// The request's name.
        name: String,
        /// `denied` or `failed`.
        how: &'static str,
        /// What they gave as reason.
        why: String,
    },
    /// It was deleted before it was decided.
    #[error("the certificate request {0} was deleted on the hub before it was decided")]
    Gone(String),
    /// The key or the request cannot be made.
    #[error("no certificate request can be made")]
    Make(#[source] rcgen::Error),
    /// What was signed is not what was asked for.
    #[error("the hub's certificate for the request {name} is of no use")]
    Mismatch {
        /// The request's name.
        name: String,
        /// What is wrong with it.
        source: Invalid,
    },
    /// Too many of the cluster's requests wait already.
    #[error(
        "{0} certificate requests of this cluster wait on the hub already; \
         approve or delete them there"
    )]
    Outstanding(usize),
    /// The hub does not let the agent ask.
    #[error("the hub does not take the certificate request")]
    Refused(#[from] kube::Error),
    /// The request cannot be followed.
    #[error("the certificate request {name} cannot be followed")]
    Watch {
        /// The request's name.
        name: String,
        /// Why not.
        source: Box<watcher::Error>,
    },
}

impl RequestError {
    /// Whether another request is only to be made after a good while.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Outstanding(_))
    }
}

/// What is read and written here is the same in `v1` and `v1beta1`.
type CertificateSigningRequest =
    Object<CertificateSigningRequestSpec, CertificateSigningRequestStatus>;

/// A request that the hub has, and the key it is for, which is nowhere else.
pub(super) struct Request {
    key: KeyPair,
    name: String,
    requests: Api<CertificateSigningRequest>,
}

impl Request {
    /// Makes a key, and a request for its certificate on the hub.
    pub(super) async fn create(
        hub: &Client,
        identity: &AgentIdentity,
        expiration_seconds: Option<i32>,
    ) -> Result<Self, RequestError> {
        let mut kind = version("v1");
        let mut requests = Api::all_with(hub.clone(), &kind);
        let mut waiting = outstanding(&requests, identity).await;
        if matches!(&waiting, Err(kube::Error::Api(status)) if status.code == 404) {
            // The hub is so old that it has no other.
            kind = version("v1beta1");
            requests = Api::all_with(hub.clone(), &kind);
            waiting = outstanding(&requests, identity).await;
        }
        let waiting = waiting?;
        if waiting >= OUTSTANDING_MAX {
            return Err(RequestError::Outstanding(waiting));
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(RequestError::Make)?;
        let object = object(&kind, &key, identity, expiration_seconds);
        let object = object.map_err(RequestError::Make)?;
        let made = requests.create(&PostParams::default(), &object).await?;
        Ok(Self {
            key,
            name: made.name_any(),
            requests,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until it is signed.
    pub(super) async fn signed(
        self,
        identity: &AgentIdentity,
        endpoint: &HubEndpoint,
    ) -> Result<Credential, RequestError> {
        let changes = watcher::watch_object(self.requests.clone(), &self.name).default_backoff();
        let mut changes = std::pin::pin!(changes);
        while let Some(change) = changes.next().await {
            match change {
                Ok(Some(request)) => {
                    if let Some(certificate) = decided(&request)? {
                        return self.credential(certificate, identity, endpoint);
                    }
                }
                Ok(None) => return Err(RequestError::Gone(self.name)),
                // What has been revoked does not come back by itself.
                Err(source) if matches!(answered_to_watch(&source), Some(401 | 403)) => {
                    return Err(RequestError::Watch {
                        name: self.name,
                        source: Box::new(source),
                    });
                }
                Err(error) => {
                    tracing::debug!(request = self.name, %error, "cannot follow; trying again");
                }
            }
        }
        Err(RequestError::Gone(self.name))
    }

    fn credential(
        self,
        certificate_pem: String,
        identity: &AgentIdentity,
        endpoint: &HubEndpoint,
    ) -> Result<Credential, RequestError> {
        let key_pem = self.key.serialize_pem();
        let checked = check_certificate(&certificate_pem, &key_pem, identity);
        let (not_before, not_after) = checked.map_err(|source| RequestError::Mismatch {
            name: self.name,
            source,
        })?;
        Ok(Credential {
            identity: identity.clone(),
            endpoint: endpoint.clone(),
            proof: Proof::Certificate {
                certificate_pem,
                key_pem: SecretString::from(key_pem),
            },
            not_before,
            not_after,
        })
    }
}

fn version(version: &str) -> ApiResource {
    let kind = GroupVersionKind::gvk("certificates.k8s.io", version, "CertificateSigningRequest");
    ApiResource::from_gvk(&kind)
}

/// How many of the cluster's requests nobody has decided about.
async fn outstanding(
    requests: &Api<CertificateSigningRequest>,
    identity: &AgentIdentity,
) -> Result<usize, kube::Error> {
    let label = format!("{CLUSTER_LABEL}={}", identity.cluster);
    let params = ListParams::default().labels(&label);
    let all = requests.list(&params).await?;
    let undecided = |request: &&CertificateSigningRequest| {
        let status = request.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_ref());
        !conditions.is_some_and(|all| {
            let mut kinds = all.iter().map(|of| of.type_.as_str());
            kinds.any(|kind| matches!(kind, "Approved" | "Denied" | "Failed"))
        })
    };
    Ok(all.items.iter().filter(undecided).count())
}

/// The certificate, once there is one.
fn decided(request: &CertificateSigningRequest) -> Result<Option<String>, RequestError> {
    let Some(status) = &request.status else {
        return Ok(None);
    };
    for condition in status.conditions.iter().flatten() {
        let how = match condition.type_.as_str() {
            "Denied" => "denied",
            "Failed" => "failed",
            _ => continue,
        };
        let told = [condition.reason.as_deref(), condition.message.as_deref()];
        let told: Vec<&str> = told
            .into_iter()
            .flatten()
            .filter(|of| !of.is_empty())
            .collect();
        return Err(RequestError::Denied {
            name: request.name_any(),
            how,
            why: match told.as_slice() {
                [] => "no reason was given".to_owned(),
                told => told.join(": "),
            },
        });
    }
    let certificate = status.certificate.as_ref();
    Ok(certificate.map(|pem| String::from_utf8_lossy(&pem.0).into_owned()))
}

fn object(
    kind: &ApiResource,
    key: &KeyPair,
    identity: &AgentIdentity,
    expiration_seconds: Option<i32>,
) -> Result<CertificateSigningRequest, rcgen::Error> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    let [first, second] = identity.organizations();
    subject.push(DnType::OrganizationName, first);
    subject.push(DnType::CustomDnType(ORGANIZATION_NAME.to_vec()), second);
    subject.push(DnType::CommonName, identity.common_name());
    params.distinguished_name = subject;
    let pem = params.serialize_request(key)?.pem()?;
    let label = (CLUSTER_LABEL.to_owned(), identity.cluster.to_string());
    let spec = CertificateSigningRequestSpec {
        request: ByteString(pem.into_bytes()),
        signer_name: SIGNER.to_owned(),
        usages: Some(USAGES.map(str::to_owned).to_vec()),
        expiration_seconds: expiration_seconds.map(|of| of.max(EXPIRATION_MIN)),
        ..CertificateSigningRequestSpec::default()
    };
    let mut object = CertificateSigningRequest::new("", kind, spec);
    object.metadata = ObjectMeta {
        generate_name: Some(format!("{}-", identity.cluster)),
        labels: Some(BTreeMap::from([label])),
        ..ObjectMeta::default()
    };
    Ok(object)
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateSigningRequestDer;
    use rustls_pki_types::pem::PemObject as _;
    use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

    use super::*;

    fn identity() -> AgentIdentity {
        AgentIdentity {
            cluster: "c1".parse().unwrap(),
            agent: "a1".parse().unwrap(),
        }
    }

    /// Rule 1.3, step 4.
    #[test]
    fn a_request_is_exactly_what_the_hub_looks_for() {
        let key = KeyPair::generate().unwrap();
        let request = object(&version("v1"), &key, &identity(), Some(60)).unwrap();
        let metadata = &request.metadata;
        assert_eq!(metadata.generate_name.as_deref(), Some("c1-"));
        assert_eq!(request.labels()[CLUSTER_LABEL], "c1");
        let spec = &request.spec;
        assert_eq!(spec.signer_name, SIGNER);
        assert_eq!(spec.usages.as_deref().unwrap(), USAGES);
        assert_eq!(spec.expiration_seconds, Some(3600));
        let der = CertificateSigningRequestDer::from_pem_slice(&spec.request.0).unwrap();
        let (_, parsed) = X509CertificationRequest::from_der(&der).unwrap();
        let subject = &parsed.certification_request_info.subject;
        let name = subject.iter_common_name().next().unwrap().as_str();
        assert_eq!(name, Ok("system:open-cluster-management:c1:a1"));
        let groups = subject.iter_organization().map(|of| of.as_str().unwrap());
        let groups: Vec<&str> = groups.collect();
        assert_eq!(
            groups,
            [
                "system:open-cluster-management:c1",
                "system:open-cluster-management:managed-clusters"
            ]
        );
        let unlimited = object(&version("v1"), &key, &identity(), None).unwrap();
        assert_eq!(unlimited.spec.expiration_seconds, None);
    }
}
