//! Runs the load program (load/) and takes its figures.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::command;

use crate::figures::Round;
use crate::place::Place;
use crate::programs::Programs;

/// Longer than any mode takes at the durations we ask for.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a mode through this way in.
///
/// # Errors
/// It fails or takes too long; the error has what it printed.
pub(crate) async fn run(
    programs: &Programs,
    place: &Place,
    mode: &str,
    way: &[String],
    more: &[String],
) -> Result<Round> {
    let mut command = place.hub().command(&programs.load);
    command.arg(mode).args(way).args(more);
    let output = command::run(command, Vec::new(), LIMIT).await?;
    ensure!(
        output.code == 0,
        "load {mode} failed: {}",
        output.stderr.trim()
    );
    parse(&output.stdout)
}

/// The figures on the last line of what a mode prints.
///
/// # Errors
/// There are none.
pub(crate) fn parse(printed: &str) -> Result<Round> {
    let line = printed.trim_end().lines().last().unwrap_or_default();
    serde_json::from_str(line).with_context(|| format!("no figures: {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts() {
        let round = parse("{\"open\":1000}\n{\"mib_s\":12.5,\"bytes\":1e9}\n").unwrap();
        assert_eq!((round["mib_s"], round["bytes"]), (12.5, 1e9));
        assert_eq!(round.len(), 2);
    }

    #[test]
    fn words_are_no_figures() {
        assert!(parse("load: no way").is_err());
        assert!(parse("").is_err());
    }
}
