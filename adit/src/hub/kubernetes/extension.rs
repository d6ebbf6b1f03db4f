//! Whom the cluster's API server trusts, as it tells those that extend it.

use std::sync::Arc;

use futures_util::StreamExt as _;
use gateway::FrontProxies;
use http::HeaderName;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};
use tokio::sync::watch;

use crate::hub::trust::{ClientTrust, OfCluster, TrustError};

/// Keeps the hub's trust like the ConfigMap `extension-apiserver-authentication`.
pub(super) struct Extension {
    maps: Api<ConfigMap>,
    trust: Arc<ClientTrust>,
    front_proxies: watch::Sender<Option<Arc<FrontProxies>>>,
}

/// Why the cluster does not say whom it trusts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExtensionError {
    #[error(
        "the ConfigMap {NAME} in kube-system cannot be read; the Role \
         extension-apiserver-authentication-reader there allows it"
    )]
    Read(#[source] kube::Error),
    #[error("there is no ConfigMap {NAME} in kube-system: is this a kube-apiserver?")]
    Absent,
    #[error(
        "the aggregation layer of this Kubernetes cluster is off: {key} is missing in the \
         ConfigMap {NAME} in kube-system; kube-apiserver is to be started with \
         --requestheader-client-ca-file, --requestheader-username-headers, \
         --requestheader-group-headers, --proxy-client-cert-file and --proxy-client-key-file"
    )]
    NoAggregation { key: &'static str },
    #[error("{key} in the ConfigMap {NAME} in kube-system is no list of texts")]
    List { key: &'static str },
    #[error("{key} in the ConfigMap {NAME} in kube-system holds {name:?}, which names no header")]
    Header { key: &'static str, name: String },
    #[error("{key} in the ConfigMap {NAME} in kube-system holds no certificates")]
    Certificates {
        key: &'static str,
        source: Option<pem::Error>,
    },
    #[error("the authorities of the cluster cannot be trusted")]
    Trust(#[from] TrustError),
}

/// What the ConfigMap says.
#[derive(Debug)]
struct Told {
    of_cluster: OfCluster,
    front_proxies: FrontProxies,
}

const NAME: &str = "extension-apiserver-authentication";
const NAMESPACE: &str = "kube-system";
const CLIENTS: &str = "client-ca-file";
const PROXIES: &str = "requestheader-client-ca-file";
const NAMES: &str = "requestheader-allowed-names";
const USER: &str = "requestheader-username-headers";
const UID: &str = "requestheader-uid-headers";
const GROUPS: &str = "requestheader-group-headers";
const EXTRA: &str = "requestheader-extra-headers-prefix";
/// Authorities in each of the two lists. A handshake may have to try them all.
const MAX: usize = 64;

impl Extension {
    /// Reads it, and trusts whom it names.
    pub(super) async fn start(
        client: Client,
        trust: Arc<ClientTrust>,
    ) -> Result<Self, ExtensionError> {
        let maps: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
        let map = maps.get_opt(NAME).await.map_err(ExtensionError::Read)?;
        let told = Told::read(&map.ok_or(ExtensionError::Absent)?)?;
        trust.replace_of_cluster(told.of_cluster)?;
        Ok(Self {
            maps,
            trust,
            front_proxies: watch::Sender::new(Some(Arc::new(told.front_proxies))),
        })
    }

    pub(super) fn front_proxies(&self) -> watch::Receiver<Option<Arc<FrontProxies>>> {
        self.front_proxies.subscribe()
    }

    /// Follows it until it is dropped. What makes no sense is logged, and what
    /// was last good stays.
    pub(super) async fn follow(&self) {
        let config = Config::default().fields(&format!("metadata.name={NAME}"));
        let mut events = watcher(self.maps.clone(), config).default_backoff().boxed();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Apply(map) | Event::InitApply(map)) => self.take(&map),
                Ok(Event::Delete(_)) => {
                    tracing::error!("{NAME} is gone; whom it named stays trusted");
                }
                Ok(Event::Init | Event::InitDone) => {}
                Err(error) => tracing::warn!(%error, "{NAME} cannot be followed"),
            }
        }
    }

    fn take(&self, map: &ConfigMap) {
        let taken = Told::read(map).and_then(|told| {
            // The authorities first: the rules of others are of no use with those.
            self.trust.replace_of_cluster(told.of_cluster)?;
            Ok(told.front_proxies)
        });
        match taken {
            Ok(front_proxies) => {
                self.front_proxies.send_if_modified(|now| {
                    let news = now.as_deref() != Some(&front_proxies);
                    if news {
                        *now = Some(Arc::new(front_proxies));
                    }
                    news
                });
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "whom the cluster trusts stays as it was");
            }
        }
    }
}

