//! A value with another of its type laid over it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::path::PathElement;
use super::schema::{List, ObjectType, Shape, TypeRef, Types};
use super::typed::{TypeErrors, item_element, scalar_error};

/// `left` with all that `right` sets, and what only `left` has kept. Items of
/// lists with keys are merged one by one and stand in the order of `right`
/// where it has them.
pub(super) fn merge(
    types: Types<'_>,
    of: TypeRef<'_>,
    left: &Value,
    right: &Value,
) -> Result<Value, TypeErrors> {
    let mut walk = Walk {
        types,
        path: Vec::new(),
        errors: TypeErrors::default(),
    };
    let merged = walk.visit(of, Some(left), Some(right));
    walk.errors.into_result(merged.unwrap_or_default())
}

struct Walk<'a> {
    types: Types<'a>,
    path: Vec<PathElement>,
    errors: TypeErrors,
}

type Side<'v> = Option<&'v Value>;

impl<'a> Walk<'a> {
    fn visit(&mut self, of: TypeRef<'a>, left: Side<'_>, right: Side<'_>) -> Option<Value> {
        // Both have been checked against their type: what one side alone has
        // is kept as it is.
        let (Some(left), Some(right)) = (left, right) else {
            return right.or(left).cloned();
        };
        let Some(atom) = self.types.resolve(of) else {
            self.errors.add(
                &self.path,
                "schema error: no type found matching: inlined type",
            );
            return None;
        };
        let (of_left, of_right) = (atom.narrow(Some(left)), atom.narrow(Some(right)));
        if !of_left.is_like(of_right) {
            self.visit_shape(of_left.shape(), left, right);
        }
        self.visit_shape(of_right.shape(), left, right)
    }

    fn visit_shape(
        &mut self,
        shape: Option<Shape<'a>>,
        left: &Value,
        right: &Value,
    ) -> Option<Value> {
        match shape {
            None => {
                self.errors
                    .add(&self.path, "schema error: invalid atom: inlined");
                None
            }
            Some(Shape::Scalar(scalar)) => {
                let errors = (
                    scalar_error(scalar, Some(left)),
                    scalar_error(scalar, Some(right)),
                );
                if let (Some(left), Some(right)) = errors {
                    self.errors.add(&self.path, format!("lhs: {left}"));
                    self.errors.add(&self.path, format!("rhs: {right}"));
                    return None;
                }
                Some(right.clone())
            }
            Some(Shape::List(list)) => {
                let (left_items, right_items) = (items(left), items(right));
                if list.keys.is_none() || (left_items.is_empty() && right_items.is_empty()) {
                    return Some(right.clone());
                }
                self.visit_items(list, left_items, right_items)
            }
            Some(Shape::Object(object)) => {
                let empty = |value: &Value| value.as_object().is_none_or(Map::is_empty);
                if object.atomic || (empty(left) && empty(right)) {
                    return Some(right.clone());
                }
                self.visit_fields(object, left.as_object(), right.as_object())
            }
        }
    }

    fn visit_fields(
        &mut self,
        object: ObjectType<'a>,
        left: Option<&Map<String, Value>>,
        right: Option<&Map<String, Value>>,
    ) -> Option<Value> {
        let mut out = Map::new();
        for (name, value) in left.into_iter().flatten() {
            if right.is_none_or(|right| !right.contains_key(name)) {
                out.insert(name.clone(), value.clone());
            }
        }
        for (name, value) in right.into_iter().flatten() {
            let old = left.and_then(|left| left.get(name));
            self.path.push(PathElement::field(name));
            if let Some(merged) = self.visit(object.field_or_undeclared(name), old, Some(value)) {
                out.insert(name.clone(), merged);
            }
            self.path.pop();
        }
        (!out.is_empty()).then_some(Value::Object(out))
    }

    fn visit_items(&mut self, list: List<'a>, left: &[Value], right: &[Value]) -> Option<Value> {
        let (Some(right), Some(left)) =
            (self.index(list, right, false), self.index(list, left, true))
        else {
            return None;
        };
        let mut out = Vec::with_capacity(left.elements.len().max(right.elements.len()));
        // Items of both, in the order of the right: the one to come next.
        let mut shared = right
            .elements
            .iter()
            .filter(|element| left.by_element.contains_key(*element))
            .peekable();
        let mut merged = BTreeSet::new();
        let (mut at_left, mut at_right) = (0, 0);
        while at_left < left.elements.len() || at_right < right.elements.len() {
            if let (Some(ours), Some(theirs)) =
                (left.elements.get(at_left), right.elements.get(at_right))
            {
                if ours == theirs {
                    merged.insert(theirs);
                    out.extend(self.visit_item(list, theirs, &left, &right));
                    at_left += 1;
                    at_right += 1;
                    shared.next();
                    continue;
                }
                let next = shared.peek();
                if right.by_element.contains_key(ours) && next.is_some_and(|next| *next != ours) {
                    // An item of both, but another comes before it.
                    at_left += 1;
                    continue;
                }
            }
            if let Some(ours) = left.elements.get(at_left) {
                if !right.by_element.contains_key(ours) {
                    out.extend(left.items.get(at_left).copied().cloned());
                    at_left += 1;
                    continue;
                }
                if merged.contains(ours) {
                    at_left += 1;
                }
            }
            if let Some(theirs) = right.elements.get(at_right) {
                merged.insert(theirs);
                out.extend(self.visit_item(list, theirs, &left, &right));
                at_right += 1;
                shared.next_if(|next| *next == theirs);
            }
        }
        (!out.is_empty()).then_some(Value::Array(out))
    }

    fn visit_item(
        &mut self,
        list: List<'a>,
        element: &PathElement,
        left: &Index<'_>,
        right: &Index<'_>,
    ) -> Option<Value> {
        let (left, right) = (left.find(element), right.find(element));
        self.path.push(element.clone());
        let merged = self.visit(list.items, left, right);
        self.path.pop();
        merged
    }

    fn index<'v>(
        &mut self,
        list: List<'a>,
        items: &'v [Value],
        duplicates: bool,
    ) -> Option<Index<'v>> {
        let mut index = Index::default();
        let mut sound = true;
        for (at, item) in items.iter().enumerate() {
            let element = match item_element(self.types, list, item) {
                Ok(element) => element,
                Err(error) => {
                    self.errors
                        .add(&self.path, format!("element {at}: {error}"));
                    sound = false;
                    continue;
                }
            };
            if !index.by_element.contains_key(&element) {
                index.by_element.insert(element.clone(), Some(item));
            } else if duplicates {
                // Those that are there twice are merged with nothing.
                index.by_element.insert(element.clone(), None);
            } else {
                self.errors
                    .add(&self.path, format!("duplicate entries for key {element}"));
                sound = false;
                continue;
            }
            index.elements.push(element);
            index.items.push(item);
        }
        sound.then_some(index)
    }
}

/// The items of a list by what tells them apart.
#[derive(Default)]
struct Index<'v> {
    elements: Vec<PathElement>,
    items: Vec<&'v Value>,
    /// `None` for one that is there more than once.
    by_element: BTreeMap<PathElement, Option<&'v Value>>,
}

impl<'v> Index<'v> {
    fn find(&self, element: &PathElement) -> Side<'v> {
        let found = self.by_element.get(element)?;
        Some(found.unwrap_or(&Value::Null))
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
