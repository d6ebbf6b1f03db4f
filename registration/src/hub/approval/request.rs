use k8s_openapi::ByteString;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer as _;

use crate::hub::names::{AGENTS_GROUP, CLUSTER_NAME, SIGNER, cluster_group};

/// What a CertificateSigningRequest of a cluster's agent asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Asked {
    pub(crate) cluster: String,
    /// Who asks.
    pub(crate) user: String,
    /// The groups of who asks.
    pub(crate) groups: Vec<String>,
    /// Whom the certificate would name.
    pub(crate) common_name: String,
}

/// Why a request is none of a cluster's agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NotAnAgents {
    #[error("it has no label {CLUSTER_NAME}")]
    Label,
    #[error("it is for another signer")]
    Signer,
    #[error("it holds no certificate request")]
    Form,
    #[error("the organizations are not those of the cluster's agents")]
    Organizations,
    #[error("the common name is not that of one of the cluster's agents")]
    CommonName,
    #[error("the subject has more than organizations and one common name")]
    Subject,
}

impl Asked {
    /// Reads a request. Every part has to be exactly an agent's: a name that
    /// begins like a cluster's is another cluster's.
    pub(crate) fn of(request: &DynamicObject) -> Result<Self, NotAnAgents> {
        let cluster = request.labels().get(CLUSTER_NAME);
        let cluster = cluster.filter(|name| !name.is_empty());
        let cluster = cluster.ok_or(NotAnAgents::Label)?;
        let spec = &request.data["spec"];
        if spec["signerName"] != SIGNER {
            return Err(NotAnAgents::Signer);
        }
        let pem: ByteString =
            serde_json::from_value(spec["request"].clone()).map_err(|_| NotAnAgents::Form)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let groups = spec["groups"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        Ok(Self {
            cluster: cluster.clone(),
            user: text(&spec["username"]),
            groups: groups.iter().map(text).collect(),
            common_name: common_name(&pem.0, cluster)?,
        })
    }

    /// Whether the agent asks that the certificate would be for.
    pub(crate) fn is_renewal(&self) -> bool {
        self.user == self.common_name
    }
}

/// Whether nobody has decided on a request yet.
pub(crate) fn waits(request: &DynamicObject) -> bool {
    let status = &request.data["status"];
    let conditions = status["conditions"].as_array().map(Vec::as_slice);
    let decided = |of: &Value| of["type"] == "Approved" || of["type"] == "Denied";
    let signed = status["certificate"]
        .as_str()
        .is_some_and(|of| !of.is_empty());
    !signed && !conditions.unwrap_or_default().iter().any(decided)
}

/// The common name of the certificate that is asked for, if it would be one of
/// the cluster's agents'.
fn common_name(pem: &[u8], cluster: &str) -> Result<String, NotAnAgents> {
    let (_, pem) = parse_x509_pem(pem).map_err(|_| NotAnAgents::Form)?;
    if pem.label != "CERTIFICATE REQUEST" {
        return Err(NotAnAgents::Form);
    }
    let request = X509CertificationRequest::from_der(&pem.contents);
    let (rest, request) = request.map_err(|_| NotAnAgents::Form)?;
    if !rest.is_empty() {
        return Err(NotAnAgents::Form);
    }
    let mut names = Vec::new();
    let mut organizations = Vec::new();
    for attribute in request.certification_request_info.subject.iter_attributes() {
        let text = attribute.as_str().map_err(|_| NotAnAgents::Subject)?;
        let kind = attribute.attr_type();
        if *kind == OID_X509_COMMON_NAME {
            names.push(text);
        } else if *kind == OID_X509_ORGANIZATION_NAME {
            organizations.push(text);
        } else {
            return Err(NotAnAgents::Subject);
        }
    }
    let group = cluster_group(cluster);
    // That of all agents may be left out, as older agents do.
    organizations.retain(|of| *of != AGENTS_GROUP);
    if organizations != [group.as_str()] {
        return Err(NotAnAgents::Organizations);
    }
    let [name] = names.as_slice() else {
        return Err(NotAnAgents::Subject);
    };
    let agent = name
        .strip_prefix(&group)
        .and_then(|of| of.strip_prefix(':'));
    match agent {
        Some(agent) if !agent.is_empty() && !agent.contains(':') => Ok((*name).to_owned()),
        _ => Err(NotAnAgents::CommonName),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use serde_json::json;

    use super::*;

    fn pem(subject: &[(DnType, &str)]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = KeyPair::generate().unwrap();
        params.serialize_request(&key).unwrap().pem().unwrap()
    }

    fn request(label: &str, signer: &str, pem: &str) -> DynamicObject {
        let request = ByteString(pem.as_bytes().to_vec());
        serde_json::from_value(json!({
            "metadata": {"name": "r", "labels": {(CLUSTER_NAME): label}},
            "spec": {"signerName": signer, "request": request, "username": "u", "groups": ["g"]},
        }))
        .unwrap()
    }

    fn asked(label: &str, organization: &str, name: &str) -> Result<Asked, NotAnAgents> {
        let subject = [
            (DnType::OrganizationName, organization),
            (DnType::CommonName, name),
        ];
        Asked::of(&request(label, SIGNER, &pem(&subject)))
    }

    #[test]
    fn an_agents_request_is_known_by_all_its_parts() {
        let name = "system:open-cluster-management:c1:agent";
        let asked = asked("c1", "system:open-cluster-management:c1", name).unwrap();
        assert_eq!(asked.cluster, "c1");
        let with_all_agents = [
            (
                DnType::OrganizationName,
                "system:open-cluster-management:c1",
            ),
            (DnType::CustomDnType(vec![2, 5, 4, 10]), AGENTS_GROUP),
            (DnType::CommonName, name),
        ];
        let both = Asked::of(&request("c1", SIGNER, &pem(&with_all_agents)));
        assert_eq!(both.unwrap(), asked);
        assert_eq!(asked.common_name, name);
        assert!(!asked.is_renewal());
        assert_eq!(
            (asked.user, asked.groups),
            ("u".to_owned(), vec!["g".to_owned()])
        );
    }

    #[test]
    fn an_organization_that_only_begins_like_the_clusters_is_refused() {
        for (organization, name) in [
            (
                "system:open-cluster-management:c12",
                "system:open-cluster-management:c1:agent",
            ),
            (
                "system:open-cluster-management:c",
                "system:open-cluster-management:c1:agent",
            ),
            ("system:masters", "system:open-cluster-management:c1:agent"),
        ] {
            let refused = asked("c1", organization, name).unwrap_err();
            assert_eq!(refused, NotAnAgents::Organizations, "{organization}");
        }
    }

    #[test]
    fn a_name_that_only_begins_like_the_clusters_agents_is_refused() {
        for name in [
            "system:open-cluster-management:c12:agent",
            "system:open-cluster-management:c1",
            "system:open-cluster-management:c1:",
            "system:open-cluster-management:c1:agent:more",
            "system:open-cluster-management:c2:agent",
            "c1:agent",
        ] {
            let refused = asked("c1", "system:open-cluster-management:c1", name).unwrap_err();
            assert_eq!(refused, NotAnAgents::CommonName, "{name}");
        }
    }

    #[test]
    fn organization_and_name_that_agree_on_another_cluster_than_the_label_are_refused() {
        let refused = asked(
            "c1",
            "system:open-cluster-management:c2",
            "system:open-cluster-management:c2:agent",
        );
        assert_eq!(refused.unwrap_err(), NotAnAgents::Organizations);
    }

    #[test]
    fn a_subject_with_more_in_it_is_refused() {
        let subject = [
            (
                DnType::OrganizationName,
                "system:open-cluster-management:c1",
            ),
            (
                DnType::CommonName,
                "system:open-cluster-management:c1:agent",
            ),
            (DnType::OrganizationalUnitName, "more"),
        ];
        let refused = Asked::of(&request("c1", SIGNER, &pem(&subject)));
        assert_eq!(refused.unwrap_err(), NotAnAgents::Subject);
    }

    #[test]
    fn a_request_without_label_signer_or_form_is_refused() {
        let good = pem(&[
            (
                DnType::OrganizationName,
                "system:open-cluster-management:c1",
            ),
            (
                DnType::CommonName,
                "system:open-cluster-management:c1:agent",
            ),
        ]);
        let refused = |label, signer, pem: &str| Asked::of(&request(label, signer, pem));
        assert_eq!(refused("", SIGNER, &good), Err(NotAnAgents::Label));
        let other = "kubernetes.io/kubelet-serving";
        assert_eq!(refused("c1", other, &good), Err(NotAnAgents::Signer));
        assert_eq!(refused("c1", SIGNER, "none"), Err(NotAnAgents::Form));
        let wrong = good.replace("CERTIFICATE REQUEST", "CERTIFICATE");
        assert_eq!(refused("c1", SIGNER, &wrong), Err(NotAnAgents::Form));
    }

    #[test]
    fn a_decided_request_waits_no_more() {
        let with = |status: Value| {
            let mut request = request("c1", SIGNER, "");
            request.data["status"] = status;
            request
        };
        assert!(waits(&with(json!({}))));
        for kind in ["Approved", "Denied"] {
            assert!(!waits(&with(json!({"conditions": [{"type": kind}]}))));
        }
        assert!(!waits(&with(json!({"certificate": "LS0t"}))));
    }
}
