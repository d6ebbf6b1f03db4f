//! What changed between two values of a type.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::PathElement;
use super::path_set::PathSet;
use super::schema::{List, ObjectType, Shape, TypeRef, Types};
use super::typed::{TypeErrors, item_element, scalar_error};
use super::value;

/// The paths at which two values differ, each in one of the sets.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparison {
    /// Only in the second.
    pub(super) added: PathSet,
    /// In both, but not the same.
    pub(super) modified: PathSet,
    /// Only in the first.
    pub(super) removed: PathSet,
}

/// Compares two values of that type.
pub(super) fn compare(
    types: Types<'_>,
    of: TypeRef<'_>,
    left: &Value,
    right: &Value,
) -> Result<Comparison, TypeErrors> {
    let mut walk = Walk {
        types,
        path: Vec::new(),
        out: Comparison::default(),
        errors: TypeErrors::default(),
    };
    walk.visit(of, Some(left), Some(right));
    walk.errors.into_result(walk.out)
}

struct Walk<'a> {
    types: Types<'a>,
    path: Vec<PathElement>,
    out: Comparison,
    errors: TypeErrors,
}

type Side<'v> = Option<&'v Value>;

impl<'a> Walk<'a> {
    fn visit(&mut self, of: TypeRef<'a>, left: Side<'_>, right: Side<'_>) {
        let Some(atom) = self.types.resolve(of) else {
            return self.errors.add(
                &self.path,
                "schema error: no type found matching: inlined type",
            );
        };
        let (of_left, of_right) = (atom.narrow(left), atom.narrow(right));
        let was_leaf = if right.is_none() {
            self.visit_shape(of_left.shape(), left, right)
        } else {
            if left.is_some() && !of_left.is_like(of_right) {
                self.visit_shape(of_left.shape(), left, right);
            }
            self.visit_shape(of_right.shape(), left, right)
        };
        if !was_leaf {
            match (left, right) {
                (None, _) => self.out.added.insert(&self.path),
                (_, None) => self.out.removed.insert(&self.path),
                _ => {}
            }
        }
    }

    /// Whether the values were compared as one.
    fn visit_shape(&mut self, shape: Option<Shape<'a>>, left: Side<'_>, right: Side<'_>) -> bool {
        match shape {
            None => {
                self.errors
                    .add(&self.path, "schema error: invalid atom: inlined");
                false
            }
            Some(Shape::Scalar(scalar)) => {
                if let (Some(left), Some(right)) =
                    (scalar_error(scalar, left), scalar_error(scalar, right))
                {
                    self.errors.add(&self.path, format!("lhs: {left}"));
                    self.errors.add(&self.path, format!("rhs: {right}"));
                    return false;
                }
                self.leaf(left, right);
                true
            }
            Some(Shape::List(list)) => {
                let (left_items, right_items) = (items(left), items(right));
                if list.keys.is_none() || (left_items.is_empty() && right_items.is_empty()) {
                    self.leaf(left, right);
                    return true;
                }
                self.visit_items(list, left_items, right_items);
                false
            }
            Some(Shape::Object(object)) => {
                let (left_fields, right_fields) = (fields(left), fields(right));
                let empty = |fields: Option<&Map<_, _>>| fields.is_none_or(Map::is_empty);
                if object.atomic || (empty(left_fields) && empty(right_fields)) {
                    self.leaf(left, right);
                    return true;
                }
                self.visit_fields(object, left_fields, right_fields);
                false
            }
        }
    }

    fn leaf(&mut self, left: Side<'_>, right: Side<'_>) {
        match (left, right) {
            (None, _) => self.out.added.insert(&self.path),
            (_, None) => self.out.removed.insert(&self.path),
            (Some(left), Some(right)) if !value::equal(left, right) => {
                self.out.modified.insert(&self.path);
            }
            _ => {}
        }
    }

    fn visit_fields(
        &mut self,
        object: ObjectType<'a>,
        left: Option<&Map<String, Value>>,
        right: Option<&Map<String, Value>>,
    ) {
        for (name, value) in left.into_iter().flatten() {
            let other = right.and_then(|right| right.get(name));
            self.visit_field(object, name, Some(value), other);
        }
        for (name, value) in right.into_iter().flatten() {
            if left.is_none_or(|left| !left.contains_key(name)) {
                self.visit_field(object, name, None, Some(value));
            }
        }
    }

    fn visit_field(&mut self, object: ObjectType<'a>, name: &str, left: Side<'_>, right: Side<'_>) {
        self.visit_below(
            PathElement::field(name),
            object.field_or_undeclared(name),
            left,
            right,
        );
    }

    fn visit_below(
        &mut self,
        element: PathElement,
        of: TypeRef<'a>,
        left: Side<'_>,
        right: Side<'_>,
    ) {
        self.path.push(element);
        self.visit(of, left, right);
        self.path.pop();
    }

    fn visit_items(&mut self, list: List<'a>, left: &[Value], right: &[Value]) {
        let mut by_element: BTreeMap<PathElement, [Vec<&Value>; 2]> = BTreeMap::new();
        for (side, items) in [left, right].into_iter().enumerate() {
            for (index, item) in items.iter().enumerate() {
                match item_element(self.types, list, item) {
                    Ok(element) => by_element.entry(element).or_default()[side].push(item),
                    Err(error) => self
                        .errors
                        .add(&self.path, format!("element {index}: {error}")),
                }
            }
        }
        for (element, [left, right]) in by_element {
            self.visit_item(list, element, &left, &right);
        }
    }

    /// An item that is there more than once is taken as one with those like it.
    fn visit_item(
        &mut self,
        list: List<'a>,
        element: PathElement,
        left: &[&Value],
        right: &[&Value],
    ) {
        let one = |side: &[&_]| side.len() <= 1;
        match (one(left), one(right)) {
            (true, true) => {
                self.visit_below(
                    element,
                    list.items,
                    left.first().copied(),
                    right.first().copied(),
                );
            }
            (false, false) => {
                let same = left.len() == right.len()
                    && left
                        .iter()
                        .zip(right)
                        .all(|(left, right)| value::equal(left, right));
                if !same {
                    self.insert_below(element, |out| &mut out.modified);
                }
            }
            (false, true) => {
                if let Some(right) = right.first() {
                    self.visit_below(element.clone(), list.items, None, Some(right));
                }
                self.insert_below(element, |out| &mut out.removed);
            }
            (true, false) => {
                if let Some(left) = left.first() {
                    self.visit_below(element.clone(), list.items, Some(left), None);
                }
                self.insert_below(element, |out| &mut out.added);
            }
        }
    }

    fn insert_below(
        &mut self,
        element: PathElement,
        set: impl FnOnce(&mut Comparison) -> &mut PathSet,
    ) {
        self.path.push(element);
        set(&mut self.out).insert(&self.path);
        self.path.pop();
    }
}

fn items(side: Side<'_>) -> &[Value] {
    match side {
        Some(Value::Array(items)) => items,
        _ => &[],
    }
}

fn fields(side: Side<'_>) -> Option<&Map<String, Value>> {
    side.and_then(Value::as_object)
}
