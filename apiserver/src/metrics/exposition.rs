use std::fmt::{Display, Write as _};

/// Metrics as text, for whoever scrapes the server.
#[derive(Debug)]
pub(crate) struct Exposition {
    text: String,
    format: Format,
}

/// Which of the two forms, which differ in how a counter's family is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// OpenMetrics, without its last line.
    OpenMetrics,
    /// Prometheus' own, version 0.0.4.
    Prometheus,
}

impl Exposition {
    pub(crate) const fn new(format: Format) -> Self {
        Self {
            text: String::new(),
            format,
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// A counter; its name is without `_total`.
    pub(crate) fn counter<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(N, V)>, u64)>,
    ) {
        let total = format!("{name}_total");
        let family = match self.format {
            Format::OpenMetrics => name,
            Format::Prometheus => &total,
        };
        self.family(family, help, "counter");
        for (labels, value) in samples {
            self.sample(&total, &labels, None, value);
        }
    }

    pub(crate) fn gauge<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(N, V)>, u64)>,
    ) {
        self.family(name, help, "gauge");
        for (labels, value) in samples {
            self.sample(name, &labels, None, value);
        }
    }

    /// A histogram: of each sample the labels, the upper bounds with how many
    /// there are in each bucket alone, how many are above, and their sum.
    pub(crate) fn histogram<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(N, V)>, Vec<(f64, u64)>, u64, f64)>,
    ) {
        self.family(name, help, "histogram");
        let bucket = format!("{name}_bucket");
        for (labels, buckets, above, sum) in samples {
            let mut count = 0;
            for (most, alone) in buckets {
                count += alone;
                self.sample(&bucket, &labels, Some(most.to_string().as_str()), count);
            }
            count += above;
            self.sample(&bucket, &labels, Some("+Inf"), count);
            self.sample(&format!("{name}_sum"), &labels, None, sum);
            self.sample(&format!("{name}_count"), &labels, None, count);
        }
    }

    fn family(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        name: &str,
        labels: &[(N, V)],
        most: Option<&str>,
        value: impl Display,
    ) {
        self.text.push_str(name);
        let labels = labels
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
            .chain(most.map(|most| ("le", most)));
        let mut before = '{';
        for (name, value) in labels {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(self.text, "{before}{name}=\"{value}\"");
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_have_the_same_samples() {
        let written = |format| {
            let mut to = Exposition::new(format);
            to.counter("a", "Counts.", [(vec![("of", "x\"\\")], 3)]);
            let buckets = vec![(0.5, 1), (1.0, 2)];
            to.histogram("h", "Times.", [(vec![("of", "x")], buckets, 4, 2.5)]);
            to.into_text()
        };
        let samples = r#"a_total{of="x\"\\"} 3
# HELP h Times.
# TYPE h histogram
h_bucket{of="x",le="0.5"} 1
h_bucket{of="x",le="1"} 3
h_bucket{of="x",le="+Inf"} 7
h_sum{of="x"} 2.5
h_count{of="x"} 7
"#;
        assert_eq!(
            written(Format::OpenMetrics),
            format!("# HELP a Counts.\n# TYPE a counter\n{samples}")
        );
        assert_eq!(
            written(Format::Prometheus),
            format!("# HELP a_total Counts.\n# TYPE a_total counter\n{samples}")
        );
    }
}
