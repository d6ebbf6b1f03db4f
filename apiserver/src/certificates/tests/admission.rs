use base64::Engine as _;
use serde_json::{Value, json};

use super::*;
use crate::Status;
use crate::authorization::Rbac;

const RBAC: &str = "rbac.authorization.k8s.io";

fn request_of(organization: &str, signer: &str) -> Value {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::OrganizationName, organization);
    let key = KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(pem);
    json!({
        "metadata": {"name": "x"},
        "spec": {"request": text, "signerName": signer, "username": "root", "groups": ["system:masters"]},
        "status": {"certificate": "AAAA"},
    })
}

/// An authorizer by which alice may do that with the signer.
fn allowing(verb: &str, signer: &str) -> Rbac {
    let rbac = Rbac::default();
    let put = |resource: &str, object: Value| {
        let resource = api::GroupResource {
            group: RBAC.into(),
            resource: resource.into(),
        };
        rbac.put(&resource, &object);
    };
    let rule = json!({"verbs": [verb], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "resourceNames": [signer]});
    put(
        "clusterroles",
        json!({"metadata": {"name": "r"}, "rules": [rule]}),
    );
    let role = json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": "r"});
    let subject = json!({"kind": "User", "name": "alice"});
    put(
        "clusterrolebindings",
        json!({"metadata": {"name": "b"}, "roleRef": role, "subjects": [subject]}),
    );
    rbac
}

fn told(answer: Result<(), Status>) -> Result<(), String> {
    answer.map_err(|status| status.message().to_owned())
}

#[test]
fn nobody_becomes_a_master_by_a_request() {
    assert_eq!(
        told(check_create(&request_of("dev", CLIENT_SIGNER))),
        Ok(())
    );
    assert_eq!(
        told(check_create(&request_of(User::MASTERS, "example.com/x"))),
        Ok(())
    );
    let refused = r#"certificatesigningrequests.certificates.k8s.io "x" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"#;
    let masters = request_of(User::MASTERS, CLIENT_SIGNER);
    assert_eq!(told(check_create(&masters)), Err(refused.to_owned()));
    let mut unreadable = masters;
    unreadable["spec"]["request"] = "AAAA".into();
    assert!(check_create(&unreadable).is_err());
}

#[test]
fn approving_and_signing_take_a_right_for_the_signer() {
    let alice = User::new("alice", []);
    let old = request_of("dev", CLIENT_SIGNER);
    let approve = |rbac: &Rbac| told(check_approval(rbac, &alice, &old));
    assert_eq!(approve(&allowing("approve", CLIENT_SIGNER)), Ok(()));
    assert_eq!(approve(&allowing("approve", "kubernetes.io/*")), Ok(()));
    let refused = r#"certificatesigningrequests.certificates.k8s.io "x" is forbidden: user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client""#;
    assert_eq!(
        approve(&allowing("approve", "example.com/*")),
        Err(refused.to_owned())
    );
    assert_eq!(
        approve(&allowing("sign", CLIENT_SIGNER)),
        Err(refused.to_owned())
    );
    let mut signed = old.clone();
    signed["status"]["certificate"] = "BBBB".into();
    let sign = |rbac: &Rbac, new: &Value| told(check_status(rbac, &alice, &old, new));
    assert_eq!(sign(&allowing("sign", CLIENT_SIGNER), &signed), Ok(()));
    assert_eq!(sign(&allowing("approve", CLIENT_SIGNER), &old), Ok(()));
    assert_eq!(
        sign(&allowing("approve", CLIENT_SIGNER), &signed),
        Err(refused.replace("approve", "sign"))
    );
}
