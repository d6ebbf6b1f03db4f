//! A hub whose objects live in a Kubernetes cluster: kubectl goes to that
//! cluster's kube-apiserver, whose aggregation layer leads it through the hub to
//! a managed cluster behind a NAT.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use tests::fixture::Fixture;

#[path = "kubernetes_hub/aggregation.rs"]
mod aggregation;
#[path = "kubernetes_hub/cheating.rs"]
mod cheating;
#[path = "kubernetes_hub/joining.rs"]
mod joining;
#[path = "kubernetes_hub/site.rs"]
mod site;

use site::KubernetesHub;

static SITE: Fixture<KubernetesHub> = Fixture::new(|needs| Box::pin(KubernetesHub::start(needs)));
