//! What a Kubernetes cluster that is the hub tells those who join: where agents
//! find the hub, and who verifies it. It is the ConfigMap `adit-hub` in
//! `kube-public`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
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
        let data = published.to_config_map().data.unwrap();
        assert_eq!(data[HUBS], "hub:1\n[2001:db8::1]:2");
        assert_eq!(data[AUTHORITIES], "certificates");
    }
}
