//! `adit clusters --watch`: a line for each change.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Client;
use tokio_util::sync::CancellationToken;

use super::question::{fetch, parse};
use super::{COLUMNS, head, row};
use crate::hub::Listing;
use crate::output;

/// How often the hub is asked.
const POLL: Duration = Duration::from_secs(1);
/// The last columns, which count bytes: these change all the time.
const RESTLESS: usize = 2;

/// What was last shown of each cluster, and how wide the columns are.
#[derive(Debug)]
struct Shown {
    rows: BTreeMap<String, Vec<String>>,
    widths: Vec<usize>,
}

/// Shows the table, and from then on the line of each cluster that changes,
/// until told to stop or nobody reads it any more.
///
/// A hub that does not answer is an error at first, and later waited for.
pub(super) async fn watch(client: &Client, stop: CancellationToken) -> anyhow::Result<()> {
    let mut shown = Shown::default();
    let mut answers = true;
    let first = parse(&fetch(client).await?)?;
    let mut text = shown.begin(&first)?;
    loop {
        if !text.is_empty() && !output::write_to_reader(&text)? {
            return Ok(());
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(POLL) => {}
        }
        let asked = stop.run_until_cancelled(fetch(client)).await;
        text = match asked {
            None => return Ok(()),
            Some(Ok(body)) => {
                answers = true;
                shown.changes(&parse(&body)?)?
            }
            Some(Err(error)) => {
                if std::mem::replace(&mut answers, false) {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the hub does not answer; waiting"
                    );
                }
                String::new()
            }
        };
    }
}

impl Shown {
    /// The whole table.
    fn begin(&mut self, listing: &Listing) -> anyhow::Result<String> {
        let mut rows = vec![head()];
        for cluster in &listing.clusters {
            rows.push(row(cluster)?);
        }
        self.widths = output::widths(&rows);
        for row in &rows[1..] {
            self.rows.insert(row[0].clone(), row.clone());
        }
        Ok(rows
            .iter()
            .map(|row| output::row(row, &self.widths))
            .collect())
    }

    /// The lines of the clusters that are otherwise than they were shown last.
    fn changes(&mut self, listing: &Listing) -> anyhow::Result<String> {
        let mut text = String::new();
        let mut gone: Vec<String> = self.rows.keys().cloned().collect();
        for cluster in &listing.clusters {
            gone.retain(|name| *name != cluster.name);
            let now = row(cluster)?;
            if self
                .rows
                .get(&cluster.name)
                .is_none_or(|then| told(then) != told(&now))
            {
                text.push_str(&output::row(&now, &self.widths));
                self.rows.insert(cluster.name.clone(), now);
            }
        }
        for name in gone {
            self.rows.remove(&name);
            let mut cells = vec![name, "forgotten".to_owned()];
            cells.resize(COLUMNS, String::new());
            text.push_str(&output::row(&cells, &self.widths));
        }
        Ok(text)
    }
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            widths: vec![0; COLUMNS],
        }
    }
}

/// The cells whose change is a change.
fn told(row: &[String]) -> &[String] {
    &row[..row.len() - RESTLESS]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(sessions: &str) -> Listing {
        let listed = format!(r#"{{"clusters": [{{"name": "edge-1", "sessions": [{sessions}]}}]}}"#);
        parse(&listed).unwrap()
    }

    fn session(streams: u64, bytes: u64) -> Listing {
        listing(&format!(
            r#"{{"id": 1, "agent": "a", "agentVersion": "1", "serial": "aa",
                "connectedSince": "2026-01-01T00:00:00Z", "streams": {streams},
                "bytesIn": {bytes}, "bytesOut": 1, "links": []}}"#
        ))
    }

    #[test]
    fn only_what_changes_is_shown_again() {
        let mut shown = Shown::default();
        assert_eq!(shown.begin(&listing("")).unwrap().lines().count(), 2);
        assert_eq!(shown.changes(&listing("")).unwrap(), "");
        let connected = shown.changes(&session(0, 1)).unwrap();
        assert!(connected.starts_with("edge-1   1"), "{connected}");
        assert_eq!(shown.changes(&session(0, 2000)).unwrap(), "");
        assert_eq!(shown.changes(&session(1, 2000)).unwrap().lines().count(), 1);
        let nobody = Listing {
            clusters: Vec::new(),
        };
        let gone = shown.changes(&nobody).unwrap();
        assert!(gone.starts_with("edge-1   forgotten"), "{gone}");
        assert_eq!(shown.changes(&nobody).unwrap(), "");
    }
}
