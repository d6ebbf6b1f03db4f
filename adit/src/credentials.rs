//! The file an agent joins with: where its hub is, whom to trust, who it is.

use std::sync::Arc;
use std::time::SystemTime;

use proto::AgentIdentity;
use proxy_agent::{HubAccess, HubAddress, HubLogin};
use proxy_server::{AgentCertificate, CertificateError};
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use serde::{Deserialize, Serialize};

use crate::ca::{HUB_NAME, Issued};
use crate::secret_yaml::{self, SecretYamlError};

mod watch;

pub(crate) use watch::CredentialsFile;

/// An agent's credentials, read and found fit.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) hubs: Vec<HubAddress>,
    pub(crate) server_name: ServerName<'static>,
    pub(crate) certificate: AgentCertificate,
    /// Whoever signs hubs' certificates; at least one, at most [`MAX_AUTHORITIES`].
    authorities: Vec<CertificateDer<'static>>,
    leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// Why a file holds no credentials to join with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    #[error("it holds {0} certificate authorities; 1 to {MAX_AUTHORITIES} may be")]
    Authorities(usize),
    #[error("the agent's certificate is for {subject}, but the file says {claimed}")]
    AnotherAgent { claimed: String, subject: String },
    #[error("the {what} is no PEM {what}")]
    Pem {
        what: &'static str,
        source: pem::Error,
    },
    #[error("the agent's certificate cannot open a session")]
    Certificate(#[source] CertificateError),
    #[error("the certificate's time is over; issue another with `adit credentials {cluster}`")]
    Expired { cluster: String },
    #[error("it is no agent's credentials (a YAML document of kind {KIND})")]
    Form(#[source] SecretYamlError),
    #[error("its kind is {kind:?} of {api_version:?}; {KIND} of {API_VERSION} is needed")]
    Kind { api_version: String, kind: String },
    #[error("it names no hub")]
    NoHub,
    #[error("they are those of {found}, and this is {own}; start it anew to make it another")]
    NotOwn { found: String, own: String },
    #[error("the server's name {name:?} is no DNS name")]
    ServerName {
        name: String,
        source: InvalidDnsNameError,
    },
    #[error("the certificate and its key do not fit together")]
    Tls(#[source] rustls::Error),
    #[error("it is longer than {MAX_LENGTH} bytes, or no text")]
    Length,
    #[error("cannot read it")]
    Read(#[source] std::io::Error),
    #[error("cannot write it")]
    Write(#[source] Box<serde_saphyr::SerializeError>),
    #[error("the hub's address {address:?} is none")]
    Hub {
        address: String,
        source: proxy_agent::HubAddressError,
    },
}

const API_VERSION: &str = "adit/v1";
const KIND: &str = "AgentCredentials";
const MAX_AUTHORITIES: usize = 16;
/// Many times what such a file needs.
const MAX_LENGTH: u64 = 1 << 20;

/// The file as written.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: String,
    kind: String,
    cluster: String,
    agent: String,
    hubs: Vec<String>,
    #[serde(default = "hub_name")]
    server_name: String,
    certificate_authority: String,
    certificate: String,
    private_key: String,
}

/// Writes the credentials file of an agent; it holds a private key.
pub(crate) fn render(
    identity: &AgentIdentity,
    hubs: &[HubAddress],
    authorities_pem: &str,
    issued: &Issued,
) -> Result<String, CredentialsError> {
    let document = Document {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        cluster: identity.cluster.to_string(),
        agent: identity.agent.to_string(),
        hubs: hubs.iter().map(ToString::to_string).collect(),
        server_name: hub_name(),
        certificate_authority: authorities_pem.to_owned(),
        certificate: issued.certificate_pem.clone(),
        private_key: issued.expose_key().to_owned(),
    };
    serde_saphyr::to_string(&document).map_err(|e| CredentialsError::Write(Box::new(e)))
}

impl Credentials {
    /// Reads a credentials file and checks all that can be without the hub.
    pub(crate) fn parse(text: &str) -> Result<Self, CredentialsError> {
        let document: Document = secret_yaml::parse(text).map_err(CredentialsError::Form)?;
        if (document.api_version.as_str(), document.kind.as_str()) != (API_VERSION, KIND) {
            let Document {
                api_version, kind, ..
            } = document;
            return Err(CredentialsError::Kind { api_version, kind });
        }
        let hubs = hubs(&document.hubs)?;
        let authorities = authorities(&document.certificate_authority)?;
        let leaf = certificate("certificate", &document.certificate)?;
        let key =
            PrivateKeyDer::from_pem_slice(document.private_key.as_bytes()).map_err(|source| {
                CredentialsError::Pem {
                    what: "private key",
                    source,
                }
            })?;
        let server_name = ServerName::try_from(document.server_name.clone()).map_err(|source| {
            CredentialsError::ServerName {
                name: document.server_name,
                source,
            }
        })?;
        let certificate =
            AgentCertificate::from_der(&leaf).map_err(CredentialsError::Certificate)?;
        let claimed = format!("{}:{}", document.cluster, document.agent);
        check(&certificate, claimed)?;
        Ok(Self {
            hubs,
            server_name,
            certificate,
            authorities,
            leaf,
            key,
        })
    }

    /// The way to the hubs with these, for an agent that runs already.
    fn renewed_for(&self, identity: &AgentIdentity) -> Result<HubAccess, CredentialsError> {
        if self.certificate.identity != *identity {
            return Err(CredentialsError::NotOwn {
                found: spelt(&self.certificate.identity),
                own: spelt(identity),
            });
        }
        self.hub_access()
    }

    /// The way to the hubs with these.
    pub(crate) fn hub_access(&self) -> Result<HubAccess, CredentialsError> {
        Ok(HubAccess {
            hubs: self.hubs.clone(),
            tls: Arc::new(self.client_config()?),
            server_name: self.server_name.clone(),
            login: HubLogin::Certificate,
        })
    }

    /// TLS 1.3 towards the hub, both sides with certificates.
    pub(crate) fn client_config(&self) -> Result<rustls::ClientConfig, CredentialsError> {
        let mut roots = rustls::RootCertStore::empty();
        for authority in &self.authorities {
            roots
                .add(authority.clone())
                .map_err(CredentialsError::Tls)?;
        }
        rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![self.leaf.clone()], self.key.clone_key())
            .map_err(CredentialsError::Tls)
    }
}

fn check(certificate: &AgentCertificate, claimed: String) -> Result<(), CredentialsError> {
    let subject = spelt(&certificate.identity);
    if subject != claimed {
        return Err(CredentialsError::AnotherAgent { claimed, subject });
    }
    if certificate.not_after <= SystemTime::now() {
        return Err(CredentialsError::Expired {
            cluster: certificate.identity.cluster.to_string(),
        });
    }
    Ok(())
}

fn spelt(AgentIdentity { cluster, agent }: &AgentIdentity) -> String {
    format!("{cluster}:{agent}")
}

fn hubs(addresses: &[String]) -> Result<Vec<HubAddress>, CredentialsError> {
    if addresses.is_empty() {
        return Err(CredentialsError::NoHub);
    }
    let parse = |address: &String| {
        address.parse().map_err(|source| CredentialsError::Hub {
            address: address.clone(),
            source,
        })
    };
    addresses.iter().map(parse).collect()
}

fn authorities(text: &str) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
    let authorities = CertificateDer::pem_slice_iter(text.as_bytes());
    let authorities: Vec<_> =
        authorities
            .collect::<Result<_, _>>()
            .map_err(|source| CredentialsError::Pem {
                what: "certificate authority",
                source,
            })?;
    if authorities.is_empty() || authorities.len() > MAX_AUTHORITIES {
        return Err(CredentialsError::Authorities(authorities.len()));
    }
    Ok(authorities)
}

fn certificate(
    what: &'static str,
    text: &str,
) -> Result<CertificateDer<'static>, CredentialsError> {
    CertificateDer::from_pem_slice(text.as_bytes())
        .map_err(|source| CredentialsError::Pem { what, source })
}

