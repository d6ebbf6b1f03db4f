use std::collections::BTreeMap;

use super::path::{Path, PathElement};

/// A set of paths into an object: the fields that somebody owns.
///
/// A trie: a path is in it if the node at its end is a member, whatever its
/// children are. There are no nodes that are neither members nor lead to one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PathSet {
    nodes: BTreeMap<PathElement, Node>,
}

/// What a set says of one path and those below it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Node {
    /// Whether the path itself is in the set.
    pub(super) member: bool,
    /// The paths below it.
    pub(super) children: PathSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }
}

impl PathSet {
    /// The set of no paths.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nodes: BTreeMap::new(),
        }
    }

    /// The set of these paths of field names.
    pub(super) fn of_fields<'a>(paths: impl IntoIterator<Item = &'a [&'a str]>) -> Self {
        let mut set = Self::new();
        for path in paths {
            let elements: Vec<_> = path.iter().map(|name| PathElement::field(name)).collect();
            set.insert(&elements);
        }
        set
    }

    /// Whether no path is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a path, not those above it. The path of no steps, which is the
    /// whole object, belongs to nobody and is not added.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let mut node = self.nodes.entry(first.clone()).or_default();
        for element in rest {
            node = node.children.nodes.entry(element.clone()).or_default();
        }
        node.member = true;
    }

    /// Whether the path is in it.
    #[must_use]
    pub fn contains(&self, path: &[PathElement]) -> bool {
        let Some((last, above)) = path.split_last() else {
            return false;
        };
        let mut set = self;
        for element in above {
            match set.nodes.get(element) {
                Some(node) => set = &node.children,
                None => return false,
            }
        }
        set.has_member(last)
    }

    /// Whether the path of this one step is in it.
    pub(super) fn has_member(&self, element: &PathElement) -> bool {
        self.nodes.get(element).is_some_and(|node| node.member)
    }

    /// The paths below `element`, if there are any.
    pub(super) fn below(&self, element: &PathElement) -> Option<&Self> {
        let node = self.nodes.get(element)?;
        (!node.children.is_empty()).then_some(&node.children)
    }

    /// The nodes of the first step, in order.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&PathElement, &Node)> {
        self.nodes.iter()
    }

    /// Puts a node where there is none.
    pub(super) fn put(&mut self, element: PathElement, node: Node) {
        if !node.is_empty() {
            self.nodes.insert(element, node);
        }
    }

    /// Every path of it, those of a level before those below.
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Vec<PathElement>, out: &mut Vec<Path>) {
        for (element, _) in self.nodes.iter().filter(|(_, node)| node.member) {
            let mut path = prefix.clone();
            path.push(element.clone());
            out.push(Path(path));
        }
        for (element, node) in &self.nodes {
            prefix.push(element.clone());
            node.children.collect(prefix, out);
            prefix.pop();
        }
    }

    /// The paths in either.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.extend(other);
        self
    }

    fn extend(&mut self, other: &Self) {
        for (element, theirs) in &other.nodes {
            match self.nodes.get_mut(element) {
                Some(ours) => {
                    ours.member |= theirs.member;
                    ours.children.extend(&theirs.children);
                }
                None => {
                    self.nodes.insert(element.clone(), theirs.clone());
                }
            }
        }
    }

    /// The paths in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut out = Self::new();
        for (element, ours) in &self.nodes {
            if let Some(theirs) = other.nodes.get(element) {
                let node = Node {
                    member: ours.member && theirs.member,
                    children: ours.children.intersection(&theirs.children),
                };
                out.put(element.clone(), node);
            }
        }
        out
    }

    /// The paths that are not in `other`.
    #[must_use]
    pub fn difference(mut self, other: &Self) -> Self {
        self.subtract(other, false);
        self
    }

    /// The paths that are not in `other`, nor below one that is.
    #[must_use]
    pub fn recursive_difference(mut self, other: &Self) -> Self {
        self.subtract(other, true);
        self
    }

    fn subtract(&mut self, other: &Self, recursive: bool) {
        if other.is_empty() {
            return;
        }
        self.nodes.retain(|element, ours| {
            let Some(theirs) = other.nodes.get(element) else {
                return true;
            };
            if theirs.member {
                if recursive {
                    return false;
                }
                ours.member = false;
            }
            ours.children.subtract(&theirs.children, recursive);
            !ours.is_empty()
        });
    }

    /// The paths that are in `other`, above one that is or below one that is.
    #[must_use]
    pub fn along(mut self, other: &Self) -> Self {
        self.keep_along(other);
        self
    }

    fn keep_along(&mut self, other: &Self) {
        self.nodes.retain(|element, ours| {
            let Some(theirs) = other.nodes.get(element) else {
                return false;
            };
            if !theirs.member {
                ours.children.keep_along(&theirs.children);
            }
            !ours.is_empty()
        });
    }
}
