//! Whoever has the store open: the hub that runs, or else this process.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::StatusCode;
use serde::Deserialize;
use store::{Embedded, Options};
use tokio::sync::mpsc;

use super::seal::sealed;
use crate::data_dir::{self, DataDir, DataDirError, FileLock};
use crate::https_client::HttpsClient;
use crate::hub::BACKUP_PATH;
use crate::kubeconfig::HubAccess;

/// Where the store's backup comes from.
pub(super) enum Source {
    /// The hub runs.
    Hub(HttpsClient),
    /// It does not, and will not as long as this is kept.
    Stopped {
        store: Option<Arc<Embedded>>,
        _lock: FileLock,
    },
}

/// The message in a Kubernetes `Status` object.
#[derive(Deserialize)]
struct Message {
    message: String,
}

impl Source {
    pub(super) async fn open(data: &DataDir) -> anyhow::Result<Self> {
        let lock = match data.lock_for_hub().await {
            Ok(lock) => lock,
            Err(DataDirError::InUse { .. }) => {
                let access = HubAccess::parse(&data_dir::read(&data.admin_kubeconfig())?)?;
                return Ok(Self::Hub(HttpsClient::new(&access)?));
            }
            Err(error) => return Err(error.into()),
        };
        let folder = data.store();
        let store = if folder.try_exists()? {
            let store = Embedded::open(&folder, Options::default()).await;
            let store = store.with_context(|| format!("cannot open {}", folder.display()))?;
            Some(Arc::new(store))
        } else {
            None
        };
        Ok(Self::Stopped { store, _lock: lock })
    }

    /// Whether there is a store: a hub that has not run for long has none.
    pub(super) fn has_store(&self) -> bool {
        !matches!(self, Self::Stopped { store: None, .. })
    }

    /// Gives the store's sealed backup, unless nobody takes it any more.
    pub(super) async fn feed(self, pieces: mpsc::Sender<Bytes>) -> anyhow::Result<()> {
        match self {
            Self::Hub(client) => of_hub(&client, pieces).await,
            Self::Stopped { store: None, .. } => Ok(()),
            Self::Stopped {
                store: Some(store), ..
            } => {
                pass_on(sealed(store.clone()).map(Ok::<_, Infallible>), pieces).await?;
                store.close().await;
                Ok(())
            }
        }
    }
}

async fn of_hub(client: &HttpsClient, pieces: mpsc::Sender<Bytes>) -> anyhow::Result<()> {
    let answer = client.open(BACKUP_PATH).await;
    let answer = answer.context("the hub of this data directory runs and has to be asked")?;
    let status = answer.status;
    if status == StatusCode::OK {
        return pass_on(answer.pieces(), pieces).await;
    }
    let body = answer.whole().await?.body;
    let message =
        serde_json::from_slice(&body).map_or_else(|_| String::new(), |Message { message }| message);
    anyhow::bail!("the hub answered {status}: {message}")
}

async fn pass_on<E>(
    from: impl Stream<Item = Result<Bytes, E>>,
    to: mpsc::Sender<Bytes>,
) -> anyhow::Result<()>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut from = std::pin::pin!(from);
    while let Some(piece) = from.next().await {
        if to.send(piece?).await.is_err() {
            // Whoever took the pieces tells why he does not any more.
            return Ok(());
        }
    }
    Ok(())
}