fn hub_name() -> String {
    HUB_NAME.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::{Authority, Subject};
    use crate::lifetime::Lifetime;

    fn identity(agent: &str) -> AgentIdentity {
        AgentIdentity {
            cluster: "edge-1".parse().unwrap(),
            agent: agent.parse().unwrap(),
        }
    }

    fn written(claimed: &str, subject: &Subject) -> String {
        let (authority, _) = Authority::create("test authority").unwrap();
        let issued = authority
            .issue_client(subject, Lifetime::from_days(1))
            .unwrap();
        let hubs = [
            "hub.example.org:8443".parse().unwrap(),
            "[::1]:8443".parse().unwrap(),
        ];
        render(
            &identity(claimed),
            &hubs,
            authority.certificate_pem(),
            &issued,
        )
        .unwrap()
    }

    #[test]
    fn what_is_written_can_be_joined_with() {
        let text = written("agent-a", &Subject::Agent(identity("agent-a")));
        let credentials = Credentials::parse(&text).unwrap();
        assert_eq!(credentials.certificate.identity, identity("agent-a"));
        assert_eq!(credentials.hubs[0].to_string(), "hub.example.org:8443");
        assert_eq!(credentials.hubs[1].to_string(), "[::1]:8443");
        credentials.client_config().unwrap();
    }

    #[test]
    fn a_file_that_says_another_agent_than_its_certificate_is_refused() {
        let text = written("agent-b", &Subject::Agent(identity("agent-a")));
        let error = Credentials::parse(&text).unwrap_err();
        assert!(
            matches!(error, CredentialsError::AnotherAgent { .. }),
            "{error}"
        );
    }

    #[test]
    fn a_users_certificate_is_refused() {
        let error = Credentials::parse(&written("agent-a", &Subject::administrator())).unwrap_err();
        assert!(matches!(error, CredentialsError::Certificate(_)), "{error}");
    }

    #[test]
    fn a_kubeconfig_given_by_mistake_is_named_as_such() {
        let error = Credentials::parse("apiVersion: v1\nkind: Config\n").unwrap_err();
        assert!(matches!(error, CredentialsError::Form(_)), "{error}");
    }

    /// An error as the user reads it, with its causes.
    fn told(text: &str) -> String {
        let error = Credentials::parse(text).unwrap_err();
        format!("{:#}", anyhow::Error::from(error))
    }

    #[test]
    fn a_damaged_file_is_told_of_without_its_private_key() {
        let text = written("agent-a", &Subject::Agent(identity("agent-a")));
        let begin = text.find("BEGIN PRIVATE KEY").unwrap();
        let key = &text[begin..];
        let secret = key.lines().nth(1).unwrap().trim();
        assert!(secret.len() > 40, "{key}");
        let lines = |change: &dyn Fn(&str) -> String| {
            let changed = key.lines().map(change).collect::<Vec<_>>().join("\n");
            format!("{}{changed}", &text[..begin])
        };
        let damaged = [
            lines(&|line| line.trim().to_owned()),
            lines(&|line| line.replace("  ", " ")),
            text.replace("privateKey: |", "privateKey:"),
            text.replace("privateKey:", "privateKeys:"),
            text.replace("BEGIN PRIVATE KEY", "BEGIN"),
        ];
        for text in damaged {
            let told = told(&text);
            assert!(!told.contains(&secret[..16]), "{told}");
        }
    }

    #[test]
    fn a_part_that_is_cut_off_is_named() {
        let text = written("agent-a", &Subject::Agent(identity("agent-a")));
        let cut = text.replace("BEGIN PRIVATE KEY", "BEGIN");
        let error = Credentials::parse(&cut).unwrap_err();
        assert!(
            matches!(
                error,
                CredentialsError::Pem {
                    what: "private key",
                    ..
                }
            ),
            "{error}"
        );
    }
}
