//! Reads of one object, and of lists by their selectors.

use rand::Rng as _;

use super::{Generator, queried};
use crate::request::{Request, get};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str =
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
const PARTIAL_LIST: &str =
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
const LABELS: [&str; 12] = [
    "l=a",
    "l!=a",
    "l",
    "!l",
    "l%20in%20(a,b)",
    "l%20notin%20(a)",
    "l=a,l2=b",
    "l==a",
    "l%3E1",
    "l.io/x=a",
    "l%20in%20(",
    "l=a=b",
];
const FIELDS: [&str; 6] = [
    "metadata.name=NAME",
    "metadata.name!=NAME",
    "metadata.namespace=<ns>",
    "metadata.name=NAME,metadata.namespace=<ns>",
    "spec.unknown=1",
    "metadata.name",
];

impl Generator {
    pub(super) fn read(&mut self, name: &str) -> Request {
        let path = self.path(name);
        match self.random.random_range(0..8) {
            0 => get(path),
            1 => get(path).accept(TABLE),
            2 => get(path).accept(PARTIAL),
            3 => {
                let version = self.one(&["", "0", "x", "<rv NAME>", "-1"]);
                let version = version.replace("NAME", name);
                get(format!("{path}?resourceVersion={version}"))
            }
            _ => self.list(name),
        }
    }

    /// A list of the namespace's objects, or of those with that name.
    fn list(&mut self, name: &str) -> Request {
        let namespaced = self.kind.path.contains("<ns>");
        let mut options = Vec::new();
        if !namespaced {
            options.push(format!("fieldSelector=metadata.name={name}"));
        } else if self.chance(40) {
            let selector = self.one(&FIELDS).replace("NAME", name);
            options.push(format!("fieldSelector={selector}"));
        }
        if self.chance(50) {
            options.push(format!("labelSelector={}", self.one(&LABELS)));
        }
        if self.chance(30) && namespaced {
            options.push(format!("limit={}", self.one(&["1", "2", "0", "-1", "x"])));
            if self.chance(40) {
                options.push("continue=<continue>".to_owned());
            }
        }
        if self.chance(20) {
            let version = self.one(&["0", "<rv NAME>", "x"]).replace("NAME", name);
            options.push(format!("resourceVersion={version}"));
        }
        if self.chance(15) {
            let how = self.one(&["Exact", "NotOlderThan", "Newest"]);
            options.push(format!("resourceVersionMatch={how}"));
        }
        let asked = get(queried(self.kind.path.to_owned(), &options));
        match self.random.random_range(0..6) {
            0 => asked.accept(TABLE),
            1 => asked.accept(PARTIAL_LIST),
            _ => asked,
        }
    }
}
