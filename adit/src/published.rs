//! What a Kubernetes cluster that is the hub tells those who join: where agents
//! find the hub, and who verifies it. It is the ConfigMap `adit-hub` in
//! `kube-public`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
use kube::{Api, Client};
use proxy_agent::HubAddress;

/// What it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Published {
    /// At least one.
    pub(crate) hubs: Vec<HubAddress>,
    /// The certificates of the hub's authorities, PEM.
    pub(crate) authorities_pem: String,
}

pub(crate) const NAMESPACE: &str = "kube-public";
pub(crate) const NAME: &str = "adit-hub";
const AUTHORITIES: &str = "ca.crt";
/// One a line.
const HUBS: &str = "hubs";

impl Published {
    /// Reads it in a cluster that is a hub.
    pub(crate) async fn read(client: &Client) -> anyhow::Result<Self> {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
        let map = maps.get_opt(NAME).await;
        let map = map.context("the hub does not tell where agents find it")?;
        let map = map.context(
            "no hub tells there where agents find it (ConfigMap adit-hub in kube-public): has \
             `adit hub --kubeconfig` been started for that cluster? A hub that is none is asked \
             with --data-dir",
        )?;
        Self::from_config_map(map).context("the ConfigMap adit-hub in kube-public makes no sense")
    }

    fn from_config_map(map: ConfigMap) -> Option<Self> {
        let mut data = map.data?;
        let hubs = data.remove(HUBS)?;
        let hubs: Result<Vec<HubAddress>, _> = hubs.lines().map(str::parse).collect();
        let this = Self {
            hubs: hubs.ok()?,
            authorities_pem: data.remove(AUTHORITIES)?,
        };
        (!this.hubs.is_empty()).then_some(this)
    }

    pub(crate) fn to_config_map(&self) -> ConfigMap {
        let hubs: Vec<String> = self.hubs.iter().map(ToString::to_string).collect();
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                namespace: Some(NAMESPACE.to_owned()),
                ..ObjectMeta::default()
            },
            data: Some(BTreeMap::from([
                (AUTHORITIES.to_owned(), self.authorities_pem.clone()),
                (HUBS.to_owned(), hubs.join("\n")),
            ])),
            ..ConfigMap::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_stand_one_a_line() {
        let published = Published {
            hubs: vec!["hub:1".parse().unwrap(), "[2001:db8::1]:2".parse().unwrap()],
            authorities_pem: "certificates".to_owned(),
        };
        let map = published.to_config_map();
        assert_eq!(Published::from_config_map(map.clone()), Some(published));
        let data = map.data.unwrap();
        assert_eq!(data[HUBS], "hub:1\n[2001:db8::1]:2");
        assert_eq!(data[AUTHORITIES], "certificates");
    }
}
