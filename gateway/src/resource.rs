//! Where a Kubernetes API path names its resource and subresource.

/// Subresources whose answers may take as long as they like, as kube-apiserver counts them.
const LONG_RUNNING: [&str; 6] = [
    "attach",
    "exec",
    "log",
    "portforward",
    "proxy",
    PROXY_SERVICE,
];
/// The subresource of Services that the hub itself serves, through the agent.
const PROXY_SERVICE: &str = "proxy-service";

/// The part of a path from the resource on: `pods`, `web-0`, `exec`, …
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResourcePath<'a> {
    parts: &'a [String],
    /// How many segments of the path stand before `parts`.
    offset: usize,
    /// `/api/v1/watch/…`, the old way to ask for a watch.
    legacy_watch: bool,
}

impl<'a> ResourcePath<'a> {
    /// Finds the resource in decoded segments; `None` for paths that name none.
    pub(crate) fn of(segments: &'a [String]) -> Option<Self> {
        let mut offset = match segments.first()?.as_str() {
            "api" => 2,
            "apis" => 3,
            _ => return None,
        };
        let at = |offset: usize| segments.get(offset).map(String::as_str);
        let legacy_watch = at(offset) == Some("watch");
        if legacy_watch {
            offset += 1;
        }
        let namespaced = at(offset) == Some("namespaces")
            && at(offset + 2).is_some_and(|next| !matches!(next, "finalize" | "status"));
        if namespaced {
            offset += 2;
        }
        Some(Self {
            parts: segments.get(offset..)?,
            offset,
            legacy_watch,
        })
    }

    /// The subresource, as in `pods/web-0/exec`.
    pub(crate) fn subresource(&self) -> Option<&'a str> {
        self.parts.get(2).map(String::as_str)
    }

    /// The index, in the whole path, of the first segment that belongs to the
    /// server behind `…/proxy/` or `…/proxy-service/`.
    pub(crate) fn proxy_tail(&self) -> Option<usize> {
        let proxies = matches!(self.subresource(), Some("proxy" | PROXY_SERVICE));
        proxies.then_some(self.offset + 3)
    }

    /// Whether the answer's head may come late: the resource streams, or waits for another server.
    pub(crate) fn is_long_running(&self, query: Option<&str>) -> bool {
        self.legacy_watch
            || self
                .subresource()
                .is_some_and(|sub| LONG_RUNNING.contains(&sub))
            || query.is_some_and(asks_to_watch)
    }
}

/// Reads `watch` as Kubernetes' query decoder does: present is true unless it says no.
fn asks_to_watch(query: &str) -> bool {
    query
        .split('&')
        .filter_map(|pair| match pair.split_once('=') {
            Some(("watch", value)) => Some(value),
            Some(_) => None,
            None => (pair == "watch").then_some(""),
        })
        .any(|value| !matches!(value, "0" | "false" | "False" | "FALSE" | "f" | "F"))
}

/// The namespace of a Service, and what stands for the Service itself, in the
/// decoded segments of `api/v1/namespaces/NAMESPACE/services/SERVICE/proxy-service`,
/// with whatever behind; and how many segments these are.
pub(crate) fn proxied_service(segments: &[String]) -> Option<(&str, &str, usize)> {
    const LEN: usize = 7;
    let path: [&str; LEN] =
        std::array::from_fn(|index| segments.get(index).map_or("", String::as_str));
    match path {
        [
            "api",
            "v1",
            "namespaces",
            namespace,
            "services",
            service,
            PROXY_SERVICE,
        ] => Some((namespace, service, LEN)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Vec<String> {
        path.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn the_tail_of_a_proxy_path_starts_behind_its_proxy_segment() {
        for (path, tail) in [
            ("api/v1/nodes/n1/proxy/a", Some(5)),
            ("api/v1/namespaces/x/pods/p/proxy/a", Some(7)),
            ("api/v1/namespaces/x/services/s/proxy-service/a", Some(7)),
            ("apis/g/v1/things/t/proxy/a", Some(6)),
            ("apis/g/v1/namespaces/x/things/t/proxy", Some(8)),
            ("api/v1/namespaces/proxy/pods/p", None),
            ("api/v1/namespaces/x/proxy/a/b", None),
            ("healthz/a/b/proxy/c", None),
        ] {
            let segments = segments(path);
            let found = ResourcePath::of(&segments).and_then(|r| r.proxy_tail());
            assert_eq!(found, tail, "{path}");
        }
    }

    #[test]
    fn streams_and_watches_may_take_their_time() {
        for (path, query, long) in [
            ("api/v1/pods", Some("limit=5&watch=true"), true),
            ("api/v1/pods", Some("watch"), true),
            ("api/v1/pods", Some("watch=0"), false),
            ("api/v1/pods", Some("unwatch=1"), false),
            ("api/v1/pods", None, false),
            ("api/v1/watch/namespaces/x/pods", None, true),
            ("api/v1/namespaces/x/pods/p/log", None, true),
            ("api/v1/namespaces/x/pods/p/exec", Some("command=ls"), true),
            ("api/v1/namespaces/log/pods/p", None, false),
        ] {
            let segments = segments(path);
            let resource = ResourcePath::of(&segments).unwrap();
            assert_eq!(resource.is_long_running(query), long, "{path} {query:?}");
        }
    }
}
