use std::collections::{HashMap, HashSet, VecDeque};

use api::{GroupVersionKind, Resource, Scope};
use kube::core::ObjectMeta;

use crate::Registry;
use crate::metadata::{FOREGROUND, ORPHAN};

/// Who owns whom, and what is to be looked at.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<String, Node>,
    /// By the owner's uid; an owner need not be there.
    dependents: HashMap<String, HashSet<String>>,
    tasks: VecDeque<Task>,
    queued: HashSet<Task>,
}

/// One object.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) uid: String,
    /// Where it is, on the server.
    pub(super) path: String,
    pub(super) namespace: String,
    pub(super) owners: Vec<Owner>,
    pub(super) deleting: bool,
    finalizers: Vec<String>,
}

/// One owner of an object.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) uid: String,
    /// Whether a deletion of the owner in the foreground waits for the object.
    pub(super) blocks: bool,
    kind: GroupVersionKind,
    name: String,
}

/// Something to be done about an object.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Task {
    /// Its dependents are to go before it.
    Foreground(String),
    /// Its owners may be gone.
    Judge(String),
    /// Its dependents are to be left alone.
    Orphan(String),
}

impl Node {
    pub(super) fn of(resource: &Resource, metadata: &ObjectMeta) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (namespace, name) = (text(&metadata.namespace), text(&metadata.name));
        let owners = metadata.owner_references.iter().flatten().map(|owner| {
            let (group, version) = owner
                .api_version
                .split_once('/')
                .unwrap_or(("", &owner.api_version));
            Owner {
                uid: owner.uid.clone(),
                blocks: owner.block_owner_deletion.unwrap_or_default(),
                kind: GroupVersionKind {
                    group: group.into(),
                    version: version.into(),
                    kind: owner.kind.as_str().into(),
                },
                name: owner.name.clone(),
            }
        });
        Self {
            uid: text(&metadata.uid),
            path: path(resource, &namespace, &name),
            owners: owners.collect(),
            deleting: metadata.deletion_timestamp.is_some(),
            finalizers: metadata.finalizers.clone().unwrap_or_default(),
            namespace,
        }
    }

    pub(super) fn has(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|of| of == finalizer)
    }

    /// Whether its owner of that uid waits for it.
    pub(super) fn is_blocking(&self, owner: &str) -> bool {
        self.owners.iter().any(|of| of.uid == owner && of.blocks)
    }
}

impl Graph {
    pub(super) fn get(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// Takes an object up, new or changed.
    pub(super) fn put(&mut self, node: Node) {
        let uid = node.uid.clone();
        let before = self.nodes.insert(uid.clone(), node.clone());
        for owner in before.iter().flat_map(|before| &before.owners) {
            self.forget_dependent(&owner.uid, &uid);
        }
        for owner in &node.owners {
            self.dependents
                .entry(owner.uid.clone())
                .or_default()
                .insert(uid.clone());
        }
        // Who waits for it may have to wait no longer.
        self.wake_owners(
            before
                .iter()
                .flat_map(|before| before.owners.clone())
                .collect(),
        );
        self.wake_owners(node.owners.clone());
        if node.deleting && node.has(ORPHAN) {
            self.push(Task::Orphan(uid));
        } else if node.deleting && node.has(FOREGROUND) {
            self.push(Task::Foreground(uid));
        } else if !node.owners.is_empty() {
            self.push(Task::Judge(uid));
        }
    }

    /// Forgets an object that is gone; its dependents have one owner less.
    pub(super) fn remove(&mut self, uid: &str) {
        let Some(node) = self.nodes.remove(uid) else {
            return;
        };
        for owner in &node.owners {
            self.forget_dependent(&owner.uid, uid);
        }
        for dependent in self.dependents.get(uid).cloned().unwrap_or_default() {
            self.push(Task::Judge(dependent));
        }
        self.wake_owners(node.owners);
    }

    /// The objects that are owned by that one.
    pub(super) fn dependents(&self, uid: &str) -> Vec<Node> {
        let dependents = self.dependents.get(uid).into_iter().flatten();
        dependents
            .filter_map(|of| self.nodes.get(of).cloned())
            .collect()
    }

    pub(super) fn has_dependents(&self, uid: &str) -> bool {
        self.dependents.contains_key(uid)
    }

    /// Has an object's owners looked at.
    pub(super) fn judge(&mut self, uid: &str) {
        self.push(Task::Judge(uid.to_owned()));
    }

    /// The next thing to be done.
    pub(super) fn next(&mut self) -> Option<Task> {
        let task = self.tasks.pop_front()?;
        self.queued.remove(&task);
        Some(task)
    }

    fn push(&mut self, task: Task) {
        if self.queued.insert(task.clone()) {
            self.tasks.push_back(task);
        }
    }

    fn wake_owners(&mut self, owners: Vec<Owner>) {
        for owner in owners {
            let waits = self.nodes.get(&owner.uid);
            if waits.is_some_and(|of| of.deleting && of.has(FOREGROUND)) {
                self.push(Task::Foreground(owner.uid));
            }
        }
    }

    fn forget_dependent(&mut self, owner: &str, uid: &str) {
        if let Some(dependents) = self.dependents.get_mut(owner) {
            dependents.remove(uid);
            if dependents.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }
}

/// Where an object's owner would be: in its own namespace, if owners of the
/// kind are in namespaces. `None` for a kind that is not served.
pub(super) fn path_of_owner(registry: &Registry, node: &Node, owner: &Owner) -> Option<String> {
    let resource = registry.kind(&owner.kind)?;
    let namespace = match resource.scope {
        Scope::Cluster => "",
        Scope::Namespaced => &node.namespace,
    };
    Some(path(resource, namespace, &owner.name))
}

fn path(resource: &Resource, namespace: &str, name: &str) -> String {
    let root = if resource.group.is_empty() {
        "api"
    } else {
        "apis"
    };
    let (version, plural) = (resource.api_version(), &resource.names.plural);
    if namespace.is_empty() {
        format!("/{root}/{version}/{plural}/{name}")
    } else {
        format!("/{root}/{version}/namespaces/{namespace}/{plural}/{name}")
    }
}
