//! Where a hub is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, KubeconfigError, NamedAuthInfo, NamedCluster,
    NamedContext,
};

/// Where a hub is and whom to trust there: the cluster stanza of a kubeconfig.
///
/// A credential is good for the hub it was got from. If any of this changes,
/// the agent joins anew.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HubEndpoint {
    /// What the stanza is called.
    pub cluster: String,
    /// The URL of the hub's API server.
    pub server: String,
    /// The authorities that the hub is trusted by, PEM; none is the system's.
    pub certificate_authority: Option<String>,
    /// Through what it is reached.
    pub proxy_url: Option<String>,
    /// The name in the hub's certificate, if it is not in the URL.
    pub tls_server_name: Option<String>,
}

/// Why a kubeconfig does not say where a hub is.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The authorities are not base64 of a text.
    #[error("the kubeconfig's certificate-authority-data is not PEM in base64")]
    Authority,
    /// The authorities' file cannot be read.
    #[error("the kubeconfig's certificate authority {path} cannot be read")]
    AuthorityFile {
        /// As it is named there.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It is no kubeconfig.
    #[error("this is no kubeconfig")]
    Form(#[source] KubeconfigError),
    /// It has no current context, or that names nothing.
    #[error("the kubeconfig's current context names no cluster with a server")]
    NoCluster,
}

impl HubEndpoint {
    /// Reads the current context's cluster.
    ///
    /// # Errors
    /// If there is none, or its authorities cannot be read.
    pub fn from_kubeconfig(text: &str) -> Result<Self, EndpointError> {
        Self::of(&Kubeconfig::from_yaml(text).map_err(EndpointError::Form)?)
    }

    /// The current context's cluster.
    ///
    /// # Errors
    /// As for [`Self::from_kubeconfig`].
    pub fn of(config: &Kubeconfig) -> Result<Self, EndpointError> {
        let current = config.current_context.as_deref();
        let context = config.contexts.iter();
        let context = context.filter(|of| Some(of.name.as_str()) == current);
        let name = context.filter_map(|of| of.context.as_ref()).next();
        let name = name.ok_or(EndpointError::NoCluster)?.cluster.as_str();
        let cluster = config.clusters.iter().find(|of| of.name == name);
        let cluster = cluster.and_then(|of| of.cluster.as_ref());
        let cluster = cluster.ok_or(EndpointError::NoCluster)?;
        let server = cluster.server.clone().ok_or(EndpointError::NoCluster)?;
        Ok(Self {
            cluster: name.to_owned(),
            server,
            certificate_authority: authority(cluster)?,
            proxy_url: cluster.proxy_url.clone(),
            tls_server_name: cluster.tls_server_name.clone(),
        })
    }

    /// The kubeconfig of an agent, which has its certificate and key, or its
    /// token, in files beside it.
    ///
    /// # Errors
    /// If it cannot be written as YAML.
    pub(super) fn kubeconfig(
        &self,
        by_token: bool,
    ) -> Result<String, serde_saphyr::SerializeError> {
        let authority = self.certificate_authority.as_ref();
        let cluster = Cluster {
            server: Some(self.server.clone()),
            certificate_authority_data: authority.map(|pem| BASE64.encode(pem)),
            proxy_url: self.proxy_url.clone(),
            tls_server_name: self.tls_server_name.clone(),
            ..Cluster::default()
        };
        let user = if by_token {
            AuthInfo {
                token_file: Some(super::credential::TOKEN.to_owned()),
                ..AuthInfo::default()
            }
        } else {
            AuthInfo {
                client_certificate: Some(super::credential::CERTIFICATE.to_owned()),
                client_key: Some(super::credential::KEY.to_owned()),
                ..AuthInfo::default()
            }
        };
        let context = Context {
            cluster: self.cluster.clone(),
            user: Some(USER.to_owned()),
            namespace: Some("configuration".to_owned()),
            ..Context::default()
        };
        serde_saphyr::to_string(&Kubeconfig {
            api_version: Some("v1".to_owned()),
            kind: Some("Config".to_owned()),
            clusters: vec![NamedCluster {
                name: self.cluster.clone(),
                cluster: Some(cluster),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: USER.to_owned(),
                auth_info: Some(user),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: CONTEXT.to_owned(),
                context: Some(context),
                ..NamedContext::default()
            }],
            current_context: Some(CONTEXT.to_owned()),
            ..Kubeconfig::default()
        })
    }

    /// What is not the same there, for people.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        let trimmed = |pem: &Option<String>| pem.as_deref().map(|pem| pem.trim().to_owned());
        let authority = trimmed(&self.certificate_authority);
        [
            (self.server == other.server, "address"),
            (self.proxy_url == other.proxy_url, "proxy"),
            (
                authority == trimmed(&other.certificate_authority),
                "certificate authority",
            ),
            (self.tls_server_name == other.tls_server_name, "server name"),
            (self.cluster == other.cluster, "name in the kubeconfig"),
        ]
        .into_iter()
        .find_map(|(same, what)| (!same).then_some(what))
    }
}

