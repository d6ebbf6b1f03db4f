//! What the figures are to show, as ratios of medians of one run.

use std::fmt;

use crate::figures::Results;

/// A target, and how far it is reached.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) what: String,
    pub(crate) limit: Limit,
    pub(crate) measured: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

/// Adit's systems that are entered as the others are.
const CARRIERS: [&str; 2] = ["adit_h2", "adit_quic"];

impl Outcome {
    pub(crate) fn reached(&self) -> bool {
        match self.limit {
            Limit::AtLeast(limit) => self.measured >= limit,
            Limit::AtMost(limit) => self.measured <= limit,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(limit) => write!(f, "at least {limit}"),
            Self::AtMost(limit) => write!(f, "at most {limit}"),
        }
    }
}

/// The targets for which there are figures.
pub(crate) fn judge(results: &Results) -> Vec<Outcome> {
    let mut judge = Judge {
        results,
        outcomes: Vec::new(),
    };
    judge.bulk();
    judge.requests();
    judge.disturbances();
    judge.idle();
    judge.recovery();
    judge.loss();
    judge.api();
    judge.works();
    judge.outcomes
}

struct Judge<'a> {
    results: &'a Results,
    outcomes: Vec<Outcome>,
}

impl Judge<'_> {
    fn bulk(&mut self) {
        for streams in ["1", "16"] {
            let least = if streams == "1" { 1.5 } else { 1.35 };
            for (way, grpc, connect) in [("down", 6.0, 4.0), ("up", 3.5, 1.6)] {
                let case = format!("bulk_{streams}_{way}");
                self.ratio(
                    &case,
                    "mib_s",
                    ["adit_h2", "konnectivity_grpc"],
                    Limit::AtLeast(grpc),
                );
                let connects = ["adit_connect", "konnectivity_connect"];
                self.ratio(&case, "mib_s", connects, Limit::AtLeast(connect));
                self.ratio(
                    &case,
                    "mib_s",
                    ["adit_h2", "rathole"],
                    Limit::AtLeast(least),
                );
                self.ratio(
                    &case,
                    "cpu_s_per_gib",
                    ["adit_h2", "relay"],
                    Limit::AtMost(1.5),
                );
            }
        }
    }

    fn requests(&mut self) {
        for metric in ["p50_us", "p99_us"] {
            self.added("http_1", metric, ["adit_h2", "rathole"], 1.25);
        }
        self.added("http_64", "p50_us", ["adit_h2", "konnectivity_grpc"], 0.5);
        self.ratio(
            "http_64",
            "per_s",
            ["adit_h2", "rathole"],
            Limit::AtLeast(1.0),
        );
        let reuse = ["adit_h2", "konnectivity_reuse"];
        self.ratio("connect_16", "per_s", reuse, Limit::AtLeast(2.0));
        self.ratio(
            "connect_16",
            "per_s",
            ["adit_h2", "rathole"],
            Limit::AtLeast(5.0),
        );
    }

    fn disturbances(&mut self) {
        for case in ["stalled_download", "stalled_upload", "abort_16"] {
            for system in CARRIERS {
                for metric in ["change_p99_us", "change_dial_p50_us"] {
                    self.value(case, system, metric, Limit::AtMost(1.2));
                }
                self.value(case, system, "complete", Limit::AtLeast(1.0));
            }
        }
        for case in ["close_tail", "half_close"] {
            for system in ["adit_h2", "adit_quic", "adit_connect"] {
                self.value(case, system, "complete", Limit::AtLeast(1.0));
            }
        }
    }

    fn idle(&mut self) {
        for system in CARRIERS {
            self.value(
                "idle_agents",
                system,
                "bytes_each",
                Limit::AtMost(32.0 * 1024.0),
            );
            self.value(
                "idle_streams",
                system,
                "bytes_each",
                Limit::AtMost(8.0 * 1024.0),
            );
        }
    }

    fn recovery(&mut self) {
        for system in CARRIERS {
            self.value("recovery", system, "seconds", Limit::AtMost(0.3));
            self.value("recovery_30s", system, "seconds", Limit::AtMost(1.0));
        }
    }

    fn loss(&mut self) {
        for system in CARRIERS {
            for case in ["bulk_16_down_loss1", "bulk_16_up_loss1"] {
                self.value(case, system, "mib_s", Limit::AtLeast(5.0));
            }
            self.value(
                "beside_bulk_loss1",
                system,
                "p50_us",
                Limit::AtMost(60_000.0),
            );
        }
        self.value(
            "beside_bulk_loss5",
            "adit_quic",
            "p50_us",
            Limit::AtMost(120_000.0),
        );
    }

    fn api(&mut self) {
        const BOTH: [&str; 2] = ["adit_hub", "kube_apiserver"];

        for (case, metric, limit) in [
            ("api_start", "seconds", Limit::AtMost(0.1)),
            ("api_idle_memory", "bytes_resident", Limit::AtMost(0.125)),
            ("api_creates_1", "per_s", Limit::AtLeast(2.0)),
            ("api_creates_64", "per_s", Limit::AtLeast(2.0)),
            ("api_list", "seconds", Limit::AtMost(0.5)),
            ("api_watch", "p99_us", Limit::AtMost(0.5)),
            ("api_watch_selected", "p99_us", Limit::AtMost(0.5)),
        ] {
            self.ratio(case, metric, BOTH, limit);
        }
        for metric in ["memory_by_json", "disk_by_json"] {
            self.value("api_objects", BOTH[0], metric, Limit::AtMost(1.6));
        }
        for metric in ["change_bytes_disk", "change_p99_us"] {
            self.value("api_leases_hour", BOTH[0], metric, Limit::AtMost(1.2));
        }
    }

    fn works(&mut self) {
        for (case, p50, p99) in [
            ("works_embedded", 50_000.0, 250_000.0),
            ("works_kubernetes", 150_000.0, 1_000_000.0),
        ] {
            self.value(case, "adit", "p50_us", Limit::AtMost(p50));
            self.value(case, "adit", "p99_us", Limit::AtMost(p99));
        }
    }

    fn value(&mut self, case: &str, system: &str, metric: &str, limit: Limit) {
        let measured = self.results.median(case, system, metric);
        self.note(format!("{case}: {system} {metric}"), limit, measured);
    }

    /// The first system's value by the second's.
    fn ratio(&mut self, case: &str, metric: &str, [first, second]: [&str; 2], limit: Limit) {
        let of = |system| self.results.median(case, system, metric);
        let measured = of(first)
            .zip(of(second))
            .map(|(first, second)| first / second);
        self.note(
            format!("{case}: {metric}, {first} / {second}"),
            limit,
            measured,
        );
    }

    /// What the first adds to `direct` by what the second adds to it.
    fn added(&mut self, case: &str, metric: &str, [first, second]: [&str; 2], most: f64) {
        let of = |system| self.results.median(case, system, metric);
        let measured = of("direct")
            .zip(of(first).zip(of(second)))
            .map(|(direct, (first, second))| (first - direct) / (second - direct));
        let what = format!("{case}: {metric} added to direct, {first} / {second}");
        self.note(what, Limit::AtMost(most), measured);
    }

    fn note(&mut self, what: String, limit: Limit, measured: Option<f64>) {
        self.outcomes.extend(measured.map(|measured| Outcome {
            what,
            limit,
            measured,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Round, summarize};

    fn results(values: &[(&str, &str, &str, f64)]) -> Results {
        let figures = values.iter().flat_map(|&(case, system, metric, value)| {
            summarize(case, system, &[Round::from([(metric.to_owned(), value)])])
        });
        Results::new(figures.collect())
    }

    #[test]
    fn a_ratio_is_of_what_two_systems_reached_in_one_case() {
        let results = results(&[
            ("bulk_1_down", "adit_h2", "mib_s", 600.0),
            ("bulk_1_down", "konnectivity_grpc", "mib_s", 150.0),
            ("bulk_16_down", "konnectivity_grpc", "mib_s", 1.0),
        ]);
        let outcomes = judge(&results);
        let [outcome] = outcomes.as_slice() else {
            panic!("{outcomes:?}");
        };
        assert_eq!(
            (outcome.measured, outcome.limit),
            (4.0, Limit::AtLeast(6.0))
        );
        assert!(!outcome.reached());
    }

    #[test]
    fn what_a_path_adds_is_what_it_takes_beyond_direct() {
        let results = results(&[
            ("http_1", "direct", "p50_us", 20.0),
            ("http_1", "rathole", "p50_us", 120.0),
            ("http_1", "adit_h2", "p50_us", 140.0),
        ]);
        let outcomes = judge(&results);
        let [outcome] = outcomes.as_slice() else {
            panic!("{outcomes:?}");
        };
        assert_eq!(outcome.measured, 1.2);
        assert!(outcome.reached());
    }

    #[test]
    fn without_figures_nothing_is_claimed() {
        assert!(judge(&results(&[])).is_empty());
    }
}
