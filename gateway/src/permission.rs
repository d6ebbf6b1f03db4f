//! What users need to be allowed, as roles on the hub name it.

use http::Method;
use proto::ClusterName;

use crate::{DialTarget, ServiceTarget};

/// The API group of what roles are about, as cluster-gateway has it.
pub(crate) const GROUP: &str = "cluster.core.oam.dev";
/// The version in which it is asked for.
pub(crate) const VERSION: &str = "v1alpha1";
/// The resource that stands for managed clusters.
pub(crate) const RESOURCE: &str = "clustergateways";

/// A permission on the hub to reach something in a managed cluster.
///
/// Its resource is `clustergateways` of the group `cluster.core.oam.dev`, with a
/// subresource. Its name is the cluster's, and where there is a target a role may also
/// name that alone, as `CLUSTER:HOST:PORT`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permission {
    /// The verb, as Kubernetes derives it from a request's method; empty for
    /// methods that it knows no verb for, which only `*` allows.
    pub verb: &'static str,
    /// What is reached.
    pub subresource: Subresource,
    /// The managed cluster.
    pub cluster: ClusterName,
    /// What is reached there, `HOST:PORT`, if it is not the API server.
    pub target: Option<String>,
}

/// What is reached of a cluster, as roles tell it apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Subresource {
    /// `connect`: a TCP connection, whose verb is always `create`.
    Connect,
    /// `proxy`: the cluster's API server, which decides by the user's rights there
    /// what a request does.
    Proxy,
    /// `proxy-service`: HTTP to a Service, which knows nothing of the user's rights.
    ProxyService,
}

impl Permission {
    /// To open a TCP connection to a target.
    pub(crate) fn connect(cluster: &ClusterName, target: &DialTarget) -> Self {
        Self {
            verb: "create",
            subresource: Subresource::Connect,
            cluster: cluster.clone(),
            target: Some(target.to_string()),
        }
    }

    /// To send a request to the cluster's API server.
    pub(crate) fn proxy(cluster: &ClusterName, method: &Method) -> Self {
        Self {
            verb: verb(method),
            subresource: Subresource::Proxy,
            cluster: cluster.clone(),
            target: None,
        }
    }

    /// To send a request to a Service.
    pub(crate) fn proxy_service(
        cluster: &ClusterName,
        service: &ServiceTarget,
        method: &Method,
    ) -> Self {
        Self {
            verb: verb(method),
            subresource: Subresource::ProxyService,
            cluster: cluster.clone(),
            target: Some(service.to_string()),
        }
    }

    /// The names by which a role may allow it, the widest first; any one does.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let cluster = &self.cluster;
        let narrow = self.target.as_ref();
        let narrow = narrow.map(|target| format!("{cluster}:{target}"));
        std::iter::once(cluster.to_string()).chain(narrow)
    }
}

impl Subresource {
    /// As it stands behind the resource in a role.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::ProxyService => "proxy-service",
        }
    }
}

/// What Kubernetes calls a request for one object, or a subresource of it.
fn verb(method: &Method) -> &'static str {
    match *method {
        Method::DELETE => "delete",
        Method::GET | Method::HEAD => "get",
        Method::PATCH => "patch",
        Method::POST => "create",
        Method::PUT => "update",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_verb_that_kubernetes_gives_its_method() {
        let cluster = "edge-7".parse().unwrap();
        for (method, verb) in [
            (Method::DELETE, "delete"),
            (Method::GET, "get"),
            (Method::HEAD, "get"),
            (Method::OPTIONS, ""),
            (Method::PATCH, "patch"),
            (Method::POST, "create"),
            (Method::PUT, "update"),
        ] {
            assert_eq!(Permission::proxy(&cluster, &method).verb, verb, "{method}");
        }
    }

    #[test]
    fn a_role_names_the_cluster_or_a_target_in_it() {
        let cluster = "edge-7".parse().unwrap();
        let names = |permission: Permission| permission.names().collect::<Vec<_>>();
        assert_eq!(names(Permission::proxy(&cluster, &Method::GET)), ["edge-7"]);
        let target = "Web.Shop.svc.cluster.local:80".parse().unwrap();
        assert_eq!(
            names(Permission::connect(&cluster, &target)),
            ["edge-7", "edge-7:web.shop.svc:80"]
        );
        let target = "[2001:DB8::7]:443".parse().unwrap();
        assert_eq!(
            names(Permission::connect(&cluster, &target)),
            ["edge-7", "edge-7:[2001:db8::7]:443"]
        );
        let service = ServiceTarget::parse("shop", "web:metrics").unwrap();
        assert_eq!(
            names(Permission::proxy_service(&cluster, &service, &Method::GET)),
            ["edge-7", "edge-7:web.shop.svc:metrics"]
        );
    }
}
