//! What the managed cluster's nodes have together.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

type Quantities = BTreeMap<String, Quantity>;

/// What counts of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NodeResources {
    capacity: Quantities,
    /// Nothing if it takes no pods.
    allocatable: Quantities,
}

/// Sums over nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Resources {
    pub(super) capacity: Quantities,
    pub(super) allocatable: Quantities,
}

impl NodeResources {
    pub(super) fn of(node: &Node) -> Option<Self> {
        let status = node.status.as_ref()?;
        let spec = node.spec.as_ref();
        let closed = spec.and_then(|spec| spec.unschedulable).unwrap_or(false);
        let allocatable = if closed {
            None
        } else {
            status.allocatable.clone()
        };
        Some(Self {
            capacity: status.capacity.clone().unwrap_or_default(),
            allocatable: allocatable.unwrap_or_default(),
        })
    }
}

impl Resources {
    pub(super) fn of(nodes: &BTreeMap<String, NodeResources>) -> Self {
        Self {
            capacity: sum(nodes.values().map(|node| &node.capacity)),
            allocatable: sum(nodes.values().map(|node| &node.allocatable)),
        }
    }
}

fn sum<'a>(all: impl Iterator<Item = &'a Quantities>) -> Quantities {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, quantity) in all.flatten() {
        by_name.entry(name).or_default().push(&quantity.0);
    }
    let sums = by_name.into_iter().filter_map(|(name, quantities)| {
        let sum = api::quantity::sum(quantities)?;
        Some((name.to_owned(), Quantity(sum)))
    });
    sums.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(cpu: &str, memory: &str, unschedulable: bool) -> NodeResources {
        let has = json!({"cpu": cpu, "memory": memory});
        let node = json!({
            "metadata": {"name": "n"},
            "spec": {"unschedulable": unschedulable},
            "status": {"capacity": has, "allocatable": has},
        });
        NodeResources::of(&serde_json::from_value(node).unwrap()).unwrap()
    }

    /// Rule 1.7, resources.
    #[test]
    fn capacity_is_of_all_nodes_and_allocatable_of_those_that_take_pods() {
        let nodes = BTreeMap::from([
            ("a".to_owned(), node("4", "16393244Ki", false)),
            ("b".to_owned(), node("3920m", "16393244Ki", false)),
            ("c".to_owned(), node("8", "1Gi", true)),
        ]);
        let resources = Resources::of(&nodes);
        assert_eq!(resources.capacity["cpu"].0, "15920m");
        assert_eq!(resources.capacity["memory"].0, "33835064Ki");
        assert_eq!(resources.allocatable["cpu"].0, "7920m");
        assert_eq!(resources.allocatable["memory"].0, "32786488Ki");
    }
}
