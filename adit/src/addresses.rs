//! The addresses a hub is reached at, kept for the commands beside it.

use proxy_agent::HubAddress;
use serde::{Deserialize, Serialize};

use crate::data_dir::{self, DataDir, DataDirError, Secrecy};

/// Where agents and users find the hub; at least one address, the first is
/// the one that kubeconfigs name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Addresses {
    advertised: Vec<HubAddress>,
    /// The name by which a Kubernetes cluster's API server finds it.
    in_cluster: Option<String>,
}

/// Why the hub's addresses are not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddressesError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("hub.json in the data directory is damaged; start the hub to write it anew")]
    Form(#[source] serde_json::Error),
    #[error("hub.json in the data directory names no hub; start the hub to write it anew")]
    NoAddress,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    advertise: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_cluster: Option<String>,
}

impl Addresses {
    /// `None` if there is no address.
    pub(crate) fn new(addresses: Vec<HubAddress>) -> Option<Self> {
        (!addresses.is_empty()).then_some(Self {
            advertised: addresses,
            in_cluster: None,
        })
    }

    /// The same, with the name by which a Kubernetes cluster's API server finds
    /// the hub.
    pub(crate) fn found_in_cluster_as(self, name: Option<String>) -> Self {
        Self {
            in_cluster: name,
            ..self
        }
    }

    pub(crate) fn all(&self) -> &[HubAddress] {
        &self.advertised
    }

    /// All names and addresses that the hub's certificate has to be good for.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        let advertised = self.advertised.iter().map(HubAddress::host);
        advertised.chain(self.in_cluster.as_deref())
    }

    /// The URL of the first address.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.advertised[0])
    }

    /// Reads what the hub has written at its last start.
    pub(crate) fn load(data: &DataDir) -> Result<Self, AddressesError> {
        let text = data_dir::read(&data.hub_file())?;
        let document: Document = serde_json::from_str(&text).map_err(AddressesError::Form)?;
        let addresses = document
            .advertise
            .iter()
            .filter_map(|address| address.parse().ok());
        let this = Self::new(addresses.collect()).ok_or(AddressesError::NoAddress)?;
        Ok(this.found_in_cluster_as(document.in_cluster))
    }

    /// Writes them for the commands that run beside the hub.
    pub(crate) fn save(&self, data: &DataDir) -> Result<(), AddressesError> {
        let document = Document {
            advertise: self.advertised.iter().map(ToString::to_string).collect(),
            in_cluster: self.in_cluster.clone(),
        };
        let text = serde_json::to_string_pretty(&document).map_err(AddressesError::Form)?;
        let path = data.hub_file();
        data_dir::write(&path, text.as_bytes(), Secrecy::Public)
            .map_err(|source| DataDirError::Write { path, source }.into())
    }
}
