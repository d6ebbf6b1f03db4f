use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use crate::authorization::{Attributes, Authorizer};
use crate::quoted::Quoted;
use crate::{RequestInfo, Status, User};

mod mode;

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const EXTRA: &str = "impersonate-extra-";

/// As whom the request goes on: as `user`, or as whom its `Impersonate-*`
/// headers name, if `user` may impersonate all that they name. The headers are
/// taken off.
///
/// # Errors
/// 400 if the headers name no user; 403 if `user` may not.
pub fn impersonate(
    authorizer: &dyn Authorizer,
    user: User,
    request: &RequestInfo,
    headers: &mut HeaderMap,
) -> Result<User, Status> {
    let Some(wanted) = wanted(headers)? else {
        return Ok(user);
    };
    let attributes = Attributes::new(&user, request);
    let mut refusal = None;
    for mode in mode::ALL {
        match mode.check(authorizer, &attributes, &wanted) {
            None => {}
            Some(Ok(user)) => return Ok(user),
            Some(Err(status)) => {
                refusal.get_or_insert(status);
            }
        }
    }
    Err(refusal.unwrap_or_else(|| Status::internal("all impersonation modes failed")))
}

/// Whom the headers name, which are then taken off.
fn wanted(headers: &mut HeaderMap) -> Result<Option<User>, Status> {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| [USER, GROUP, UID].contains(name) || name.as_str().starts_with(EXTRA))
        .cloned()
        .collect();
    if names.is_empty() {
        return Ok(None);
    }
    let first = |name: HeaderName| {
        let values = values(headers, &name)?;
        Ok(values.into_iter().next().unwrap_or_default())
    };
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in &names {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            let all = extra.entry(unescape(key)).or_default();
            all.extend(values(headers, name)?);
        }
    }
    let wanted = User {
        name: first(USER)?,
        uid: first(UID)?,
        groups: values(headers, &GROUP)?,
        extra,
    };
    if !wanted.name.is_empty() {
        for name in names {
            headers.remove(name);
        }
        return Ok(Some(wanted));
    }
    if wanted == User::default() {
        return Ok(None);
    }
    Err(Status::bad_request(format!(
        "requested {} without impersonating a user name",
        described(&wanted)
    )))
}

fn values(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, Status> {
    let values = headers.get_all(name).into_iter();
    values
        .map(|value| {
            String::from_utf8(value.as_bytes().to_vec())
                .map_err(|_| Status::bad_request(format!("the header {name} is not UTF-8")))
        })
        .collect()
}

/// Header names carry keys with `%` for what they cannot hold; what is not of
/// that form is taken as it is.
fn unescape(key: &str) -> String {
    let escapes = key.split('%').skip(1);
    let formed =
        |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|digit| digit.is_ascii_hexdigit());
    let decoded = percent_decode_str(key).decode_utf8();
    match decoded {
        Ok(decoded) if escapes.into_iter().all(formed) => decoded.into_owned(),
        _ => key.to_owned(),
    }
}

/// As the real server writes it: in Go's syntax.
fn described(user: &User) -> String {
    let list = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| Quoted(text).to_string()).collect();
        match texts.is_empty() {
            true => "[]string(nil)".to_owned(),
            false => format!("[]string{{{}}}", texts.join(", ")),
        }
    };
    let mut extra = "map[string][]string".to_owned();
    if user.extra.is_empty() {
        extra += "(nil)";
    } else {
        let all = user.extra.iter();
        let all = all.map(|(key, values)| format!("{}:{}", Quoted(key), list(values)));
        let all: Vec<String> = all.collect();
        let _ = write!(extra, "{{{}}}", all.join(", "));
    }
    format!(
        "&user.DefaultInfo{{Name:\"\", UID:{}, Groups:{}, Extra:{extra}}}",
        Quoted(&user.uid),
        list(&user.groups)
    )
}
