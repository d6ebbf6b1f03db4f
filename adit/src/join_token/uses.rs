use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use super::{USED_BY, USES, USES_MAX, text};

/// How often a token may be used, and by which clusters it was. A cluster that
/// comes again, as after a restart, is counted once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Uses {
    limit: u32,
    by: Vec<String>,
}

/// As many clusters have joined as may.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0} clusters have joined with this token, which is all that may; make another on the hub \
     with `adit token create --join`"
)]
pub(crate) struct UsedUp(u32);

impl Uses {
    /// What a token's Secret says of it; `None` if it may be used by any number
    /// of clusters. What cannot be read lets nobody in.
    pub(crate) fn of(secret: &Secret) -> Option<Self> {
        if !secret.data.as_ref()?.contains_key(USES) {
            return None;
        }
        let limit = text(secret, USES).and_then(|uses| uses.parse().ok());
        let by = text(secret, USED_BY).unwrap_or_default();
        let by = by.split(',').filter(|name| !name.is_empty());
        Some(Self {
            limit: limit.unwrap_or(0).min(USES_MAX),
            by: by.map(str::to_owned).collect(),
        })
    }

    /// Counts a cluster; whether it was not counted before.
    pub(crate) fn count(&mut self, cluster: &str) -> Result<bool, UsedUp> {
        if self.by.iter().any(|name| name == cluster) {
            return Ok(false);
        }
        if self.left() == 0 {
            return Err(UsedUp(self.limit));
        }
        self.by.push(cluster.to_owned());
        Ok(true)
    }

    /// How many more clusters may join.
    pub(crate) fn left(&self) -> u32 {
        let used = u32::try_from(self.by.len()).unwrap_or(u32::MAX);
        self.limit.saturating_sub(used)
    }

    /// How many may in all.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// Those that have.
    pub(crate) fn by(&self) -> &[String] {
        &self.by
    }

    /// Has a token's Secret say so.
    pub(crate) fn write_to(&self, secret: &mut Secret) {
        let by = ByteString(self.by.join(",").into_bytes());
        let data = secret.data.get_or_insert_default();
        data.insert(USED_BY.to_owned(), by);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data = data.iter().map(|(key, value)| {
            let value = ByteString(value.as_bytes().to_vec());
            ((*key).to_owned(), value)
        });
        Secret {
            data: Some(data.collect::<BTreeMap<_, _>>()),
            ..Secret::default()
        }
    }

    #[test]
    fn a_cluster_counts_once_and_one_too_many_is_refused() {
        let mut secret = secret(&[(USES, "2")]);
        for (cluster, counted) in [
            ("a", Ok(true)),
            ("a", Ok(false)),
            ("b", Ok(true)),
            ("c", Err(UsedUp(2))),
            ("b", Ok(false)),
        ] {
            let mut uses = Uses::of(&secret).unwrap();
            assert_eq!(uses.count(cluster), counted, "{cluster}");
            uses.write_to(&mut secret);
        }
        let uses = Uses::of(&secret).unwrap();
        assert_eq!((uses.left(), uses.limit()), (0, 2));
        assert_eq!(uses.by(), ["a", "b"]);
    }

    #[test]
    fn a_number_that_is_none_lets_nobody_in() {
        for uses in ["", "-1", "many", "4294967296"] {
            let mut uses = Uses::of(&secret(&[(USES, uses)])).unwrap();
            assert_eq!(uses.count("a"), Err(UsedUp(0)));
        }
        assert_eq!(Uses::of(&secret(&[])), None);
    }
}
