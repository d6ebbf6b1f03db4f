use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::User;
use crate::objects::{Objects, core};

const NAMESPACE: &str = "kube-system";
const TYPE: &str = "bootstrap.kubernetes.io/token";
const GROUP: &str = "system:bootstrappers";

/// The user of a bootstrap token `ID.SECRET`, which is kept as the Secret
/// `bootstrap-token-ID` in kube-system; `None` if there is none, or it may not
/// be used to authenticate, or not any more.
pub(super) fn user(token: &str, objects: &dyn Objects, now: OffsetDateTime) -> Option<User> {
    let (id, secret) = token.split_once('.')?;
    let alphanumeric = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let formed =
        id.len() == 6 && secret.len() == 16 && id.bytes().chain(secret.bytes()).all(alphanumeric);
    if !formed {
        return None;
    }
    let object = objects.get(
        &core("secrets"),
        NAMESPACE,
        &format!("bootstrap-token-{id}"),
    )?;
    let deleted = !object["metadata"]["deletionTimestamp"].is_null();
    if deleted || object["type"] != TYPE {
        return None;
    }
    let same = data(&object, "token-secret")?
        .as_bytes()
        .ct_eq(secret.as_bytes());
    let usable = bool::from(same)
        && data(&object, "token-id").as_deref() == Some(id)
        && data(&object, "usage-bootstrap-authentication").as_deref() == Some("true")
        && !has_expired(&object, now);
    if !usable {
        return None;
    }
    let groups = groups(&object)?;
    Some(User::new(format!("system:bootstrap:{id}"), groups))
}

fn has_expired(object: &Value, now: OffsetDateTime) -> bool {
    data(object, "expiration")
        .filter(|text| !text.is_empty())
        .is_some_and(|text| match OffsetDateTime::parse(&text, &Rfc3339) {
            Ok(at) => at <= now,
            Err(_) => true,
        })
}

/// Its groups, each once and in order; `None` if one is not a bootstrapper's.
fn groups(object: &Value) -> Option<BTreeSet<String>> {
    let mut groups = BTreeSet::from([GROUP.to_owned()]);
    let extra = data(object, "auth-extra-groups").unwrap_or_default();
    if extra.is_empty() {
        return Some(groups);
    }
    for group in extra.split(',') {
        let rest = group.strip_prefix(GROUP)?.strip_prefix(':')?;
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b":-".contains(&c);
        let last = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if rest.len() > 256 || !rest.bytes().all(inner) || !rest.ends_with(last) {
            return None;
        }
        groups.insert(group.to_owned());
    }
    Some(groups)
}

fn data(object: &Value, key: &str) -> Option<String> {
    let text = BASE64.decode(object["data"][key].as_str()?).ok()?;
    String::from_utf8(text).ok()
}
