use std::collections::BTreeMap;
use std::fmt;

use futures_util::future::BoxFuture;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::{Api, Client};

use super::{CredentialStore, StoreError};
use crate::agent::credential::{ALL_KEYS, Stored};
use crate::agent::refusal::is_code;

/// A credential in a Secret of the managed cluster, as Open Cluster
/// Management's agents have it.
#[derive(Clone)]
pub struct CredentialSecret {
    secrets: Api<Secret>,
    namespace: String,
    name: String,
}

impl CredentialSecret {
    /// Open Cluster Management's name for it.
    pub const NAME: &str = "hub-kubeconfig-secret";

    /// A store in the Secret [`Self::NAME`] of that namespace, which is made
    /// when it is first written to.
    #[must_use]
    pub fn new(managed: Client, namespace: &str) -> Self {
        Self {
            secrets: Api::namespaced(managed, namespace),
            namespace: namespace.to_owned(),
            name: Self::NAME.to_owned(),
        }
    }

    fn failed(&self, source: kube::Error) -> StoreError {
        StoreError::Secret {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            source: Box::new(source),
        }
    }

    /// Writes over what there is; whatever else the Secret holds stays.
    async fn write(&self, data: &BTreeMap<&'static str, Vec<u8>>) -> Result<(), kube::Error> {
        let found = self.secrets.get_opt(&self.name).await?;
        let new = found.is_none();
        let mut secret = found.unwrap_or_else(|| Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            ..Secret::default()
        });
        let all = secret.data.get_or_insert_default();
        all.retain(|key, _| !ALL_KEYS.contains(&key.as_str()));
        let own = data.iter();
        all.extend(own.map(|(key, value)| ((*key).to_owned(), ByteString(value.clone()))));
        let params = PostParams::default();
        if new {
            self.secrets.create(&params, &secret).await?;
        } else {
            self.secrets.replace(&self.name, &params, &secret).await?;
        }
        Ok(())
    }
}

impl CredentialStore for CredentialSecret {
    fn load(&self) -> BoxFuture<'_, Result<Stored, StoreError>> {
        Box::pin(async {
            let found = self.secrets.get_opt(&self.name).await;
            let found = found.map_err(|error| self.failed(error))?;
            let data = found.and_then(|secret| secret.data).unwrap_or_default();
            Ok(Stored::from_data(|key| {
                data.get(key).map(|value| value.0.clone())
            }))
        })
    }

    fn save<'a>(&'a self, stored: &'a Stored) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async {
            let data = stored.to_data();
            let data = data.map_err(|error| StoreError::Kubeconfig(Box::new(error)))?;
            let mut left = CONFLICTS_MAX;
            loop {
                match self.write(&data).await {
                    Err(error) if is_code(&error, 409) && left > 0 => left -= 1,
                    done => return done.map_err(|error| self.failed(error)),
                }
            }
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            match self
                .secrets
                .delete(&self.name, &DeleteParams::default())
                .await
            {
                Err(error) if !is_code(&error, 404) => Err(self.failed(error)),
                _ => Ok(()),
            }
        })
    }
}

impl fmt::Debug for CredentialSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialSecret")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How often somebody else may have written between reading and writing.
const CONFLICTS_MAX: u32 = 5;
