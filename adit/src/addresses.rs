//! The addresses a hub is reached at, kept for the commands beside it.

use proxy_agent::HubAddress;
use serde::{Deserialize, Serialize};

use crate::data_dir::{self, DataDir, DataDirError, Secrecy};

/// Where agents and users find the hub; at least one address, the first is
/// the one that kubeconfigs name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Addresses(Vec<HubAddress>);

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
struct Document {
    advertise: Vec<String>,
}

impl Addresses {
    /// `None` if there is no address.
    pub(crate) fn new(addresses: Vec<HubAddress>) -> Option<Self> {
        (!addresses.is_empty()).then_some(Self(addresses))
    }

    pub(crate) fn all(&self) -> &[HubAddress] {
        &self.0
    }

    /// The URL of the first address.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.0[0])
    }

    /// Reads what the hub has written at its last start.
    pub(crate) fn load(data: &DataDir) -> Result<Self, AddressesError> {
        let text = data_dir::read(&data.hub_file())?;
        let document: Document = serde_json::from_str(&text).map_err(AddressesError::Form)?;
        let addresses = document
            .advertise
            .iter()
            .filter_map(|address| address.parse().ok());
        Self::new(addresses.collect()).ok_or(AddressesError::NoAddress)
    }

    /// Writes them for the commands that run beside the hub.
    pub(crate) fn save(&self, data: &DataDir) -> Result<(), AddressesError> {
        let document = Document {
            advertise: self.0.iter().map(ToString::to_string).collect(),
        };
        let text = serde_json::to_string_pretty(&document).map_err(AddressesError::Form)?;
        let path = data.hub_file();
        data_dir::write(&path, text.as_bytes(), Secrecy::Public)
            .map_err(|source| DataDirError::Write { path, source }.into())
    }
}
