//! Field sets that were written when the schema was another: what is taken as
//! one now and was not then is owned as one by whoever owned a part of it.

use super::path::PathElement;
use super::path_set::{Node, PathSet};
use super::schema::{Shape, TypeRef, Types};

/// The set as it is by the schema of today; `None` if it is the same.
pub(super) fn reconcile(types: Types<'_>, of: TypeRef<'_>, set: &PathSet) -> Option<PathSet> {
    let mut walk = Walk {
        types,
        path: Vec::new(),
        whole: PathSet::new(),
    };
    walk.visit(of, None, set);
    (!walk.whole.is_empty()).then(|| {
        set.clone()
            .recursive_difference(&walk.whole)
            .union(&walk.whole)
    })
}

struct Walk<'a> {
    types: Types<'a>,
    path: Vec<PathElement>,
    /// What is to be owned as one.
    whole: PathSet,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, of: TypeRef<'a>, node: Option<&Node>, below: &PathSet) {
        let owned_as_one = node.is_some_and(|node| node.member) && below.is_empty();
        match self.types.resolve(of).and_then(|atom| atom.shape()) {
            None | Some(Shape::Scalar(_)) => {}
            Some(Shape::List(list)) => {
                if list.keys.is_some() {
                    self.visit_below(below, |_| Some(list.items));
                } else if !owned_as_one {
                    self.whole.insert(&self.path);
                }
            }
            Some(Shape::Object(object)) if object.is_deduced() => {}
            Some(Shape::Object(object)) => {
                if !object.atomic {
                    self.visit_below(below, |element| {
                        let of = match element {
                            PathElement::Field(name) => object.field_or_undeclared(name),
                            PathElement::Key(_) | PathElement::Value(_) | PathElement::Index(_) => {
                                object.undeclared
                            }
                        };
                        (!matches!(of, TypeRef::Undeclared)).then_some(of)
                    });
                } else if !owned_as_one && !below.is_empty() {
                    self.whole.insert(&self.path);
                }
            }
        }
    }

    fn visit_below(&mut self, set: &PathSet, of: impl Fn(&PathElement) -> Option<TypeRef<'a>>) {
        for (element, node) in set.nodes() {
            if let Some(of) = of(element) {
                self.path.push(element.clone());
                self.visit(of, Some(node), &node.children);
                self.path.pop();
            }
        }
    }
}
