//! What an agent shows the hub, and what is kept of it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use proto::{AgentIdentity, AgentName, ClusterName};
use secrecy::{ExposeSecret as _, SecretString};

use super::HubEndpoint;

/// What an agent shows the hub it has joined.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Whom it speaks for.
    pub identity: AgentIdentity,
    /// Where it is good.
    pub endpoint: HubEndpoint,
    /// What shows it.
    pub proof: Proof,
    /// Since when it is good.
    pub not_before: SystemTime,
    /// Until when it is good.
    pub not_after: SystemTime,
}

/// What shows who an agent is.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A certificate.
    Certificate {
        /// It, PEM.
        certificate_pem: String,
        /// Its private key, PKCS #8 in PEM.
        key_pem: SecretString,
    },
    /// A token of a service account on the hub.
    Token {
        /// It.
        token: SecretString,
        /// The secret with which the cluster was accepted.
        claim: SecretString,
    },
}

/// What a store keeps for an agent. Any part may be missing, or be another
/// agent's: it is checked before it is used.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The cluster's name.
    pub cluster: Option<ClusterName>,
    /// The agent's name.
    pub agent: Option<AgentName>,
    /// The hub it has joined.
    pub endpoint: Option<HubEndpoint>,
    /// The certificate, PEM.
    pub certificate_pem: Option<String>,
    /// Its private key, PKCS #8 in PEM.
    pub key_pem: Option<SecretString>,
    /// The token, of an agent that registers by token.
    pub token: Option<SecretString>,
    /// The secret by which such an agent gets its first token.
    pub claim: Option<SecretString>,
}

/// The keys of `hub-kubeconfig-secret`, and the names of a folder's files.
pub(super) const CERTIFICATE: &str = "tls.crt";
pub(super) const KEY: &str = "tls.key";
pub(super) const KUBECONFIG: &str = "kubeconfig";
pub(super) const CLUSTER_NAME: &str = "cluster-name";
pub(super) const AGENT_NAME: &str = "agent-name";
pub(super) const TOKEN: &str = "token";
pub(super) const CLAIM: &str = "token-claim";
pub(super) const ALL_KEYS: [&str; 7] = [
    CERTIFICATE,
    KEY,
    KUBECONFIG,
    CLUSTER_NAME,
    AGENT_NAME,
    TOKEN,
    CLAIM,
];

impl Credential {
    pub(super) fn to_stored(&self) -> Stored {
        let stored = Stored {
            endpoint: Some(self.endpoint.clone()),
            ..Stored::names(&self.identity)
        };
        match self.proof.clone() {
            Proof::Certificate {
                certificate_pem,
                key_pem,
            } => Stored {
                certificate_pem: Some(certificate_pem),
                key_pem: Some(key_pem),
                ..stored
            },
            Proof::Token { token, claim } => Stored {
                token: Some(token),
                claim: Some(claim),
                ..stored
            },
        }
    }
}

impl Stored {
    /// Names alone, before there is a credential.
    pub(super) fn names(identity: &AgentIdentity) -> Self {
        Self {
            cluster: Some(identity.cluster.clone()),
            agent: Some(identity.agent.clone()),
            ..Self::default()
        }
    }

    /// Takes what can be read; the rest is as if it were not there, and the
    /// agent makes it anew.
    pub(super) fn from_data(data: impl Fn(&str) -> Option<Vec<u8>>) -> Self {
        let text = |key| String::from_utf8(data(key)?).ok();
        let trimmed = |key| Some(text(key)?.trim().to_owned());
        Self {
            cluster: trimmed(CLUSTER_NAME).and_then(|name| name.parse().ok()),
            agent: trimmed(AGENT_NAME).and_then(|name| name.parse().ok()),
            endpoint: text(KUBECONFIG).and_then(|text| HubEndpoint::from_kubeconfig(&text).ok()),
            certificate_pem: text(CERTIFICATE),
            key_pem: text(KEY).map(SecretString::from),
            token: trimmed(TOKEN).map(SecretString::from),
            claim: trimmed(CLAIM).map(SecretString::from),
        }
    }

    /// What is there, by its key. It holds the private key.
    pub(super) fn to_data(
        &self,
    ) -> Result<BTreeMap<&'static str, Vec<u8>>, serde_saphyr::SerializeError> {
        let endpoint = self.endpoint.as_ref();
        let by_token = self.token.is_some();
        let kubeconfig = endpoint.map(|endpoint| endpoint.kubeconfig(by_token));
        let kubeconfig = kubeconfig.transpose()?;
        let exposed = |secret: &Option<SecretString>| {
            let secret = secret.as_ref();
            secret.map(|secret| secret.expose_secret().to_owned())
        };
        let parts = [
            (CLUSTER_NAME, self.cluster.as_ref().map(ToString::to_string)),
            (AGENT_NAME, self.agent.as_ref().map(ToString::to_string)),
            (CERTIFICATE, self.certificate_pem.clone()),
            (KEY, exposed(&self.key_pem)),
            (TOKEN, exposed(&self.token)),
            (CLAIM, exposed(&self.claim)),
            (KUBECONFIG, kubeconfig),
        ];
        let parts = parts.into_iter();
        Ok(parts
            .filter_map(|(key, value)| Some((key, value?.into_bytes())))
            .collect())
    }
}
