//! kube-rs.

use futures_util::{AsyncBufReadExt as _, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::api::{
    Api, AttachParams, DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{wait, watcher as watch};
use kube::{Client, Config};
use serde_json::{Value, from_value, json};
use tests::hub::CLUSTER_NAME;
use tests::site::Site;
use tests::wait::GENEROUS;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::SITE;

async fn client(site: &Site) -> Client {
    let file = site.tunnels[0]
        .hub
        .kubeconfig(CLUSTER_NAME, &[])
        .await
        .unwrap();
    let kubeconfig = Kubeconfig::read_from(file).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.unwrap()).unwrap()
}

async fn namespaced<K>(client: &Client, name: &str) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    let namespace: Namespace = from_value(json!({"metadata": {"name": name}})).unwrap();
    Api::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    Api::namespaced(client.clone(), name)
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}})
}

fn is(map: &ConfigMap, name: &str) -> bool {
    map.metadata.name.as_deref() == Some(name)
}

#[test]
fn kube_rs_creates_applies_lists_and_deletes() {
    SITE.test(async |site| {
        let client = client(site).await;
        let maps: Api<ConfigMap> = namespaced(&client, "kube-rs").await;
        let made = from_value(config_map("made", "first")).unwrap();
        maps.create(&PostParams::default(), &made).await.unwrap();
        let apply = PatchParams::apply("tests").force();
        let patched = maps
            .patch("made", &apply, &Patch::Apply(config_map("made", "second")))
            .await;
        assert_eq!(patched.unwrap().data.unwrap()["value"], "second");
        let listed = maps
            .list(&ListParams::default().fields("metadata.name=made"))
            .await
            .unwrap();
        assert_eq!(listed.items.len(), 1);
        maps.delete("made", &DeleteParams::default()).await.unwrap();
        assert!(maps.get_opt("made").await.unwrap().is_none());
        let error = maps.get("made").await.unwrap_err();
        assert!(
            matches!(&error, kube::Error::Api(status) if status.code == 404),
            "{error:?}"
        );
    });
}

#[test]
fn a_kube_rs_watcher_sees_each_change() {
    SITE.test(async |site| {
        let client = client(site).await;
        for (namespace, config) in [
            ("kube-rs-listing", watcher::Config::default()),
            (
                "kube-rs-streaming",
                watcher::Config::default().streaming_lists(),
            ),
        ] {
            let maps: Api<ConfigMap> = namespaced(&client, namespace).await;
            let early = from_value(config_map("early", "1")).unwrap();
            maps.create(&PostParams::default(), &early).await.unwrap();
            let config = config.fields("metadata.name!=kube-root-ca.crt");
            let mut events = Box::pin(watch(maps.clone(), config));
            let mut next = async || {
                timeout(GENEROUS, events.next())
                    .await
                    .unwrap()
                    .unwrap()
                    .unwrap()
            };
            // The first state may be older than `early`, which is news then.
            let (mut early, mut initial) = (false, false);
            while !(early && initial) {
                match next().await {
                    Event::InitDone => initial = true,
                    Event::InitApply(map) | Event::Apply(map) => early |= is(&map, "early"),
                    Event::Init | Event::Delete(_) => {}
                }
            }
            let late = from_value(config_map("late", "2")).unwrap();
            maps.create(&PostParams::default(), &late).await.unwrap();
            let event = next().await;
            assert!(
                matches!(&event, Event::Apply(map) if is(map, "late")),
                "{event:?}"
            );
            maps.delete("late", &DeleteParams::default()).await.unwrap();
            let event = next().await;
            assert!(matches!(&event, Event::Delete(_)), "{event:?}");
        }
    });
}

#[test]
fn kube_rs_runs_a_command_in_a_pod_and_follows_its_log() {
    SITE.test(async |site| {
        let client = client(site).await;
        let pods: Api<Pod> = namespaced(&client, "kube-rs-pods").await;
        let pod = json!({
            "metadata": {"name": "box"},
            "spec": {"nodeName": "kwok", "automountServiceAccountToken": false, "containers": [{"name": "main", "image": "none"}]},
        });
        let pod: Pod = from_value(pod).unwrap();
        let account = async || pods.create(&PostParams::default(), &pod).await.ok();
        tests::wait::until("the namespace's service account", GENEROUS, account).await.unwrap();
        let running = wait::await_condition(pods.clone(), "box", wait::conditions::is_pod_running());
        Box::pin(timeout(GENEROUS, running)).await.unwrap().unwrap();

        let interactive = AttachParams::default().stdin(true).stderr(false);
        let mut process = pods.exec("box", ["sha256sum"], &interactive).await.unwrap();
        let mut stdin = process.stdin().unwrap();
        stdin.write_all(b"hello").await.unwrap();
        stdin.shutdown().await.unwrap();
        drop(stdin);
        let mut hash = String::new();
        timeout(GENEROUS, process.stdout().unwrap().read_to_string(&mut hash)).await.unwrap().unwrap();
        assert!(hash.starts_with("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"), "{hash}");

        let follow = LogParams { follow: true, ..LogParams::default() };
        let mut lines = pods.log_stream("box", &follow).await.unwrap().lines();
        let first = timeout(GENEROUS, lines.try_next()).await.unwrap().unwrap().unwrap();
        assert!(first.ends_with("box/main started"), "{first}");
    });
}
