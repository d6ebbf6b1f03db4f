//! Following one Service and its EndpointSlices.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Config, watcher};
use kube::{Api, Client};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use super::ServiceName;
use super::backends::{Backends, ServiceView, SliceView};

/// How long a Service is followed that nobody asks for.
const IDLE_LIMIT: Duration = Duration::from_secs(5 * 60);
/// Which Service a slice belongs to.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// Keeps `backends` like the cluster's API server says, until nobody has asked
/// for the Service for 5 minutes.
///
/// A watch that breaks is begun again where it was, or with a new list where
/// that is too old; one that cannot be had is tried again, with pauses of up
/// to half a minute. What is known stays meanwhile.
pub(super) async fn follow(
    client: Client,
    service: ServiceName,
    backends: watch::Sender<Backends>,
    used: Arc<Notify>,
) {
    let (namespace, name) = (service.namespace(), service.name());
    let by_name = Config::default().fields(&format!("metadata.name={name}"));
    let by_label = Config::default().labels(&format!("{SERVICE_LABEL}={name}"));
    let services = Api::<Service>::namespaced(client.clone(), namespace);
    let slices = Api::<EndpointSlice>::namespaced(client, namespace);
    let mut services = pin!(watcher(services, by_name).default_backoff());
    let mut slices = pin!(watcher(slices, by_label).default_backoff());
    let mut idle = pin!(sleep(IDLE_LIMIT));
    loop {
        tokio::select! {
            Some(event) = services.next() => note(&backends, &service, event, |known, event| {
                known.services.take(event, ServiceView::of);
            }),
            Some(event) = slices.next() => note(&backends, &service, event, |known, event| {
                known.slices.take(event, SliceView::of);
            }),
            () = used.notified() => idle.as_mut().reset(Instant::now() + IDLE_LIMIT),
            () = &mut idle => return,
        }
    }
}

fn note<K>(
    backends: &watch::Sender<Backends>,
    service: &ServiceName,
    event: watcher::Result<watcher::Event<K>>,
    take: impl FnOnce(&mut Backends, watcher::Event<K>),
) {
    match event {
        Ok(event) => backends.send_modify(|known| {
            known.trouble = None;
            take(known, event);
        }),
        Err(error) => {
            let error = chain(&error);
            tracing::warn!(%service, error, "the API server does not tell about a Service");
            backends.send_modify(|known| known.trouble = Some(error));
        }
    }
}

/// An error with what is behind it, as far as it says more.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = error.source();
    }
    text
}
