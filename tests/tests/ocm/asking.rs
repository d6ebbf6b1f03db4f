//! Asking API servers by kubectl.

use std::path::PathBuf;

use serde_json::Value;
use tests::command::Output;
use tests::kubectl::{Call, Kubectl};
use tests::scratch;

/// Applies this YAML.
pub(crate) async fn apply(kubectl: &Kubectl, yaml: &str) {
    let call = Call::new(&["apply", "--server-side", "-f", "-"]).stdin(yaml);
    kubectl.call(&call).await.unwrap().ok();
}

/// Runs kubectl, which has to succeed.
pub(crate) async fn run(kubectl: &Kubectl, args: &[&str]) -> String {
    kubectl.run(args).await.unwrap().ok()
}

/// One object, or a list of them; the words are those after `kubectl get`.
pub(crate) async fn get(kubectl: &Kubectl, words: &str) -> Option<Value> {
    let mut args = vec!["get", "--output=json"];
    args.extend(words.split(' '));
    let Output { code, stdout, .. } = kubectl.run(&args).await.ok()?;
    let object = (code == 0).then(|| serde_json::from_str(&stdout));
    object?.ok()
}

/// Whether the server says that there is no such object.
pub(crate) async fn is_gone(kubectl: &Kubectl, words: &str) -> Option<()> {
    let mut args = vec!["get"];
    args.extend(words.split(' '));
    let output = kubectl.run(&args).await.ok()?;
    output.stderr.contains("NotFound").then_some(())
}

/// The reason of the object's condition of this type, if it has this status.
pub(crate) fn reason(object: &Value, kind: &str, status: &str) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array()?;
    let condition = conditions
        .iter()
        .find(|of| of["type"] == kind && of["status"] == status)?;
    Some(condition["reason"].as_str()?.to_owned())
}

/// A kubeconfig in a file of its own: for this server, with this authority
/// (PEM file) and token.
pub(crate) fn kubeconfig(server: &str, authority: &str, token: &str) -> PathBuf {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: hub\n\
         clusters: [{{name: hub, cluster: {{server: '{server}', certificate-authority: '{authority}'}}}}]\n\
         users: [{{name: bootstrap, user: {{token: '{token}'}}}}]\n\
         contexts: [{{name: hub, context: {{cluster: hub, user: bootstrap}}}}]\n"
    );
    let file = scratch::fresh_folder("bootstrap")
        .unwrap()
        .join("kubeconfig");
    std::fs::write(&file, text).unwrap();
    file
}
