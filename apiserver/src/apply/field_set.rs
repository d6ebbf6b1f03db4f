//! The fields that a value sets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::path::PathElement;
use super::path_set::{Node, PathSet};
use super::schema::{List, ObjectType, Shape, TypeRef, Types};
use super::typed::{TypeErrors, any_item_element};

/// The paths of all fields and items that a value sets: what is taken as one,
/// items of lists with keys, entries of free-form objects. A declared object
/// is not in it itself, but for being empty.
pub(super) fn field_set(
    types: Types<'_>,
    of: TypeRef<'_>,
    value: &Value,
) -> Result<PathSet, TypeErrors> {
    let mut walk = Walk {
        types,
        path: Vec::new(),
        errors: TypeErrors::default(),
    };
    let node = walk.visit(of, value);
    walk.errors.into_result(node.children)
}

struct Walk<'a> {
    types: Types<'a>,
    path: Vec<PathElement>,
    errors: TypeErrors,
}

impl<'a> Walk<'a> {
    /// What is set at and below a value.
    fn visit(&mut self, of: TypeRef<'a>, value: &Value) -> Node {
        let Some(atom) = self.types.resolve(of) else {
            return self.fail("schema error: no type found matching: inlined type");
        };
        let leaf = || Node {
            member: true,
            children: PathSet::new(),
        };
        match atom.narrow(Some(value)).shape() {
            None => self.fail("schema error: invalid atom: inlined"),
            Some(Shape::Scalar(_)) => leaf(),
            Some(Shape::List(list)) if list.keys.is_none() => leaf(),
            Some(Shape::Object(object)) if object.atomic => leaf(),
            Some(Shape::List(list)) => value
                .as_array()
                .map(|items| self.visit_items(list, items))
                .unwrap_or_default(),
            Some(Shape::Object(object)) => value
                .as_object()
                .map(|fields| self.visit_fields(object, fields))
                .unwrap_or_default(),
        }
    }

    fn visit_items(&mut self, list: List<'a>, items: &[Value]) -> Node {
        let elements: Vec<_> = items
            .iter()
            .map(|item| any_item_element(self.types, list, item))
            .collect();
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<_> = elements
            .iter()
            .filter(|element| !seen.insert(*element))
            .collect();
        let mut nodes: BTreeMap<&PathElement, Node> = BTreeMap::new();
        for (element, item) in elements.iter().zip(items) {
            let mut node = if twice.contains(element) {
                Node::default()
            } else {
                self.path.push(element.clone());
                let node = self.visit(list.items, item);
                self.path.pop();
                node
            };
            node.member = true;
            nodes.insert(element, node);
        }
        let mut out = Node::default();
        for (element, node) in nodes {
            out.children.put(element.clone(), node);
        }
        out
    }

    fn visit_fields(&mut self, object: ObjectType<'a>, fields: &Map<String, Value>) -> Node {
        let mut out = Node::default();
        for (name, value) in fields {
            let declared = object.field(name);
            let element = PathElement::field(name);
            self.path.push(element.clone());
            let mut node = self.visit(declared.unwrap_or(object.undeclared), value);
            self.path.pop();
            let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
            node.member |= empty || declared.is_none();
            out.children.put(element, node);
        }
        out
    }

    fn fail(&mut self, message: &str) -> Node {
        self.errors.add(&self.path, message);
        Node::default()
    }
}

impl PathSet {
    /// The set with all declared fields that are on the way to one of its
    /// paths.
    pub(super) fn with_declared(&self, types: Types<'_>, of: TypeRef<'_>) -> Self {
        let atom = types.resolve(of).unwrap_or_default();
        let mut out = Self::new();
        for (element, node) in self.nodes() {
            let mut member = node.member;
            let below = match (element, atom.map, atom.list) {
                (PathElement::Field(name), Some(object), _) => {
                    let declared = object.field(name);
                    member |= declared.is_some();
                    declared.unwrap_or(object.undeclared)
                }
                (PathElement::Key(_), _, Some(list)) => list.items,
                _ => TypeRef::Undeclared,
            };
            let children = node.children.with_declared(types, below);
            out.put(element.clone(), Node { member, children });
        }
        out
    }
}
