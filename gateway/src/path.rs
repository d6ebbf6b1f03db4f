//! The gateway's two URL forms, and what a path in them may hold.

use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;
use proto::{ClusterName, NameError};

use crate::resource::{ResourcePath, proxied_service};
use crate::service::{ServiceTarget, ServiceTargetError};

/// What the aggregated form starts with; the cluster and `/proxy` follow.
const AGGREGATED: &str = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/";
/// What the short form starts with; the cluster follows.
const SHORT: &str = "/clusters/";
/// What follows the cluster in the aggregated form.
const PROXY: &str = "/proxy";

/// One request's target, taken apart and found sound.
#[derive(Clone, Debug)]
pub struct RequestPath {
    /// The cluster the request is for.
    pub cluster: ClusterName,
    /// The Service that is asked, if it is not the cluster's API server.
    pub service: Option<ServiceTarget>,
    /// What the managed cluster's API server, or the Service, is asked for: path
    /// and query as the caller wrote them, byte for byte.
    pub upstream: PathAndQuery,
    /// Everything of the caller's path that stands before the upstream path.
    pub prefix: String,
    /// The segments of the path in the managed cluster, percent-decoded once. An
    /// encoded slash parts segments like a plain one, as the API server reads it.
    pub segments: Vec<String>,
}

/// Why a path is not taken. Each is the caller's mistake.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The cluster's part is no name.
    #[error("the path names no cluster: {0}")]
    Cluster(#[from] NameError),
    /// A control character or a backslash, plain or encoded.
    #[error("the path holds {0:?}; control characters and backslashes are not allowed")]
    Character(char),
    /// `.` or `..`, plain or encoded.
    #[error("the path holds a segment {0:?}; write the path it stands for")]
    Dots(String),
    /// Two slashes in a row.
    #[error("the path holds an empty segment (//)")]
    Empty,
    /// A percent sign that starts no escape.
    #[error("the path holds a '%' that two hexadecimal digits do not follow")]
    Escape,
    /// Neither form.
    #[error("the path is none of {SHORT}CLUSTER/… and {AGGREGATED}CLUSTER/proxy/…")]
    Form,
    /// What stands before a Service's own path names none.
    #[error(transparent)]
    Service(#[from] ServiceTargetError),
    /// What stands before a Service's own path holds an encoded slash.
    #[error("the path holds an encoded slash before /proxy-service; write it plainly")]
    ServiceSlash,
    /// Escapes that decode to no text.
    #[error("the path does not decode to UTF-8")]
    Utf8,
}

/// Whether a path is in one of the gateway's two forms, sound or not.
pub(crate) fn serves(path: &str) -> bool {
    split(path).is_some()
}

impl RequestPath {
    /// Takes a request's target apart: one of the gateway's two forms, and in
    /// the upstream path no `.` or `..`, backslash or control character, plain
    /// or percent-encoded, and no empty segment outside a `…/proxy/` tail.
    pub fn parse(uri: &Uri) -> Result<Self, PathError> {
        let whole = uri.path_and_query().ok_or(PathError::Form)?;
        let path = whole.path();
        let (cluster, prefix_len) = split(path).ok_or(PathError::Form)?;
        let upstream_path = &path[prefix_len..];
        let cluster = cluster.parse()?;
        let segments = segments(upstream_path)?;
        let (service, prefix_len) = match proxied_service(&segments) {
            None => (None, prefix_len),
            Some((namespace, service, count)) => {
                let service = ServiceTarget::parse(namespace, service)?;
                let len = len_of(upstream_path, &segments[..count])?;
                (Some(service), prefix_len + len)
            }
        };
        Ok(Self {
            cluster,
            service,
            upstream: upstream(whole, prefix_len),
            prefix: path[..prefix_len].to_owned(),
            segments,
        })
    }

    /// The resource that the upstream path names, as Kubernetes lays paths out.
    pub(crate) fn resource(&self) -> Option<ResourcePath<'_>> {
        ResourcePath::of(&self.segments)
    }
}

/// The cluster's part of a path in either form, and where the upstream path starts.
fn split(path: &str) -> Option<(&str, usize)> {
    if let Some(rest) = path.strip_prefix(SHORT) {
        let cluster = rest.split('/').next()?;
        return Some((cluster, SHORT.len() + cluster.len()));
    }
    let rest = path.strip_prefix(AGGREGATED)?;
    let cluster = rest.split('/').next()?;
    let tail = rest[cluster.len()..].strip_prefix(PROXY)?;
    let ends_here = tail.is_empty() || tail.starts_with('/');
    ends_here.then_some((cluster, AGGREGATED.len() + cluster.len() + PROXY.len()))
}

/// What is left of the target behind the prefix; an absent path is `/`.
fn upstream(whole: &PathAndQuery, prefix_len: usize) -> PathAndQuery {
    let rest = &whole.as_str()[prefix_len..];
    let bytes = if rest.starts_with('/') {
        Bytes::copy_from_slice(rest.as_bytes())
    } else {
        Bytes::from(format!("/{rest}"))
    };
    PathAndQuery::from_maybe_shared(bytes)
        .expect("the tail of a valid path and query, from a slash on, is valid")
}

/// Decodes a path once and checks every segment of it.
fn segments(path: &str) -> Result<Vec<String>, PathError> {
    check_escapes(path)?;
    let decoded = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| PathError::Utf8)?;
    if let Some(found) = decoded.chars().find(|&c| c.is_control() || c == '\\') {
        return Err(PathError::Character(found));
    }
    let relative = decoded.strip_prefix('/').unwrap_or(&decoded);
    if relative.is_empty() {
        return Ok(Vec::new());
    }
    // One slash at the end is how collections and groups may be written.
    let relative = relative.strip_suffix('/').unwrap_or(relative);
    let segments: Vec<String> = relative.split('/').map(str::to_owned).collect();
    if let Some(dots) = segments.iter().find(|s| *s == "." || *s == "..") {
        return Err(PathError::Dots(dots.clone()));
    }
    // What stands behind `proxy` belongs to another server, which may give `//` a meaning.
    let checked = ResourcePath::of(&segments)
        .and_then(|resource| resource.proxy_tail())
        .unwrap_or(segments.len());
    if segments[..checked].iter().any(String::is_empty) {
        return Err(PathError::Empty);
    }
    Ok(segments)
}

/// How long the part of an encoded path is that holds these segments.
fn len_of(path: &str, segments: &[String]) -> Result<usize, PathError> {
    let mut len = 0;
    for (written, segment) in path.split('/').skip(1).zip(segments) {
        if percent_decode_str(written).decode_utf8_lossy() != *segment {
            return Err(PathError::ServiceSlash);
        }
        len += 1 + written.len();
    }
    Ok(len)
}

/// Refuses a `%` without two digits, which decoders read in different ways.
fn check_escapes(path: &str) -> Result<(), PathError> {
    for (at, _) in path.match_indices('%') {
        let digits = path.as_bytes().get(at + 1..at + 3);
        if !digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) {
            return Err(PathError::Escape);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
