use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::claims::{Claims, Reference};
use super::keyring::Keyring;
use super::{TokenError, TokenUser, jwt};
use crate::User;
use crate::objects::{Objects, core};
use crate::quoted::QuotedList;

/// The claims of tokens whose signature has been verified, so that a client
/// that asks often costs one verification.
#[derive(Debug, Default)]
pub(super) struct Verified(Mutex<HashMap<[u8; 32], Arc<Claims>>>);

/// So many are remembered; at the bound all are forgotten.
const MOST: usize = 4096;
/// How far clocks may be apart.
const LEEWAY: Duration = Duration::minutes(1);

impl Verified {
    pub(super) fn claims(&self, token: &str, keys: &Keyring) -> Result<Arc<Claims>, TokenError> {
        let hash = digest(&SHA256, token.as_bytes());
        let hash = <[u8; 32]>::try_from(hash.as_ref()).unwrap_or_default();
        if let Some(claims) = self.lock(|known| known.get(&hash).map(Arc::clone)) {
            return Ok(claims);
        }
        let claims = jwt::verify(token, keys).map_err(|why| TokenError(why.to_owned()))?;
        let claims = Arc::new(claims);
        self.lock(|known| {
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(hash, Arc::clone(&claims));
        });
        Ok(claims)
    }

    fn lock<T>(&self, with: impl FnOnce(&mut HashMap<[u8; 32], Arc<Claims>>) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a token with these claims is good now, and what it is bound to is
/// still there.
pub(super) fn check(
    claims: &Claims,
    audiences: &[String],
    objects: &dyn Objects,
    now: OffsetDateTime,
) -> Result<TokenUser, TokenError> {
    let meant: Vec<String> = claims
        .audiences
        .iter()
        .filter(|audience| audiences.contains(audience))
        .cloned()
        .collect();
    if meant.is_empty() {
        let (of, wanted) = (QuotedList(&claims.audiences), QuotedList(audiences));
        return fail(format!(
            "token audiences {of} is invalid for the target audiences {wanted}"
        ));
    }
    check_time(claims, now)?;
    check_bound(claims, objects, now)?;
    Ok(TokenUser {
        user: user(claims),
        audiences: meant,
    })
}

fn check_time(claims: &Claims, now: OffsetDateTime) -> Result<(), TokenError> {
    let leeway = LEEWAY.whole_seconds();
    let now = now.unix_timestamp();
    if now + leeway < claims.not_before {
        fail("service account token is not valid yet")
    } else if now - leeway > claims.expires {
        fail("service account token has expired")
    } else if now + leeway < claims.issued {
        fail("service account token is issued in the future")
    } else {
        Ok(())
    }
}

fn check_bound(
    claims: &Claims,
    objects: &dyn Objects,
    now: OffsetDateTime,
) -> Result<(), TokenError> {
    let of = &claims.kubernetes;
    let (namespace, name) = (&*of.namespace, &*of.account.name);
    let Some(account) = objects.get(&core("serviceaccounts"), namespace, name) else {
        return fail(format!("serviceaccounts \"{name}\" not found"));
    };
    let uid = uid(&account);
    if uid != of.account.uid {
        let claimed = &of.account.uid;
        return fail(format!(
            "service account UID ({uid}) does not match claim ({claimed})"
        ));
    }
    if is_deleted(&account, now) {
        return fail(format!(
            "service account {namespace}/{name} has been deleted"
        ));
    }
    let node = of.node.as_ref().filter(|_| of.pod.is_none());
    for (bound, resource, scope, kind, short) in [
        (of.secret.as_ref(), "secrets", namespace, "secret", "secret"),
        (of.pod.as_ref(), "pods", namespace, "Pod", "pod"),
        (node, "nodes", "", "Node", "node"),
    ] {
        let Some(Reference { name, uid: claimed }) = bound else {
            continue;
        };
        let object = objects.get(&core(resource), scope, name);
        let Some(object) = object.filter(|object| !is_deleted(object, now)) else {
            return fail("service account token has been invalidated");
        };
        let uid = self::uid(&object);
        if uid != claimed {
            return fail(format!(
                "{kind} UID ({uid}) does not match service account {short} ref claim ({claimed})"
            ));
        }
    }
    Ok(())
}

fn user(claims: &Claims) -> User {
    let of = &claims.kubernetes;
    let mut extra = BTreeMap::new();
    let mut put = |key: &str, value: &str| {
        if !value.is_empty() {
            let key = format!("authentication.kubernetes.io/{key}");
            extra.insert(key, vec![value.to_owned()]);
        }
    };
    if !claims.id.is_empty() {
        put("credential-id", &format!("JTI={}", claims.id));
    }
    if let Some(pod) = &of.pod {
        put("pod-name", &pod.name);
        put("pod-uid", &pod.uid);
    }
    if let Some(node) = &of.node {
        put("node-name", &node.name);
        put("node-uid", &node.uid);
    }
    User {
        uid: of.account.uid.clone(),
        extra,
        ..User::service_account(&of.namespace, &of.account.name)
    }
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

/// Whether its deletion began longer ago than clocks may be apart.
fn is_deleted(object: &Value, now: OffsetDateTime) -> bool {
    object["metadata"]["deletionTimestamp"]
        .as_str()
        .is_some_and(|at| match OffsetDateTime::parse(at, &Rfc3339) {
            Ok(at) => at < now - LEEWAY,
            Err(_) => true,
        })
}

fn fail<T>(why: impl Into<String>) -> Result<T, TokenError> {
    Err(TokenError(why.into()))
}
