use api::{FieldError, FieldErrorKind, GroupResource, GroupVersionKind};
use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::claims::{Claims, Kubernetes, Reference};
use super::{ServiceAccountTokens, jwt};
use crate::objects::{Objects, core};
use crate::quoted::Quoted;
use crate::{Status, User};

/// The answer to a request for a token.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The TokenRequest with the token in its status.
    pub object: Value,
    /// What the client is to be warned of.
    pub warnings: Vec<String>,
}

const HOUR: i64 = 3600;
const LEAST: i64 = 600;
const MOST: i64 = 1 << 32;

impl ServiceAccountTokens {
    /// Issues a token for a service account, as its subresource `token` does.
    /// `request` is a TokenRequest.
    ///
    /// # Errors
    /// The real server's, if the request is not good, or the account or what the
    /// token is to be bound to is not there.
    pub fn issue(
        &self,
        namespace: &str,
        name: &str,
        mut request: Value,
        objects: &dyn Objects,
        now: OffsetDateTime,
    ) -> Result<IssuedToken, Status> {
        for (field, expected) in [("name", name), ("namespace", namespace)] {
            check_same(&request, field, expected, name)?;
        }
        let accounts = core("serviceaccounts");
        let account = objects
            .get(&accounts, namespace, name)
            .ok_or_else(|| Status::not_found(&accounts, name))?;
        let uid = text(&account["metadata"]["uid"]);
        let asked = text(&request["metadata"]["uid"]);
        if !asked.is_empty() && asked != uid {
            let why = format!(
                "the UID in the token request ({asked}) does not match the UID of the service account ({uid})"
            );
            return Err(Status::conflict(
                &authentication("TokenRequest"),
                name,
                &why,
            ));
        }
        let audiences = audiences(&request).unwrap_or_else(|| self.audiences.clone());
        let seconds = request["spec"]["expirationSeconds"]
            .as_i64()
            .unwrap_or(HOUR);
        check_seconds(seconds)?;
        let bound = bound(&request["spec"]["boundObjectRef"], namespace, name, objects)?;
        let mut warnings = Vec::new();
        let seconds = match self.most_seconds {
            Some(most) if seconds > most => {
                warnings.push(format!(
                    "requested expiration of {seconds} seconds shortened to {most} seconds"
                ));
                most
            }
            _ => seconds,
        };
        let claims = Claims {
            audiences: audiences.clone(),
            expires: now.unix_timestamp() + seconds,
            issued: now.unix_timestamp(),
            issuer: self.issuer.clone(),
            id: uuid(),
            kubernetes: Kubernetes {
                namespace: namespace.to_owned(),
                account: Reference {
                    name: name.to_owned(),
                    uid: uid.to_owned(),
                },
                ..bound
            },
            not_before: now.unix_timestamp(),
            subject: User::service_account(namespace, name).name,
        };
        let token = jwt::sign(&claims, &self.verifier().keyring)
            .map_err(|error| Status::internal(&format!("failed to generate token: {error}")))?;
        let Some(expires) = now.checked_add(Duration::seconds(seconds)) else {
            return Err(Status::internal("the token would live too long"));
        };
        let metadata = part(&mut request, "metadata");
        for (field, value) in [
            ("name", name),
            ("namespace", namespace),
            ("uid", uid),
            ("creationTimestamp", &time_text(now)?),
        ] {
            metadata.insert(field.to_owned(), value.into());
        }
        let spec = part(&mut request, "spec");
        spec.insert("audiences".to_owned(), audiences.into());
        spec.insert("expirationSeconds".to_owned(), seconds.into());
        spec.entry("boundObjectRef").or_insert(Value::Null);
        let answer = part(&mut request, "status");
        answer.clear();
        answer.insert("token".to_owned(), token.into());
        answer.insert("expirationTimestamp".to_owned(), time_text(expires)?.into());
        Ok(IssuedToken {
            object: request,
            warnings,
        })
    }
}

/// A part of the request, made if it is not there or no object.
fn part<'v>(request: &'v mut Value, name: &str) -> &'v mut Map<String, Value> {
    let part = object(request).entry(name).or_insert(Value::Null);
    object(part)
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value
        .as_object_mut()
        .expect("it has just been made an object")
}

