//! Kubeconfig files for kubectl and every other Kubernetes client.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proto::ClusterName;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::secret_yaml::{self, SecretYamlError};

/// How somebody proves to the gateway who he is.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    Certificate {
        certificate_pem: String,
        key_pem: SecretString,
    },
    Token(SecretString),
}

/// The two forms of a cluster's path at the gateway.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum PathForm {
    /// `/apis/cluster.core.oam.dev/v1alpha1/clustergateways/NAME/proxy`, as cluster-gateway has it.
    Aggregated,
    /// `/clusters/NAME`.
    #[default]
    Short,
}

/// The way to a hub: where it is, whom to trust, and a login.
#[derive(Clone, Debug)]
pub(crate) struct HubAccess {
    /// `https://host:port`, without a path.
    pub(crate) server: String,
    pub(crate) authority_pem: String,
    pub(crate) user: String,
    pub(crate) login: Login,
}

/// Why a kubeconfig cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KubeconfigError {
    #[error("it is no kubeconfig")]
    Form(#[source] SecretYamlError),
    #[error("{field} is not base64 of text")]
    Base64 { field: &'static str },
    #[error("its context {context:?} does not name {missing}")]
    Incomplete {
        context: String,
        missing: &'static str,
    },
    #[error("its server {0:?} is no https:// address")]
    Server(String),
    #[error("cannot write it")]
    Write(#[source] Box<serde_saphyr::SerializeError>),
}

#[derive(Deserialize, Serialize)]
struct File {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    contexts: Vec<NamedContext>,
    #[serde(rename = "current-context")]
    current_context: String,
}

#[derive(Deserialize, Serialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority_data: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
struct User {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_key_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize, Serialize)]
struct Context {
    cluster: String,
    user: String,
}

/// The name of the one context of a kubeconfig for the hub itself.
const HUB: &str = "hub";

impl HubAccess {
    /// A kubeconfig for the hub's own endpoints.
    pub(crate) fn for_hub(&self) -> Result<String, KubeconfigError> {
        self.render(vec![(HUB.to_owned(), String::new())])
    }

    /// A kubeconfig with a context for each of the clusters, the first one current.
    pub(crate) fn for_clusters(
        &self,
        clusters: &[ClusterName],
        form: PathForm,
    ) -> Result<String, KubeconfigError> {
        self.render(
            clusters
                .iter()
                .map(|name| (name.to_string(), form.path(name)))
                .collect(),
        )
    }

    /// Reads the current context of a kubeconfig that names everything in the
    /// file itself, as those written here do.
    pub(crate) fn parse(text: &str) -> Result<Self, KubeconfigError> {
        Self::parse_context(text, None)
    }

    /// Reads this context of a kubeconfig, or the current one; see [`Self::parse`].
    pub(crate) fn parse_context(text: &str, name: Option<&str>) -> Result<Self, KubeconfigError> {
        let file: File = secret_yaml::parse(text).map_err(KubeconfigError::Form)?;
        let name = name.unwrap_or(&file.current_context);
        let incomplete = |missing| {
            let context = name.to_owned();
            move || KubeconfigError::Incomplete { context, missing }
        };
        let context = &file.contexts.iter().find(|c| c.name == name);
        let context = &context
            .ok_or_else(incomplete("a context of the file"))?
            .context;
        let cluster = file.clusters.iter().find(|c| c.name == context.cluster);
        let cluster = &cluster.ok_or_else(incomplete("a cluster"))?.cluster;
        let user = file.users.iter().find(|u| u.name == context.user);
        let user = &user.ok_or_else(incomplete("a user"))?.user;
        let authority = cluster.certificate_authority_data.as_deref();
        let authority = authority.ok_or_else(incomplete("a certificate-authority-data"))?;
        Ok(Self {
            server: origin(&cluster.server)?,
            authority_pem: decode("certificate-authority-data", authority)?,
            user: context.user.clone(),
            login: user
                .login()?
                .ok_or_else(incomplete("a client certificate or token"))?,
        })
    }

    fn render(&self, entries: Vec<(String, String)>) -> Result<String, KubeconfigError> {
        let cluster = |(name, path): &(String, String)| NamedCluster {
            name: name.clone(),
            cluster: Cluster {
                server: format!("{}{path}", self.server),
                certificate_authority_data: Some(STANDARD.encode(&self.authority_pem)),
            },
        };
        let context = |(name, _): &(String, String)| NamedContext {
            name: name.clone(),
            context: Context {
                cluster: name.clone(),
                user: self.user.clone(),
            },
        };
        let user = User::new(&self.login);
        let file = File {
            api_version: "v1".to_owned(),
            kind: "Config".to_owned(),
            clusters: entries.iter().map(cluster).collect(),
            users: vec![NamedUser {
                name: self.user.clone(),
                user,
            }],
            contexts: entries.iter().map(context).collect(),
            current_context: entries
                .first()
                .map(|(name, _)| name.clone())
                .unwrap_or_default(),
        };
        let mut options = serde_saphyr::SerializerOptions::default();
        // Base64 on one line, as kubectl writes it.
        options.prefer_block_scalars = false;
        serde_saphyr::to_string_with_options(&file, options)
            .map_err(|e| KubeconfigError::Write(Box::new(e)))
    }
}

impl PathForm {
    /// The path under which the gateway serves the cluster's API.
    pub(crate) fn path(self, cluster: &ClusterName) -> String {
        match self {
            Self::Aggregated => {
                format!("/apis/cluster.core.oam.dev/v1alpha1/clustergateways/{cluster}/proxy")
            }
            Self::Short => format!("/clusters/{cluster}"),
        }
    }
}

impl User {
    fn new(login: &Login) -> Self {
        match login {
            Login::Certificate {
                certificate_pem,
                key_pem,
            } => Self {
                client_certificate_data: Some(STANDARD.encode(certificate_pem)),
                client_key_data: Some(STANDARD.encode(key_pem.expose_secret())),
                token: None,
            },
            Login::Token(token) => Self {
                token: Some(token.expose_secret().to_owned()),
                ..Self::default()
            },
        }
    }

    fn login(&self) -> Result<Option<Login>, KubeconfigError> {
        if let Some(token) = &self.token {
            return Ok(Some(Login::Token(SecretString::from(token.as_str()))));
        }
        let (Some(certificate), Some(key)) = (&self.client_certificate_data, &self.client_key_data)
        else {
            return Ok(None);
        };
        let certificate_pem = decode("client-certificate-data", certificate)?;
        let key_pem = decode("client-key-data", key)?.into();
        Ok(Some(Login::Certificate {
            certificate_pem,
            key_pem,
        }))
    }
}

fn decode(field: &'static str, text: &str) -> Result<String, KubeconfigError> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| KubeconfigError::Base64 { field })?;
    String::from_utf8(bytes).map_err(|_| KubeconfigError::Base64 { field })
}

/// Cuts a server's URL down to scheme, host and port.
fn origin(server: &str) -> Result<String, KubeconfigError> {
    let bad = || KubeconfigError::Server(server.to_owned());
    let uri: http::Uri = server.parse().map_err(|_| bad())?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("https"), Some(authority)) => Ok(format!("https://{authority}")),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(login: Login) -> HubAccess {
        HubAccess {
            server: "https://hub.example.org:8443".to_owned(),
            authority_pem: "the authority".to_owned(),
            user: "alice".to_owned(),
            login,
        }
    }

    fn clusters() -> [ClusterName; 2] {
        ["edge-1".parse().unwrap(), "edge-2".parse().unwrap()]
    }

    #[test]
    fn each_cluster_gets_a_context_in_either_form() {
        let access = access(Login::Token("secret".into()));
        let short = access.for_clusters(&clusters(), PathForm::Short).unwrap();
        assert!(
            short.contains("https://hub.example.org:8443/clusters/edge-2"),
            "{short}"
        );
        assert!(short.contains("current-context: edge-1"), "{short}");
        let long = access
            .for_clusters(&clusters(), PathForm::Aggregated)
            .unwrap();
        let path = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge-2/proxy";
        assert!(
            long.contains(&format!("https://hub.example.org:8443{path}")),
            "{long}"
        );
    }

    #[test]
    fn what_is_written_reads_back() {
        let certificate = Login::Certificate {
            certificate_pem: "certificate".to_owned(),
            key_pem: "key".into(),
        };
        let written = access(certificate)
            .for_clusters(&clusters(), PathForm::Short)
            .unwrap();
        let read = HubAccess::parse(&written).unwrap();
        assert_eq!(
            read.server, "https://hub.example.org:8443",
            "the path is left off"
        );
        assert_eq!(read.authority_pem, "the authority");
        let Login::Certificate {
            certificate_pem,
            key_pem,
        } = read.login
        else {
            panic!("no certificate");
        };
        assert_eq!(
            (certificate_pem.as_str(), key_pem.expose_secret()),
            ("certificate", "key")
        );
    }

    #[test]
    fn a_damaged_file_is_told_of_without_its_token() {
        let written = access(Login::Token("hush-hush".into())).for_hub().unwrap();
        for damaged in [
            "token: [hush-hush]",
            "token: \"hush-hush",
            "token: a\nhush-hush",
            "token: a\n      hush-hush: b",
        ] {
            let text = written.replace("token: hush-hush", damaged);
            let error = HubAccess::parse(&text).unwrap_err();
            let told = format!("{:#}", anyhow::Error::from(error));
            assert!(told.starts_with("it is no kubeconfig: "), "{told}");
            assert!(!told.contains("hush"), "{told}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let written = access(Login::Token("secret".into())).for_hub().unwrap();
        let missing = |from: &str, to: &str| {
            HubAccess::parse(&written.replace(from, to))
                .unwrap_err()
                .to_string()
        };
        assert!(missing("token:", "other:").contains("a client certificate or token"));
        assert!(missing("current-context: hub", "current-context: x").contains("a context"));
        assert!(missing("https://", "http://").contains("no https:// address"));
    }
}
