//! What a request is about, read from its method, path and query.

use std::borrow::Cow;

use api::GroupResource;
use http::{Method, Uri};
use percent_encoding::percent_decode_str;

use crate::Status;
use crate::query::Query;
use crate::selector::FieldSelector;

/// What a request asks for, as authorization and routing see it.
///
/// The rules are those of Kubernetes' `RequestInfoFactory`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequestInfo {
    /// The decoded path.
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`,
    /// `deletecollection`; for what is no resource the method in lower case.
    pub verb: &'static str,
    /// What of a resource is asked for; `None` for a path that is no resource's.
    pub resource: Option<ResourceInfo>,
}

/// The resource a request is about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ResourceInfo {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The namespace; empty for cluster-scoped resources and for all namespaces.
    pub namespace: String,
    /// The resource, in the plural.
    pub resource: String,
    /// The object's name; empty for a collection. For a list or watch that
    /// selects one name, that name.
    pub name: String,
    /// The subresource; may be empty.
    pub subresource: String,
    /// Whether the path itself names the object.
    pub named_by_path: bool,
    /// How many segments stand behind the subresource.
    pub rest: usize,
}

impl ResourceInfo {
    /// Its group and resource.
    #[must_use]
    pub fn group_resource(&self) -> GroupResource {
        GroupResource {
            group: self.group.as_str().into(),
            resource: self.resource.as_str().into(),
        }
    }
}

impl RequestInfo {
    /// Reads it from a request's method and URI.
    ///
    /// # Errors
    /// If the path is not UTF-8 when decoded, holds a segment of dots, or is
    /// a legacy `/watch/` path without a resource.
    pub fn new(method: &Method, uri: &Uri) -> Result<Self, Status> {
        let path = decode(uri.path())?;
        if path.contains("//") {
            return Err(Status::no_such_path());
        }
        let query = Query::parse(uri.query().unwrap_or_default());
        let parts: Vec<&str> = path
            .trim_matches('/')
            .split('/')
            .filter(|part| !path.is_empty() && !part.is_empty())
            .collect();
        if parts.iter().any(|part| matches!(*part, "." | "..")) {
            return Err(Status::bad_request("a path may not have a segment of dots"));
        }
        let (group, rest) = match parts.as_slice() {
            ["api", rest @ ..] if rest.len() >= 2 => ("", rest),
            ["apis", group, rest @ ..] if rest.len() >= 2 => (*group, rest),
            _ => {
                let verb = non_resource_verb(method);
                return Ok(Self {
                    verb,
                    resource: None,
                    path: path.into_owned(),
                });
            }
        };
        let (mut verb, version, mut rest) = (resource_verb(method), rest[0], &rest[1..]);
        if rest[0] == "watch" {
            if rest.len() < 2 {
                return Err(Status::bad_request(format!(
                    "unable to determine kind and namespace from url, {path}"
                )));
            }
            (verb, rest) = ("watch", &rest[1..]);
        }
        let mut namespace = "";
        if let ["namespaces", of, behind @ ..] = rest {
            namespace = of;
            if let [first, ..] = behind
                && !matches!(*first, "status" | "finalize")
            {
                rest = behind;
            }
        }
        let mut info = ResourceInfo {
            group: group.to_owned(),
            version: version.to_owned(),
            namespace: namespace.to_owned(),
            resource: rest[0].to_owned(),
            name: rest.get(1).copied().unwrap_or_default().to_owned(),
            subresource: rest.get(2).copied().unwrap_or_default().to_owned(),
            named_by_path: rest.len() > 1,
            rest: rest.len().saturating_sub(3),
        };
        if info.name.is_empty() {
            match verb {
                "get" => verb = if query.watches() { "watch" } else { "list" },
                "delete" => verb = "deletecollection",
                _ => {}
            }
        }
        if info.name.is_empty() && matches!(verb, "list" | "watch" | "deletecollection") {
            info.name = selected_name(&query);
        }
        Ok(Self {
            verb,
            resource: Some(info),
            path: path.into_owned(),
        })
    }
}

/// The name that a field selector leaves alone, if it does.
fn selected_name(query: &Query<'_>) -> String {
    let selector = query.get("fieldSelector").unwrap_or_default();
    FieldSelector::parse(selector)
        .ok()
        .and_then(|selector| selector.exact("metadata.name").map(ToOwned::to_owned))
        .filter(|name| !name.contains(['/', '%']) && !matches!(name.as_str(), "." | ".."))
        .unwrap_or_default()
}

fn decode(path: &str) -> Result<Cow<'_, str>, Status> {
    percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| Status::bad_request("the path is not UTF-8"))
}

fn resource_verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::GET | Method::HEAD => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    }
}

fn non_resource_verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "post",
        Method::GET => "get",
        Method::HEAD => "head",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::OPTIONS => "options",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: &Method, uri: &str) -> RequestInfo {
        RequestInfo::new(method, &uri.parse().unwrap()).unwrap()
    }

    fn told(method: &Method, uri: &str) -> (&'static str, [String; 5]) {
        let info = info(method, uri);
        let of = info.resource.unwrap();
        (
            info.verb,
            [of.group, of.namespace, of.resource, of.name, of.subresource],
        )
    }

    #[test]
    fn paths_are_read_as_kubernetes_reads_them() {
        for (method, uri, verb, parts) in [
            (
                Method::GET,
                "/api/v1/namespaces",
                "list",
                ["", "", "namespaces", "", ""],
            ),
            (
                Method::GET,
                "/api/v1/namespaces/a",
                "get",
                ["", "a", "namespaces", "a", ""],
            ),
            (
                Method::PUT,
                "/api/v1/namespaces/a/finalize",
                "update",
                ["", "a", "namespaces", "a", "finalize"],
            ),
            (
                Method::GET,
                "/api/v1/namespaces/a/pods",
                "list",
                ["", "a", "pods", "", ""],
            ),
            (
                Method::GET,
                "/api/v1/namespaces/a/pods/p/log",
                "get",
                ["", "a", "pods", "p", "log"],
            ),
            (
                Method::GET,
                "/api/v1/pods?watch",
                "watch",
                ["", "", "pods", "", ""],
            ),
            (
                Method::GET,
                "/api/v1/pods?watch=0",
                "list",
                ["", "", "pods", "", ""],
            ),
            (
                Method::GET,
                "/api/v1/watch/pods",
                "watch",
                ["", "", "pods", "", ""],
            ),
            (
                Method::DELETE,
                "/apis/apps/v1/namespaces/a/deployments",
                "deletecollection",
                ["apps", "a", "deployments", "", ""],
            ),
            (
                Method::DELETE,
                "/apis/apps/v1/namespaces/a/deployments/d",
                "delete",
                ["apps", "a", "deployments", "d", ""],
            ),
            (
                Method::GET,
                "/api/v1/secrets?fieldSelector=metadata.name%3Dx",
                "list",
                ["", "", "secrets", "x", ""],
            ),
        ] {
            let expected = (verb, parts.map(str::to_owned));
            assert_eq!(told(&method, uri), expected, "{method} {uri}");
        }
    }

    #[test]
    fn a_path_of_no_resource_has_the_methods_verb() {
        for uri in [
            "/",
            "/api",
            "/apis/apps/v1",
            "/healthz",
            "/openapi/v3/api/v1",
        ] {
            let info = info(&Method::GET, uri);
            assert_eq!((info.verb, info.resource), ("get", None), "{uri}");
        }
    }

    #[test]
    fn an_encoded_dot_segment_is_refused() {
        let uri = "/api/v1/namespaces/%2e%2e/pods".parse().unwrap();
        assert!(RequestInfo::new(&Method::GET, &uri).is_err());
    }
}