fn check_same(request: &Value, field: &str, expected: &str, account: &str) -> Result<(), Status> {
    let given = text(&request["metadata"][field]);
    if given.is_empty() || given == expected {
        return Ok(());
    }
    let detail = format!("must match the service account {field} if specified");
    let kind = FieldErrorKind::Invalid(Quoted(given).to_string());
    let error = FieldError::new(format!("metadata.{field}"), kind, detail);
    Err(Status::invalid(&token_request(), account, &[error]))
}

fn check_seconds(seconds: i64) -> Result<(), Status> {
    let why = match seconds {
        ..LEAST => "may not specify a duration less than 10 minutes",
        LEAST..=MOST => return Ok(()),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    let kind = FieldErrorKind::Invalid(seconds.to_string());
    let error = FieldError::new("spec.expirationSeconds", kind, why);
    Err(Status::invalid(&token_request(), "", &[error]))
}

fn audiences(request: &Value) -> Option<Vec<String>> {
    let list = request["spec"]["audiences"].as_array()?;
    let list = list
        .iter()
        .map(|of| text(of).to_owned())
        .collect::<Vec<_>>();
    (!list.is_empty()).then_some(list)
}

/// What the token lives and dies with beside the account; the account itself
/// is filled in by the caller.
fn bound(
    to: &Value,
    namespace: &str,
    account: &str,
    objects: &dyn Objects,
) -> Result<Kubernetes, Status> {
    let mut bound = Kubernetes {
        namespace: String::new(),
        node: None,
        pod: None,
        secret: None,
        account: Reference::default(),
    };
    if to.is_null() {
        return Ok(bound);
    }
    let (kind, name) = (text(&to["kind"]), text(&to["name"]));
    let version = text(&to["apiVersion"]);
    let (resource, scope, into) = match (version.split_once('/'), kind) {
        (None, "Node") => ("nodes", "", &mut bound.node),
        (None, "Pod") => ("pods", namespace, &mut bound.pod),
        (None, "Secret") => ("secrets", namespace, &mut bound.secret),
        (group, kind) => {
            let (group, version) = group.unwrap_or(("", version));
            return Err(Status::bad_request(format!(
                "cannot bind token to object of type {group}/{version}, Kind={kind}"
            )));
        }
    };
    let resource = core(resource);
    let object = objects
        .get(&resource, scope, name)
        .ok_or_else(|| Status::not_found(&resource, name))?;
    if kind == "Pod" && text(&object["spec"]["serviceAccountName"]) != account {
        return Err(Status::bad_request(format!(
            "cannot bind token for serviceaccount {} to pod running with different serviceaccount name.",
            Quoted(account)
        )));
    }
    let uid = text(&object["metadata"]["uid"]);
    let asked = text(&to["uid"]);
    if !asked.is_empty() && asked != uid {
        let why = format!(
            "the UID in the bound object reference ({asked}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict(&core(kind), name, &why));
    }
    *into = Some(reference(name, uid));
    let node = text(&object["spec"]["nodeName"]);
    if kind == "Pod" && !node.is_empty() {
        let found = objects.get(&core("nodes"), "", node);
        let uid = found
            .as_ref()
            .map_or("", |node| text(&node["metadata"]["uid"]));
        bound.node = Some(reference(node, uid));
    }
    Ok(bound)
}

fn reference(name: &str, uid: &str) -> Reference {
    Reference {
        name: name.to_owned(),
        uid: uid.to_owned(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn token_request() -> GroupVersionKind {
    GroupVersionKind {
        group: "authentication.k8s.io".into(),
        version: "v1".into(),
        kind: "TokenRequest".into(),
    }
}

fn authentication(resource: &str) -> GroupResource {
    GroupResource {
        group: "authentication.k8s.io".into(),
        resource: resource.into(),
    }
}

/// In whole seconds, as Kubernetes writes times.
fn time_text(at: OffsetDateTime) -> Result<String, Status> {
    at.replace_nanosecond(0)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .ok_or_else(|| Status::internal("the token would live too long"))
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range: std::ops::Range<usize>| hex[range].concat();
    let parts = [
        part(0..4),
        part(4..6),
        part(6..8),
        part(8..10),
        part(10..16),
    ];
    parts.join("-")
}
