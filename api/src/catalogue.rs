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