impl Told {
    fn read(map: &ConfigMap) -> Result<Self, ExtensionError> {
        let user = headers(map, USER)?;
        if user.is_empty() {
            return Err(ExtensionError::NoAggregation { key: USER });
        }
        let of_cluster = OfCluster {
            users: certificates(map, CLIENTS)?.unwrap_or_default(),
            front_proxies: certificates(map, PROXIES)?
                .ok_or(ExtensionError::NoAggregation { key: PROXIES })?,
        };
        let prefixes = texts(map, EXTRA)?.into_iter();
        let prefixes = prefixes.map(|prefix| prefix.to_ascii_lowercase());
        Ok(Self {
            of_cluster,
            front_proxies: FrontProxies {
                names: texts(map, NAMES)?,
                user,
                groups: headers(map, GROUPS)?,
                others: headers(map, UID)?,
                // An empty one would be the beginning of every name.
                prefixes: prefixes.filter(|prefix| !prefix.is_empty()).collect(),
            },
        })
    }
}

fn value<'a>(map: &'a ConfigMap, key: &str) -> Option<&'a str> {
    let value = map.data.as_ref()?.get(key)?;
    (!value.trim().is_empty()).then_some(value)
}

/// A list in JSON; an absent one is empty.
fn texts(map: &ConfigMap, key: &'static str) -> Result<Vec<String>, ExtensionError> {
    let Some(text) = value(map, key) else {
        return Ok(Vec::new());
    };
    serde_json::from_str(text).map_err(|_| ExtensionError::List { key })
}

fn headers(map: &ConfigMap, key: &'static str) -> Result<Vec<HeaderName>, ExtensionError> {
    let names = texts(map, key)?.into_iter();
    names
        .map(|name| {
            let header = name.parse();
            header.map_err(|_| ExtensionError::Header { key, name })
        })
        .collect()
}

/// Certificates in PEM; `None` if there is no such key.
fn certificates(
    map: &ConfigMap,
    key: &'static str,
) -> Result<Option<Vec<CertificateDer<'static>>>, ExtensionError> {
    let Some(text) = value(map, key) else {
        return Ok(None);
    };
    let failed = |source| ExtensionError::Certificates { key, source };
    let read = CertificateDer::pem_slice_iter(text.as_bytes()).take(MAX);
    let read: Vec<_> = read
        .collect::<Result<_, _>>()
        .map_err(|error| failed(Some(error)))?;
    if read.is_empty() {
        return Err(failed(None));
    }
    Ok(Some(read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::Authority;

    fn map(lines: &[(&str, &str)]) -> ConfigMap {
        let data = lines.iter();
        let data = data.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        ConfigMap {
            data: Some(data.collect()),
            ..ConfigMap::default()
        }
    }

    #[test]
    fn a_whole_map_says_whom_to_trust_for_what() {
        let (authority, _) = Authority::create("one").unwrap();
        let (proxies, _) = Authority::create("another").unwrap();
        let told = Told::read(&map(&[
            (CLIENTS, authority.certificate_pem()),
            (PROXIES, proxies.certificate_pem()),
            (NAMES, r#"["front-proxy-client"]"#),
            (USER, r#"["X-Remote-User"]"#),
            (GROUPS, r#"["X-Remote-Group"]"#),
            (EXTRA, r#"["X-Remote-Extra-"]"#),
            (UID, r#"["X-Remote-Uid"]"#),
        ]))
        .unwrap();
        assert_eq!(told.of_cluster.users, [authority.certificate().clone()]);
        assert_eq!(
            told.of_cluster.front_proxies,
            [proxies.certificate().clone()]
        );
        assert_eq!(told.front_proxies.names, ["front-proxy-client"]);
        assert_eq!(told.front_proxies.user, ["x-remote-user"]);
        assert_eq!(told.front_proxies.prefixes, ["x-remote-extra-"]);
    }

    #[test]
    fn without_its_aggregation_layer_a_cluster_is_no_hub() {
        let (authority, _) = Authority::create("one").unwrap();
        let pem = authority.certificate_pem();
        for lines in [
            &[(CLIENTS, pem)][..],
            &[(CLIENTS, pem), (PROXIES, pem)],
            &[(CLIENTS, pem), (USER, r#"["X-Remote-User"]"#)],
        ] {
            let error = Told::read(&map(lines)).unwrap_err();
            assert!(error.to_string().contains("aggregation layer"), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let (authority, _) = Authority::create("one").unwrap();
        let pem = authority.certificate_pem();
        for (key, text) in [
            (NAMES, "front-proxy-client"),
            (USER, r#"["X Remote User"]"#),
            (PROXIES, "nonsense"),
        ] {
            let mut all = vec![(PROXIES, pem), (USER, r#"["X-Remote-User"]"#)];
            all.retain(|(of, _)| *of != key);
            all.push((key, text));
            let error = Told::read(&map(&all)).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
