use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::{Resource, Schema};

/// All kinds that the hub serves: [`crate::core()`] and [`crate::ocm()`], read
/// anew, for whoever keeps them.
#[must_use]
pub fn all() -> Catalogue {
    let mut all = crate::core::read();
    let ocm = crate::ocm::read(&all);
    all.resources.extend(ocm.resources);
    all.definitions.extend(ocm.definitions);
    all.share();
    all
}

/// Schemas by name, as in OpenAPI's `components.schemas`.
pub type Definitions = BTreeMap<Box<str>, Schema>;

/// Resources, and the schemas that they and their fields are of.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Catalogue {
    /// What is served.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// The schemas.
    pub definitions: Definitions,
}

impl Catalogue {
    /// Has equal schemas be one in memory.
    fn share(&mut self) {
        let mut seen = HashSet::new();
        for schema in self.definitions.values_mut() {
            schema.share(&mut seen);
        }
    }

    /// What of it one group of custom resources is: its resources, and the
    /// schemas of the group and of what all objects have.
    #[must_use]
    pub fn of_group(mut self, group: &str) -> Self {
        self.resources.retain(|of| &*of.group == group);
        let reversed: Vec<&str> = group.rsplit('.').collect();
        let own = format!("{}.", reversed.join("."));
        self.definitions
            .retain(|name, _| name.starts_with("io.k8s.apimachinery.") || name.starts_with(&own));
        self
    }

    /// The schema that `schema` refers to, or itself. `None` if it refers to
    /// a name that is not there.
    #[must_use]
    pub fn resolve<'a>(&'a self, schema: &'a Schema) -> Option<&'a Schema> {
        match &schema.reference {
            None => Some(schema),
            Some(name) => self.definitions.get(name),
        }
    }
}
