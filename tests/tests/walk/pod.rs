//! The agent as a Deployment of the cluster. Nothing runs pods here, so its
//! process is started as a kubelet would: with the arguments and variables of
//! the pod, and its service account's token.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::cluster::API_PORT;
use tests::kubectl::Kubectl;
use tests::network::CLUSTER;
use tests::process::Process;
use tests::scratch;
use tests::wait::{self, GENEROUS, once};

use crate::PLACE;
use crate::hub::Hub;
use crate::machine::Machine;
use crate::place::{Place, without};

const NAMESPACE: &str = "open-cluster-management-agent";
const ACCOUNT: &str = "adit-agent";

/// Where every pod finds its account.
const PROJECTED: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

#[test]
fn a_pod_with_what_is_installed_and_no_more_does_it_all_and_leaves_nothing() {
    PLACE.test(async |place| {
        let _turn = place.turn().await;
        let before = place.inventory().await.unwrap();
        let hub = Hub::start(place).await.unwrap();
        let machine = place.beside().await.unwrap();
        let join = hub.join_command("edge-7").await.unwrap();
        let deploy = format!("{join} --in-cluster --image adit:test --kubeconfig ~/.kube/config");
        let said = machine.run(&deploy).await.unwrap().ok();
        assert!(said.contains("adit accept edge-7"), "{said}");
        let kubectl = place.kubectl().unwrap();
        let pod = pod(place, &machine, &kubectl).await.unwrap();
        hub.run("adit accept edge-7 --wait 1m").await.unwrap();
        hub.until_available("edge-7").await.unwrap();

        // As a user that the cluster knows nothing of but by its group.
        let role = "kubectl create clusterrole reach --verb='*' \
                    --resource=clustergateways.cluster.core.oam.dev/proxy";
        hub.run(role).await.unwrap();
        let bind = "kubectl create clusterrolebinding reach --clusterrole=reach --group=dev";
        hub.run(bind).await.unwrap();
        let user = "adit kubeconfig edge-7 --user alice --group dev --output alice.kubeconfig";
        hub.run(user).await.unwrap();
        let who = "kubectl --kubeconfig alice.kubeconfig auth whoami";
        let who = hub.until(who, "alice").await.unwrap();
        assert!(who.contains("dev"), "{who}");

        hub.run("kubectl apply -f docs/examples/work.yaml")
            .await
            .unwrap();
        let feedback = "kubectl get manifestwork hello -n edge-7 -o json";
        let ready = r#""name": "ReadyReplicas""#;
        hub.until(feedback, ready).await.unwrap();
        let wait =
            "kubectl wait --for=condition=Available manifestwork/hello -n edge-7 --timeout=60s";
        hub.run(wait).await.unwrap();
        let greeting = ["get", "greeting", "first", "-n", "hello", "-o", "name"];
        kubectl.run(&greeting).await.unwrap().ok();

        hub.run("kubectl delete manifestwork hello -n edge-7 --timeout=60s")
            .await
            .unwrap();
        let done = hub.run("adit detach edge-7").await.unwrap();
        assert!(done.contains("edge-7 is detached"), "{done}");
        drop(pod);
        let unjoin = machine.run("adit unjoin --kubeconfig ~/.kube/config").await;
        unjoin.unwrap().ok();
        let after = place.inventory().await.unwrap();
        assert_eq!(without(&after, &before), [""; 0]);
        assert_eq!(without(&before, &after), [""; 0]);
    });
}

/// What is installed does not make the agent an administrator.
#[test]
fn the_pods_account_has_no_more_than_it_needs() {
    PLACE.test(async |place| {
        let _turn = place.turn().await;
        let machine = place.beside().await.unwrap();
        let join = "adit join --hub hub.example.org:8443 --cluster-name edge-8 --image adit:test \
                    --ca-pin sha256:0000000000000000000000000000000000000000000000000000000000000000 \
                    --in-cluster --kubeconfig ~/.kube/config";
        machine.run(join).await.unwrap().ok();
        let kubectl = place.kubectl().unwrap();
        let account = format!("--as=system:serviceaccount:{NAMESPACE}:{ACCOUNT}");
        for (question, may) in [
            ("list nodes", true),
            ("create deployments.apps -n default", true),
            ("create customresourcedefinitions", true),
            ("create nodes", false),
            ("create persistentvolumes", false),
            ("create certificatesigningrequests", false),
            ("delete greetings.example.org -n default", false),
            ("get /metrics", false),
        ] {
            let ask = ["auth", "can-i", &account];
            let ask: Vec<&str> = ask.into_iter().chain(question.split(' ')).collect();
            let answer = kubectl.run(&ask).await.unwrap();
            assert_eq!(answer.stdout.trim() == "yes", may, "{question}: {answer:?}");
        }
        let unjoin = machine.run("adit unjoin --kubeconfig ~/.kube/config").await;
        unjoin.unwrap().ok();
    });
}

/// Starts what the Deployment's pod would run, on the cluster's machine.
async fn pod(place: &Place, machine: &Machine, kubectl: &Kubectl) -> Result<Process> {
    let kubectl = kubectl.in_namespace(NAMESPACE);
    let scheduled = async || {
        let pods = ["get", "pods", "-o", "json"];
        let pods: Value = serde_json::from_str(&kubectl.run(&pods).await.ok()?.stdout).ok()?;
        let pod = pods["items"].get(0)?.clone();
        once(pod["spec"]["nodeName"].is_string())?;
        Some(pod)
    };
    let pod = wait::until("a pod on a node", GENEROUS, scheduled).await?;
    let container = &pod["spec"]["containers"][0];
    let args = container["args"].as_array().context("no arguments")?;
    let args: Vec<&str> = args.iter().filter_map(Value::as_str).collect();
    let secret = [
        "get",
        "secret",
        "adit-join-token",
        "-o",
        "go-template={{.data.token|base64decode}}",
    ];
    let token = kubectl.run(&secret).await?.ok();
    let folder = projected(place, &kubectl, &pod).await?;

    let mount = format!(
        "mount -t tmpfs none /run && mkdir -p {PROJECTED} && mount --bind {} {PROJECTED} && \
         exec adit \"$@\"",
        folder.display()
    );
    let whole: Vec<&str> = ["sh", "-ec", &mount, "sh"]
        .into_iter()
        .chain(args)
        .collect();
    let mut command: Command = machine.command(&whole);
    command
        .env(
            container["env"][0]["name"]
                .as_str()
                .context("no variable")?,
            token,
        )
        .env("KUBERNETES_SERVICE_HOST", CLUSTER.to_string())
        .env("KUBERNETES_SERVICE_PORT", API_PORT.to_string());
    Process::start("pod", command)
}

/// A folder with what a kubelet puts at [`PROJECTED`].
async fn projected(place: &Place, kubectl: &Kubectl, pod: &Value) -> Result<std::path::PathBuf> {
    let folder = scratch::fresh_folder("account")?;
    let account = pod["spec"]["serviceAccountName"]
        .as_str()
        .context("no account")?;
    let token = kubectl.run(&["create", "token", account]).await?.ok();
    fs::write(folder.join("token"), token.trim())?;
    fs::write(folder.join("namespace"), NAMESPACE)?;
    fs::copy(place.cluster.authority(), folder.join("ca.crt"))?;
    Ok(folder)
}
