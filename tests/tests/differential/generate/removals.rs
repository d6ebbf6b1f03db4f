//! Deletes.

use rand::Rng as _;
use serde_json::json;

use super::{Generator, queried};
use crate::request::{Request, delete};

impl Generator {
    pub(super) fn remove(&mut self, name: &str) -> Vec<Request> {
        let path = self.path(name);
        let asked = match self.random.random_range(0..20) {
            0..7 => delete(path),
            7 => delete(path)
                .json(&json!({"propagationPolicy": "Background", "gracePeriodSeconds": 0})),
            8 => delete(path)
                .json(&json!({"preconditions": {"resourceVersion": format!("<rv {name}>")}})),
            9 => delete(path).json(&json!({"preconditions": {"uid": format!("<uid {name}>")}})),
            10 => delete(path).json(&json!({"preconditions": {"resourceVersion": "1"}})),
            11 => delete(path).json(&json!({"preconditions": {"uid": "other"}})),
            12 => delete(format!("{path}?dryRun=All")),
            13 => delete(path).json(&json!({"dryRun": ["All"], "gracePeriodSeconds": 5})),
            14 => delete(path).json(&json!({"dryRun": ["Some"]})),
            15 => delete(path).json(&json!({"propagationPolicy": "Upwards"})),
            16 => {
                delete(path).json(&json!({"propagationPolicy": "Orphan", "orphanDependents": true}))
            }
            17 => delete(path).json(&json!({"gracePeriodSeconds": self.one(&[-1, 0, 1, 30])})),
            18 => delete(format!(
                "{path}?gracePeriodSeconds={}",
                self.one(&["0", "x", "-1"])
            )),
            _ => return vec![self.remove_all()],
        };
        // What a controller does then takes its time.
        if self.kind.kind == "Namespace" {
            return vec![delete(format!("{}?dryRun=All", self.path(name)))];
        }
        if self.kind.kind == "Job" {
            return vec![delete(self.path(name)).json(&json!({"propagationPolicy": "Background"}))];
        }
        vec![asked]
    }

    /// A delete of all of them in the namespace, or of those with a label.
    fn remove_all(&mut self) -> Request {
        if self.kind.kind == "Namespace" {
            return delete("/api/v1/namespaces");
        }
        let mut options = vec![format!(
            "labelSelector={}",
            self.one(&["l=a", "l2", "l=a,l2=b", "l%20in%20(a,b)", "!l"])
        )];
        if !self.kind.path.contains("<ns>") {
            options.push(format!("fieldSelector=metadata.name={}", self.called("a")));
        }
        if self.chance(30) {
            options.push("dryRun=All".to_owned());
        }
        if self.kind.kind == "Job" {
            options.push("propagationPolicy=Background".to_owned());
        }
        if self.kind.kind == "ServiceAccount" {
            // There is one of the namespace's own.
            options.push("fieldSelector=metadata.name=a".to_owned());
        }
        delete(queried(self.kind.path.to_owned(), &options))
    }
}
