use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Schema;

/// An object's declared fields, by name.
///
/// There are thousands of schemas, many of them alike in several kinds, and
/// none changes: they lie close together, and of those of [`all`](crate::all())
/// equal ones are one.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Properties(Box<[(Box<str>, Arc<Schema>)]>);

impl Properties {
    /// The schema of a field, if it is declared.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Schema> {
        let at = self.position(name)?;
        Some(&self.0[at].1)
    }

    /// The schema of a field, to be changed; nobody else's changes with it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Schema> {
        let at = self.position(name)?;
        Some(Arc::make_mut(&mut self.0[at].1))
    }

    /// Whether no field is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Schema)> {
        self.0.iter().map(|(name, schema)| (&**name, &**schema))
    }

    /// The fields' names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The fields' schemas, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &Schema> {
        self.iter().map(|(_, schema)| schema)
    }

    fn position(&self, name: &str) -> Option<usize> {
        let found = self.0.binary_search_by(|(of, _)| (**of).cmp(name));
        found.ok()
    }

    pub(super) fn share(&mut self, seen: &mut HashSet<Arc<Schema>>) {
        for (_, schema) in &mut self.0 {
            Arc::make_mut(schema).share(seen);
            if let Some(same) = seen.get(schema) {
                *schema = same.clone();
            } else {
                seen.insert(schema.clone());
            }
        }
    }
}

impl FromIterator<(Box<str>, Schema)> for Properties {
    fn from_iter<T: IntoIterator<Item = (Box<str>, Schema)>>(fields: T) -> Self {
        let fields: BTreeMap<Box<str>, Schema> = fields.into_iter().collect();
        let fields = fields.into_iter();
        Self(
            fields
                .map(|(name, schema)| (name, Arc::new(schema)))
                .collect(),
        )
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = BTreeMap::<Box<str>, Schema>::deserialize(deserializer)?;
        Ok(fields.into_iter().collect())
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
