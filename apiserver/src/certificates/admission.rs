//! Who may ask for certificates, approve requests for them and sign them.

use api::GroupResource;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{CLIENT_SIGNER, SigningError, request_der, verified};
use crate::authorization::{Attributes, Authorizer, Object, ResourceAttributes};
use crate::quoted::Quoted;
use crate::{Status, User};

const GROUP: &str = "certificates.k8s.io";

/// Writes into a new CertificateSigningRequest who makes it, whatever it says
/// itself, and takes off any status.
pub fn set_requester(request: &mut Value, user: &User) {
    let Some(request) = request.as_object_mut() else {
        return;
    };
    request.insert("status".to_owned(), json!({}));
    let Some(spec) = request.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    for (field, value, is_empty) in [
        ("username", json!(user.name), user.name.is_empty()),
        ("uid", json!(user.uid), user.uid.is_empty()),
        ("groups", json!(user.groups), user.groups.is_empty()),
        ("extra", json!(user.extra), user.extra.is_empty()),
    ] {
        if is_empty {
            spec.remove(field);
        } else {
            spec.insert(field.to_owned(), value);
        }
    }
}

/// Checks a new CertificateSigningRequest: nobody becomes a member of
/// `system:masters` by one.
///
/// # Errors
/// 403.
pub fn check_create(request: &Value) -> Result<(), Status> {
    if signer(request) != CLIENT_SIGNER {
        return Ok(());
    }
    let refuse = |why: &str| Err(forbidden(request, why));
    match claims_masters(request) {
        Ok(false) => Ok(()),
        Ok(true) => refuse(&format!(
            "use of {CLIENT_SIGNER} signer with system:masters group is not allowed"
        )),
        Err(error) => refuse(&format!("failed to parse CSR: {error}")),
    }
}

/// Checks an update of the subresource `approval`. `old` is what is stored.
///
/// # Errors
/// 403 if the user may not `approve` for the signer.
pub fn check_approval(authorizer: &dyn Authorizer, user: &User, old: &Value) -> Result<(), Status> {
    check_signer(authorizer, user, "approve", old)
}

/// Checks an update of the subresource `status`, which is how requests are
/// signed.
///
/// # Errors
/// 403 if it changes the certificate or the conditions and the user may not
/// `sign` for the signer.
pub fn check_status(
    authorizer: &dyn Authorizer,
    user: &User,
    old: &Value,
    new: &Value,
) -> Result<(), Status> {
    let list = |of: &Value| of["status"]["conditions"].as_array().cloned();
    let same = old["status"]["certificate"] == new["status"]["certificate"]
        && list(old).unwrap_or_default() == list(new).unwrap_or_default();
    if same {
        return Ok(());
    }
    check_signer(authorizer, user, "sign", old)
}

/// Rights are given for a signer, or for all of its domain.
fn check_signer(
    authorizer: &dyn Authorizer,
    user: &User,
    verb: &str,
    request: &Value,
) -> Result<(), Status> {
    let signer = signer(request);
    let domain = signer.split('/').next().unwrap_or_default();
    let all = format!("{domain}/*");
    let may = |name: &str| {
        let on = Object::Resource(ResourceAttributes {
            group: GROUP,
            resource: "signers",
            name,
            ..ResourceAttributes::default()
        });
        authorizer
            .authorize(&Attributes { user, verb, on })
            .is_allowed()
    };
    if may(signer) || may(&all) {
        return Ok(());
    }
    let signer = Quoted(signer);
    let why = format!("user not permitted to {verb} requests with signerName {signer}");
    Err(forbidden(request, &why))
}

fn claims_masters(request: &Value) -> Result<bool, SigningError> {
    let pem = request["spec"]["request"].as_str().unwrap_or_default();
    let pem = BASE64.decode(pem).unwrap_or_default();
    let der = request_der(&pem)?;
    let parsed = verified(&der)?;
    let subject = &parsed.certification_request_info.subject;
    let claims = subject
        .iter_organization()
        .any(|group| group.as_slice() == User::MASTERS.as_bytes());
    Ok(claims)
}

fn signer(request: &Value) -> &str {
    request["spec"]["signerName"].as_str().unwrap_or_default()
}

fn forbidden(request: &Value, why: &str) -> Status {
    let resource = GroupResource {
        group: GROUP.into(),
        resource: "certificatesigningrequests".into(),
    };
    let name = request["metadata"]["name"].as_str().unwrap_or_default();
    Status::forbidden(&resource, name, why)
}