fn authority(cluster: &Cluster) -> Result<Option<String>, EndpointError> {
    if let Some(data) = &cluster.certificate_authority_data {
        let pem = BASE64.decode(data.trim());
        let pem = pem.map_err(|_| EndpointError::Authority)?;
        let pem = String::from_utf8(pem).map_err(|_| EndpointError::Authority)?;
        return Ok(Some(pem));
    }
    let Some(path) = &cluster.certificate_authority else {
        return Ok(None);
    };
    let pem = std::fs::read_to_string(path);
    let pem = pem.map_err(|source| EndpointError::AuthorityFile {
        path: path.clone(),
        source,
    })?;
    Ok(Some(pem))
}

const CONTEXT: &str = "default-context";
const USER: &str = "default-auth";

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> HubEndpoint {
        HubEndpoint {
            cluster: "hub".to_owned(),
            server: "https://hub.example:8443".to_owned(),
            certificate_authority: Some("-----BEGIN CERTIFICATE-----\n".to_owned()),
            proxy_url: Some("http://proxy.example:3128".to_owned()),
            tls_server_name: Some("adit-hub".to_owned()),
        }
    }

    /// Rule 1.3, step 7; 6.4.
    #[test]
    fn the_agents_kubeconfig_has_the_bootstraps_cluster_with_its_proxy() {
        let text = endpoint().kubeconfig(false).unwrap();
        assert_eq!(HubEndpoint::from_kubeconfig(&text).unwrap(), endpoint());
        let config = Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(config.current_context.as_deref(), Some("default-context"));
        assert_eq!(config.auth_infos[0].name, "default-auth");
        let user = config.auth_infos[0].auth_info.as_ref().unwrap();
        assert_eq!(user.client_certificate.as_deref(), Some("tls.crt"));
        assert_eq!(user.client_key.as_deref(), Some("tls.key"));
        let context = config.contexts[0].context.as_ref().unwrap();
        assert_eq!(context.namespace.as_deref(), Some("configuration"));
    }

    /// Rule 1.3, the last lines.
    #[test]
    fn every_part_of_where_a_hub_is_counts() {
        let own = endpoint();
        assert_eq!(own.difference(&endpoint()), None);
        let other = |change: fn(&mut HubEndpoint)| {
            let mut other = endpoint();
            change(&mut other);
            own.difference(&other)
        };
        assert_eq!(other(|of| of.server.push('/')), Some("address"));
        assert_eq!(other(|of| of.proxy_url = None), Some("proxy"));
        assert_eq!(
            other(|of| of.certificate_authority = None),
            Some("certificate authority")
        );
        assert_eq!(other(|of| of.tls_server_name = None), Some("server name"));
        assert_eq!(
            other(|of| of.cluster.push('2')),
            Some("name in the kubeconfig")
        );
    }

    #[test]
    fn a_kubeconfig_that_names_no_hub_is_refused() {
        assert!(HubEndpoint::from_kubeconfig("apiVersion: v1\nkind: Config\n").is_err());
        assert!(HubEndpoint::from_kubeconfig("]").is_err());
    }
}
