//! The agent as a pod of the managed cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::objects::{self, NAMESPACE, SERVICE_ACCOUNT};

/// A pod that runs the agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pod {
    /// The image, in which the program is the entrypoint.
    pub image: String,
    /// The arguments.
    pub args: Vec<String>,
    /// The token to join with, which is not needed once the cluster has joined.
    pub token: Option<String>,
    /// The variable that the program takes the token from.
    pub token_variable: &'static str,
    /// The port of the probes.
    pub port: u16,
}

/// Where the token is, for as long as it is needed.
const TOKEN: &str = "adit-join-token";
/// Nobody's in particular, and not root's.
const USER: u32 = 65532;

impl Pod {
    /// What there has to be for it, beside what the agent needs in any case.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let token = self.token.as_ref().map(|token| {
            json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": TOKEN, "namespace": NAMESPACE},
                "data": {"token": BASE64.encode(token)},
            })
        });
        let mut all: Vec<Value> = token.into_iter().chain([self.deployment()]).collect();
        for object in &mut all {
            objects::mark(object);
        }
        all
    }

    fn deployment(&self) -> Value {
        let labels = json!({"app.kubernetes.io/name": SERVICE_ACCOUNT});
        // Two of one name would take the session from each other.
        let strategy = json!({"type": "Recreate"});
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": SERVICE_ACCOUNT, "namespace": NAMESPACE},
            "spec": {
                "replicas": 1,
                "strategy": strategy,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": SERVICE_ACCOUNT,
                        "securityContext": {
                            "runAsNonRoot": true,
                            "runAsUser": USER,
                            "runAsGroup": USER,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [self.container()],
                    },
                },
            },
        })
    }

    fn container(&self) -> Value {
        let from = json!({"secretKeyRef": {"name": TOKEN, "key": "token", "optional": true}});
        json!({
            "name": "agent",
            "image": self.image,
            "args": self.args,
            "env": [{"name": self.token_variable, "valueFrom": from}],
            "ports": [{"name": "metrics", "containerPort": self.port}],
            // It is ready when it has a session, so not before it is accepted.
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "metrics"}},
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": true,
            },
        })
    }
}
