//! Tables for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::api;
use crate::cases;
use crate::figures::{Figure, Results};
use crate::fleet;
use crate::targets::{self, Outcome};
use crate::works;

/// Prints every case that is in the folder, and how far the targets are reached.
///
/// # Errors
/// There is nothing, or it cannot be read.
pub(crate) fn print_results(out: &Path) -> Result<()> {
    let results = Results::load(out)?;
    let mut text = String::new();
    let cases = cases::list(true);
    let names = cases.iter().map(|case| case.name.as_str());
    for name in names
        .chain(api::CASES)
        .chain(works::CASES)
        .chain(fleet::CASES)
    {
        let figures: Vec<Figure> = results.of(name).cloned().collect();
        if !figures.is_empty() {
            text += &table(name, &figures);
        }
    }
    ensure!(!text.is_empty(), "there is nothing in {}", out.display());
    print(&(text + &verdicts(&targets::judge(&results))));
    Ok(())
}

/// Prints one case.
pub(crate) fn print_case(name: &str, figures: &[Figure]) {
    print(&table(name, figures));
}

#[expect(
    clippy::print_stdout,
    reason = "the tables are what the program is for"
)]
fn print(text: &str) {
    println!("{text}");
}

/// A row for each system, a column for each metric: first those with short
/// names, which are those that matter most.
fn table(name: &str, figures: &[Figure]) -> String {
    let metrics: BTreeSet<(bool, usize, &str)> = figures
        .iter()
        .map(|figure| figure.metric.as_str())
        .map(|metric| (metric.starts_with("before_"), metric.len(), metric))
        .collect();
    let metrics: Vec<&str> = metrics.into_iter().map(|(_, _, metric)| metric).collect();
    let mut systems: Vec<&str> = Vec::new();
    for figure in figures {
        if !systems.contains(&figure.system.as_str()) {
            systems.push(&figure.system);
        }
    }
    let mut text = format!("\n#### {name}\n\n| system |");
    for metric in &metrics {
        let _ = write!(text, " {metric} |");
    }
    text += "\n|---|";
    text += &"---|".repeat(metrics.len());
    for system in systems {
        let _ = write!(text, "\n| {system} |");
        for metric in &metrics {
            let mut found = figures.iter();
            let found = found.find(|figure| figure.system == system && figure.metric == *metric);
            let _ = write!(text, " {} |", found.map(cell).unwrap_or_default());
        }
    }
    text + "\n"
}

/// The median, and the spread where there was more than one round.
fn cell(figure: &Figure) -> String {
    let Figure {
        median, min, max, ..
    } = figure;
    if figure.rounds == 1 {
        return short(*median);
    }
    format!("{} [{}–{}]", short(*median), short(*min), short(*max))
}

/// Three digits that count.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

fn verdicts(outcomes: &[Outcome]) -> String {
    let mut text =
        "\n#### targets\n\n| target | wanted | measured | reached |\n|---|---|---|---|".to_owned();
    for outcome in outcomes {
        let reached = if outcome.reached() { "yes" } else { "no" };
        let _ = write!(
            text,
            "\n| {} | {} | {} | {reached} |",
            outcome.what,
            outcome.limit,
            short(outcome.measured)
        );
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Round, summarize};

    #[test]
    fn a_table_has_a_row_for_each_system_and_a_column_for_each_metric() {
        let round = |value| Round::from([("mib_s".to_owned(), value)]);
        let mut figures = summarize("bulk_1_down", "direct", &[round(5000.0), round(6000.0)]);
        figures.extend(summarize("bulk_1_down", "relay", &[round(12.34)]));
        let expected = "
#### bulk_1_down

| system | mib_s |
|---|---|
| direct | 5500 [5000–6000] |
| relay | 12.3 |
";
        assert_eq!(table("bulk_1_down", &figures), expected);
    }
}
