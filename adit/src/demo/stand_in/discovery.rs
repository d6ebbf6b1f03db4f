//! What the stand-in says of itself.

use serde_json::{Value, json};

/// Said wherever a version is asked for, so that nobody takes it for more.
const VERSION: &str = "v1.32.0+adit-stand-in";

/// The answer at a path of discovery, version or health; `None` at any other.
///
/// Clients ask for aggregated discovery first and take this older form as well.
pub(super) fn answer(path: &str) -> Option<Value> {
    Some(match path {
        "/api" => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}),
        "/api/v1" => json!({
            "kind": "APIResourceList", "groupVersion": "v1",
            "resources": [{
                "name": "namespaces", "singularName": "namespace", "kind": "Namespace",
                "namespaced": false, "shortNames": ["ns"],
                "verbs": ["create", "delete", "get", "list", "watch"],
            }],
        }),
        "/version" => json!({
            "major": "1", "minor": "32", "gitVersion": VERSION, "gitCommit": "",
            "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
            "compiler": "", "platform": "adit/stand-in",
        }),
        "/healthz" | "/livez" | "/readyz" => json!("ok"),
        _ => return None,
    })
}
