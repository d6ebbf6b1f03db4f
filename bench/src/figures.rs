//! What was measured, and what is made of several rounds of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// What one round of a case says of a system: values by metric.
pub(crate) type Round = BTreeMap<String, f64>;

/// One line of the results.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) case: String,
    pub(crate) system: String,
    pub(crate) metric: String,
    pub(crate) unit: String,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) rounds: usize,
}

/// All that is there to report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    figures: Vec<Figure>,
}

/// Quantiles of times, in microseconds.
///
/// # Errors
/// There are none.
pub(crate) fn latencies(times: &mut [Duration]) -> Result<Round> {
    let p99 = quantile(times, 99)?;
    Ok(Round::from([
        ("p50_us".to_owned(), quantile(times, 50)?),
        ("p99_us".to_owned(), p99),
    ]))
}

/// So many hundredths of the times are shorter, in microseconds.
///
/// # Errors
/// There are none.
pub(crate) fn quantile(times: &mut [Duration], hundredths: usize) -> Result<f64> {
    times.sort_unstable();
    let at = times.len().saturating_sub(1) * hundredths / 100;
    let time = times.get(at).context("nothing was measured")?;
    Ok(time.as_secs_f64() * 1e6)
}

/// The figures of a system in a case.
///
/// A round may lack a metric (nothing was answered): then the others count.
pub(crate) fn summarize(case: &str, system: &str, rounds: &[Round]) -> Vec<Figure> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for round in rounds {
        for (metric, value) in round {
            values.entry(metric).or_default().push(*value);
        }
    }
    let figure = |(metric, mut values): (&str, Vec<f64>)| {
        values.sort_unstable_by(f64::total_cmp);
        Figure {
            case: case.to_owned(),
            system: system.to_owned(),
            metric: metric.to_owned(),
            unit: unit(metric).to_owned(),
            median: median(&values),
            min: values[0],
            max: values[values.len() - 1],
            rounds: values.len(),
        }
    };
    values.into_iter().map(figure).collect()
}

/// The middle of sorted values, of which there is at least one.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

fn unit(metric: &str) -> &'static str {
    if metric.starts_with("change_") || metric.ends_with("_by_json") {
        "ratio"
    } else if metric == "mib_s" {
        "MiB/s"
    } else if metric == "cpu_s_per_gib" {
        "s/GiB"
    } else if metric.ends_with("_us") {
        "us"
    } else if metric == "per_s" {
        "1/s"
    } else if metric.starts_with("bytes_") {
        "B"
    } else if metric == "cores" {
        "cores"
    } else if metric.starts_with("seconds") {
        "s"
    } else {
        "share"
    }
}

impl Results {
    /// Those of all cases that are in the folder.
    ///
    /// # Errors
    /// A file cannot be read or is none of ours.
    pub(crate) fn load(out: &Path) -> Result<Self> {
        let mut files: Vec<PathBuf> = match fs::read_dir(cases(out)) {
            Ok(entries) => entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<_>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        files.sort();
        let mut figures = Vec::new();
        for file in files {
            let read = || -> Result<Vec<Figure>> {
                Ok(serde_json::from_str(&fs::read_to_string(&file)?)?)
            };
            figures.extend(read().with_context(|| format!("cannot use {}", file.display()))?);
        }
        Ok(Self { figures })
    }

    /// Keeps the figures of a case, in place of those it had.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(crate) fn keep(out: &Path, case: &str, figures: &[Figure]) -> Result<()> {
        fs::create_dir_all(cases(out))?;
        write(&file(out, case), figures)?;
        write(&out.join("results.json"), &Self::load(out)?.figures)
    }

    /// Whether there are figures of this case.
    pub(crate) fn has(out: &Path, case: &str) -> bool {
        file(out, case).exists()
    }

    /// Forgets all cases.
    ///
    /// # Errors
    /// The folder cannot be removed.
    pub(crate) fn clear(out: &Path) -> Result<()> {
        match fs::remove_dir_all(cases(out)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// All figures of a case.
    pub(crate) fn of(&self, case: &str) -> impl Iterator<Item = &Figure> {
        self.figures
            .iter()
            .filter(move |figure| figure.case == case)
    }

    /// The median of a metric.
    pub(crate) fn median(&self, case: &str, system: &str, metric: &str) -> Option<f64> {
        let found = self
            .of(case)
            .find(|figure| figure.system == system && figure.metric == metric);
        found.map(|figure| figure.median)
    }
}

fn cases(out: &Path) -> PathBuf {
    out.join("cases")
}

fn file(out: &Path, case: &str) -> PathBuf {
    cases(out).join(format!("{case}.json"))
}

/// Writes it whole or not at all.
fn write(path: &Path, figures: &[Figure]) -> Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, serde_json::to_string_pretty(figures)? + "\n")?;
    fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
impl Results {
    pub(crate) fn new(figures: Vec<Figure>) -> Self {
        Self { figures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(metric: &str, value: f64) -> Round {
        Round::from([(metric.to_owned(), value)])
    }

    #[test]
    fn of_an_odd_number_of_rounds_the_one_in_the_middle_counts() {
        let rounds = [9.0, 1.0, 5.0].map(|value| round("mib_s", value));
        let figures = summarize("bulk_1_down", "direct", &rounds);
        let [figure] = figures.as_slice() else {
            panic!("{figures:?}");
        };
        assert_eq!((figure.median, figure.min, figure.max), (5.0, 1.0, 9.0));
        assert_eq!((figure.rounds, figure.unit.as_str()), (3, "MiB/s"));
    }

    #[test]
    fn of_an_even_number_the_mean_of_the_middle_two_counts() {
        let rounds = [4.0, 1.0, 2.0, 100.0].map(|value| round("per_s", value));
        assert_eq!(summarize("http_1", "direct", &rounds)[0].median, 3.0);
    }

    #[test]
    fn a_round_that_lacks_a_metric_does_not_count_for_it() {
        let rounds = [round("p50_us", 7.0), round("complete", 0.0)];
        let figures = summarize("http_1", "direct", &rounds);
        let counts: Vec<_> = figures
            .iter()
            .map(|figure| (figure.metric.as_str(), figure.rounds, figure.median))
            .collect();
        assert_eq!(counts, [("complete", 1, 0.0), ("p50_us", 1, 7.0)]);
    }

    #[test]
    fn what_is_kept_is_found_again_by_case() {
        let out = harness::scratch::fresh_folder("results").unwrap();
        let first = summarize("one", "direct", &[round("per_s", 1.0)]);
        let second = summarize("two", "direct", &[round("per_s", 2.0)]);
        Results::keep(&out, "one", &first).unwrap();
        Results::keep(&out, "two", &second).unwrap();
        assert!(Results::has(&out, "one") && !Results::has(&out, "three"));
        let results = Results::load(&out).unwrap();
        assert_eq!(results.median("two", "direct", "per_s"), Some(2.0));
        let all: Vec<Figure> =
            serde_json::from_str(&fs::read_to_string(out.join("results.json")).unwrap()).unwrap();
        assert_eq!(all, [first, second].concat());
        Results::clear(&out).unwrap();
        assert!(!Results::has(&out, "one"));
    }
}
