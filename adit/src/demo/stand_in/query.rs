//! What a request's query asks for.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::api::Failure;

/// The parts of a query that the stand-in heeds.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) watch: bool,
    /// Only the namespace of this name.
    pub(super) name: Option<String>,
    /// Events after this version; `None`: what is there first.
    pub(super) after: Option<u64>,
    pub(super) send_initial_events: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) dry_run: bool,
}

impl Query {
    pub(super) fn parse(query: &str) -> Result<Self, Failure> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| Failure::bad("the query is not UTF-8"))?;
            parsed.take(key, &value)?;
        }
        Ok(parsed)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        match key {
            "watch" => self.watch = matches!(value, "1" | "true"),
            "sendInitialEvents" => self.send_initial_events = value == "true",
            "dryRun" => self.dry_run = value == "All",
            "resourceVersion" if !matches!(value, "" | "0") => {
                let version = value.parse();
                self.after = Some(version.map_err(|_| Failure::bad("no resourceVersion"))?);
            }
            "timeoutSeconds" => {
                let seconds = value
                    .parse()
                    .map_err(|_| Failure::bad("no timeoutSeconds"))?;
                self.timeout = Some(Duration::from_secs(seconds));
            }
            "fieldSelector" if !value.is_empty() => {
                let name = value.strip_prefix("metadata.name=");
                let name = name.map(|name| name.trim_start_matches('='));
                let name = name.filter(|name| !name.contains(','));
                let only = "metadata.name is the only field it selects by";
                self.name = Some(name.ok_or_else(|| Failure::bad(only))?.to_owned());
            }
            "labelSelector" if !value.is_empty() => {
                return Err(Failure::bad("it selects by no labels"));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_as_kubectl_asks_for_it_is_understood() {
        let query =
            "fieldSelector=metadata.name%3Dhello&resourceVersion=7&timeoutSeconds=30&watch=true";
        let query = Query::parse(query).unwrap();
        assert!(query.watch && !query.dry_run);
        assert_eq!(query.name.as_deref(), Some("hello"));
        assert_eq!(query.after, Some(7));
        assert_eq!(query.timeout, Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_selection_it_cannot_make_is_refused_and_not_left_out() {
        for query in ["labelSelector=a%3Db", "fieldSelector=status.phase%3DActive"] {
            assert!(Query::parse(query).is_err(), "{query}");
        }
        assert!(Query::parse("resourceVersion=new").is_err());
        assert!(Query::parse("limit=500&resourceVersion=0").is_ok());
    }
}
