//! Who may ask for certificates, approve requests for them and sign them.

use api::{FieldError, FieldErrorKind, GroupResource};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::{CLIENT_SIGNER, SigningError, check_request, request_der, verified};
use crate::authorization::{Attributes, Authorizer, Object, ResourceAttributes};
use crate::quoted::Quoted;
use crate::{Status, User};

/// The group of requests for certificates.
pub(crate) const GROUP: &str = "certificates.k8s.io";

/// Checks that the PKCS #10 request of a new CertificateSigningRequest is one,
/// and signed by the key that it is for; says nothing where an error at the
/// field has already been found.
pub(crate) fn check_fields(object: &Value, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.request";
    if errors.iter().any(|error| error.field == FIELD) {
        return;
    }
    let request = &object["spec"]["request"];
    let pem = BASE64.decode(request.as_str().unwrap_or_default());
    if let Err(error) = check_request(&pem.unwrap_or_default()) {
        let kind = FieldErrorKind::Invalid(request.to_string());
        errors.push(FieldError::new(FIELD, kind, error.to_string()));
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
